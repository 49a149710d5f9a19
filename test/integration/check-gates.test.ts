/** Every gate of `npm run check` bites: a planted fault fails it, and its output names the fault. */

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { appendFile, cp, mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ROOT } from '../support/paths.ts';

const CHECK_DEADLINE_MS = 120_000;
/** Not of the checkout, wherever they stand. */
const NOT_OURS =
  /(^|\/)(node_modules|dist|coverage|\.git|\.amanuensis|\.setup|[^/]+\.tsbuildinfo)$/;
/** Big, and read by no gate. */
const SKIPPED = /^(models|samples|test\/fixtures|docs)$/;

const run = promisify(execFile);
let copy = '';

beforeAll(async () => {
  copy = await mkdtemp(join(tmpdir(), 'amanuensis-gates-'));
  await copyCheckout();
}, CHECK_DEADLINE_MS);

afterAll(() => rm(copy, { recursive: true, force: true }));

test('the checkout as it is passes', { timeout: CHECK_DEADLINE_MS }, async () => {
  const { passed, output } = await check();
  expect(output).not.toContain('failed at');
  expect(passed).toBe(true);
});

interface Plants {
  readonly gate: string;
  /** What is appended to which file; new ones are made. */
  readonly faults: Readonly<Record<string, string>>;
  /** What the output must say of each fault. */
  readonly names: readonly string[];
}

const PACKAGE = 'packages/contract/src';

const cycleThrough = (name: string, other: string, file: string): string =>
  `import type { ${other} } from './planted-${file}.ts';\n\n` +
  `export interface ${name} {\n  readonly planted: ${other};\n}\n`;

/** What is planted for a gate passes those before it. */
const PLANTS: readonly Plants[] = [
  {
    gate: 'biome',
    faults: {
      [`${PACKAGE}/planted-lint.ts`]: 'export const planted = 1 as any;\n',
      [`${PACKAGE}/planted-default.ts`]: 'export default 1;\n',
      [`${PACKAGE}/planted-format.ts`]: 'export const planted = "double quotes";\n',
      [`${PACKAGE}/planted-promise.ts`]:
        'async function late(): Promise<void> {}\n\nexport function planted(): void {\n  late();\n}\n',
    },
    names: [
      `${PACKAGE}/planted-lint.ts:1:29 lint/suspicious/noExplicitAny`,
      `${PACKAGE}/planted-default.ts:1:8 lint/style/noDefaultExport`,
      `${PACKAGE}/planted-format.ts format`,
      `${PACKAGE}/planted-promise.ts:4:3 lint/nursery/noFloatingPromises`,
    ],
  },
  {
    gate: 'tsc',
    faults: {
      [`${PACKAGE}/planted-type.ts`]: "export const planted: number = 'text';\n",
      'test/unit/planted-type.ts': "export const planted: number = 'text';\n",
      'bench/planted-type.ts': "export const planted: number = 'text';\n",
    },
    names: [`${PACKAGE}/planted-type.ts`, 'test/unit/planted-type.ts', 'bench/planted-type.ts'],
  },
  {
    gate: 'dependency-cruiser',
    faults: {
      [`${PACKAGE}/planted-direction.ts`]: "export type { BufferPool } from '@amanuensis/pool';\n",
      [`${PACKAGE}/planted-there.ts`]: cycleThrough('There', 'Back', 'back'),
      [`${PACKAGE}/planted-back.ts`]: cycleThrough('Back', 'There', 'there'),
    },
    names: [
      `direction-packages-contract: ${PACKAGE}/planted-direction.ts → packages/pool/src/index.ts`,
      `no-cycles: ${PACKAGE}/planted-`,
    ],
  },
  {
    gate: 'dependency-cruiser',
    faults: { '.dependency-cruiser.cjs': "\nmodule.exports.options.exclude.path = '.';\n" },
    names: ['no modules were cruised'],
  },
  {
    gate: 'knip',
    faults: {
      [`${PACKAGE}/timestamp.ts`]: '\nexport const PLANTED_EXPORT = 1;\n',
      [`${PACKAGE}/planted-file.ts`]: 'export const planted = 1;\n',
    },
    names: ['PLANTED_EXPORT', `${PACKAGE}/planted-file.ts`],
  },
];

test.each(PLANTS)('$gate: $names', { timeout: CHECK_DEADLINE_MS }, async (plants) => {
  const { passed, output } = await checkWith(plants.faults);
  expect(passed).toBe(false);
  for (const name of plants.names) expect(output).toContain(name);
  const [announced, failed] = output.match(/^check: .*/gm)?.slice(-2) ?? [];
  expect(announced).toContain(`(${plants.gate})`);
  expect(failed).toContain('failed at');
});

async function checkWith(faults: Plants['faults']): ReturnType<typeof check> {
  for (const [file, text] of Object.entries(faults)) await appendFile(join(copy, file), text);
  try {
    return await check();
  } finally {
    for (const file of Object.keys(faults)) await restore(file);
  }
}

async function check(): Promise<{ passed: boolean; output: string }> {
  const own = Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_|VITEST)/i.test(name));
  const options = { cwd: copy, env: Object.fromEntries(own), timeout: CHECK_DEADLINE_MS };
  const script = ['-c', 'exec npm run check 2>&1'];
  try {
    return { passed: true, output: (await run('sh', script, options)).stdout };
  } catch (error) {
    return { passed: false, output: (error as { stdout: string }).stdout };
  }
}

async function restore(file: string): Promise<void> {
  const original = join(ROOT, file);
  if (existsSync(original)) await cp(original, join(copy, file));
  else await rm(join(copy, file));
}

/** The files of the checkout, with packages as links; those of the workspace point into the copy. */
async function copyCheckout(): Promise<void> {
  await cp(ROOT, copy, {
    recursive: true,
    filter: (source) => {
      const path = relative(ROOT, source);
      return !NOT_OURS.test(path) && !SKIPPED.test(path);
    },
  });
  const packages = join(ROOT, 'node_modules');
  for (const name of await readdir(packages)) {
    if (name === '@amanuensis' || name === 'amanuensis') continue;
    await mkdir(join(copy, 'node_modules'), { recursive: true });
    await symlink(join(packages, name), join(copy, 'node_modules', name));
  }
  for (const link of ['amanuensis', ...(await scoped('@amanuensis'))]) {
    const to = join(copy, 'node_modules', link);
    await mkdir(dirname(to), { recursive: true });
    await cp(join(packages, link), to, { verbatimSymlinks: true });
  }
}

async function scoped(scope: string): Promise<string[]> {
  const names = await readdir(join(ROOT, 'node_modules', scope));
  return names.map((name) => `${scope}/${name}`);
}
