import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadApiConfig } from '../../apps/api/src/config.ts';
import { loadWorkerConfig } from '../../apps/worker/src/config.ts';
import { ROOT } from '../support/paths.ts';

const page = readFileSync(join(ROOT, 'docs/configuration.md'), 'utf8');
const source = { env: { REDIS_URL: 'redis://127.0.0.1:1' }, cwd: '/nowhere' };

/** Keys in the first column of the tables below a heading. */
function documentedKeys(heading: string): string[] {
  const [, section = ''] = page.split(`\n## ${heading}\n`);
  const rows = section.split('\n## ', 1)[0]?.matchAll(/^\| (`[^|]+) \|/gm) ?? [];
  return [...rows].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`(\w+)`/g)].map((m) => m[1] ?? ''),
  );
}

/** Keys that an app refuses to be without, or knows, as its errors name them. */
function isKnown(load: () => unknown): boolean {
  try {
    load();
    return true;
  } catch (error) {
    return !/there is no such setting/.test(String(error));
  }
}

const shared = documentedKeys('All apps');

test.each([
  ['api', loadApiConfig],
  ['worker', loadWorkerConfig],
] as const)('docs/configuration.md lists the keys of %s', (section, load) => {
  const documented = documentedKeys(`\`${section}\``);
  const known = Object.keys(load(source)).filter((key) => !shared.includes(key));
  expect(documented).toEqual(expect.arrayContaining(known));
  for (const key of documented) {
    const variable = `AMANUENSIS_${section}_${key.replaceAll(/[A-Z]/g, '_$&')}`.toUpperCase();
    expect(
      isKnown(() => load({ ...source, env: { ...source.env, [variable]: '1' } })),
      key,
    ).toBe(true);
  }
});

test('a key that is not documented would be noticed', () => {
  const load = () =>
    loadApiConfig({ ...source, env: { ...source.env, AMANUENSIS_API_NOTHING: '1' } });
  expect(isKnown(load)).toBe(false);
});
