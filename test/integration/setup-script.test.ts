/** `scripts/setup`: quick when nothing is missing, clear when something is and it cannot help. */

import { execFile } from 'node:child_process';
import {
  chmod,
  copyFile,
  mkdir,
  mkdtemp,
  readFile,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { ROOT } from '../support/paths.ts';

const SETUP_DEADLINE_MS = 60_000;
/** It takes about 50 ms; the rest is for a busy machine. */
const NOTHING_MISSING_MS = 3_000;
/** What the script needs of the system, and no package manager. */
const BASICS = ['sh', 'cat', 'cksum', 'dirname', 'env', 'flock', 'id', 'mkdir', 'node', 'npm'];
const NOBODY = 65_534;

const run = promisify(execFile);

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

test('a second run takes under a second and says nothing', async () => {
  const checkout = await smallCheckout();
  expect((await setUp(checkout)).code).toBe(0);
  const startedAt = performance.now();
  const outcome = await setUp(checkout);
  const tookMs = performance.now() - startedAt;
  console.log(`scripts/setup with nothing missing: ${tookMs.toFixed(0)} ms`);
  expect(outcome).toEqual({ code: 0, stdout: '', stderr: '' });
  expect(tookMs).toBeLessThan(NOTHING_MISSING_MS);
});

test('packages are installed when they are absent and when the lock file changed', async () => {
  const checkout = await smallCheckout();
  const record = join(checkout, 'node_modules/.package-lock.json');
  expect((await setUp(checkout)).stdout).toContain('installing the packages');
  expect(JSON.parse(await readFile(record, 'utf8')).packages).toHaveProperty('node_modules/one');

  await addPackage(checkout, 'two');
  expect((await setUp(checkout)).stdout).toContain('installing the packages');
  expect(JSON.parse(await readFile(record, 'utf8')).packages).toHaveProperty('node_modules/two');

  await rm(join(checkout, 'node_modules'), { recursive: true });
  expect((await setUp(checkout)).stdout).toContain('installing the packages');
  expect((await setUp(checkout)).stdout).toBe('');
});

test('what `npm install` has installed is not installed again', async () => {
  const checkout = await smallCheckout();
  await setUp(checkout);
  await rm(join(checkout, '.setup/installed'));
  expect(await setUp(checkout)).toEqual({ code: 0, stdout: '', stderr: '' });
});

test('several set-ups at once install once', async () => {
  const checkout = await smallCheckout();
  const outcomes = await Promise.all(Array.from({ length: 3 }, () => setUp(checkout)));
  expect(outcomes.map(({ code }) => code)).toEqual([0, 0, 0]);
  expect(outcomes.filter(({ stdout }) => stdout.includes('installing'))).toHaveLength(1);
});

test.each(['v18.20.4', 'v20.18.3', 'none'])('Node %s is refused in one line', async (version) => {
  const checkout = await smallCheckout();
  const bin = join(checkout, 'bin');
  await mkdir(bin);
  await writeFile(
    join(bin, 'node'),
    version === 'none' ? '#!/bin/sh\nexit 127\n' : `#!/bin/sh\necho ${version}\n`,
    { mode: 0o755 },
  );
  const outcome = await setUp(checkout, { path: `${bin}:${process.env.PATH}` });
  expect(outcome).toEqual({
    code: 1,
    stdout: '',
    stderr: `setup: Node 20.19 or newer is needed, found ${version}. See https://nodejs.org\n`,
  });
});

test.each([
  [[], 'redis-server ffmpeg'],
  [['redis-server'], 'ffmpeg'],
  [['redis-server', 'ffmpeg'], 'ffmpeg'],
  [['ffmpeg', 'ffprobe'], 'redis-server'],
])(
  'with %j there and no right to install, one line says what to install',
  async (there, missing) => {
    const checkout = await smallCheckout();
    await setUp(checkout);
    const bin = join(checkout, 'bin');
    await mkdir(bin);
    for (const program of [...BASICS, 'apt-get', ...there]) await linkProgram(program, bin);
    const outcome = await setUp(checkout, { path: bin, asNobody: true });
    expect(outcome).toEqual({
      code: 1,
      stdout: '',
      stderr: `setup: missing: ${missing}. Install with: sudo apt-get install ${missing}\n`,
    });
  },
);

/** The script in a folder of its own, with one package to install that needs no registry. */
async function smallCheckout(): Promise<string> {
  const checkout = await mkdtemp(join(tmpdir(), 'amanuensis-setup-'));
  onTestFinished(() => rm(checkout, { recursive: true, force: true }));
  await chmod(checkout, 0o755);
  await mkdir(join(checkout, 'scripts'));
  for (const script of ['setup', 'lock-is-installed.js']) {
    await copyFile(join(ROOT, 'scripts', script), join(checkout, 'scripts', script));
  }
  await addPackage(checkout, 'one');
  return checkout;
}

/** Adds a workspace, which is a change of the lock file. */
async function addPackage(checkout: string, name: string): Promise<void> {
  await mkdir(join(checkout, 'packages', name), { recursive: true });
  const manifest = { name, version: '1.0.0' };
  await writeFile(join(checkout, 'packages', name, 'package.json'), JSON.stringify(manifest));
  const root = { name: 'small', version: '1.0.0', type: 'module', workspaces: ['packages/*'] };
  await writeFile(join(checkout, 'package.json'), JSON.stringify(root));
  const lock = ['install', '--package-lock-only', '--offline', '--no-audit', '--no-fund'];
  await run('npm', lock, { cwd: checkout, timeout: SETUP_DEADLINE_MS, env: ownEnv() });
}

async function linkProgram(program: string, bin: string): Promise<void> {
  const { stdout } = await run('sh', ['-c', `command -v ${program} || true`]);
  if (stdout.trim() !== '') await symlink(stdout.trim(), join(bin, program));
}

/** `asNobody`: as a user who may install nothing, where this process is root. */
async function setUp(
  checkout: string,
  { path = process.env.PATH ?? '', asNobody = false } = {},
): Promise<Outcome> {
  const user = asNobody && process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  const env = { ...ownEnv(), PATH: path };
  const options = { cwd: checkout, env, timeout: SETUP_DEADLINE_MS, ...user };
  try {
    return { code: 0, ...(await run(join(checkout, 'scripts/setup'), [], options)) };
  } catch (error) {
    const { code, stdout, stderr } = error as Outcome;
    return { code, stdout, stderr };
  }
}

/** Without what an `npm test` around this one says to the npm within. */
function ownEnv(): Record<string, string | undefined> {
  const own = Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_|VITEST)/i.test(name));
  return Object.fromEntries(own);
}
