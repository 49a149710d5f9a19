/** A graph on a vendor's execution provider, up to the vendor's library: a stand-in is behind it. */

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ExecutionProvider, packagedLibraryPath } from '@amanuensis/pipeline';
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  onTestFinished,
  test,
} from 'vitest';
import { addOneGraph } from '../conformance/inference-graphs.ts';
import {
  buildStandIn,
  compiler,
  type StandIn,
  type StandInEvent,
} from '../support/vendor/stand-in.ts';

const OPENER = fileURLToPath(new URL('../support/vendor/open-compiled.mjs', import.meta.url));
const DEADLINE_MS = 60_000;
const PROVIDER_OPTIONS = { target: 'X2', enable_cache_file_io_in_mem: '0' };

/** What `open-compiled.mjs` tells. */
interface Told {
  readonly progress: readonly { readonly phase: string; readonly holderPid?: number }[];
  readonly origin?: 'compiled' | 'cached';
  readonly compileMs?: number;
  readonly placement?: { readonly acceleratedNodes: number; readonly nodes: number } | null;
  readonly executionProvider?: string;
  readonly out?: readonly number[];
  readonly error?: { readonly code: string; readonly message: string };
}

let folder: string;
let vendorFolder: string;
let vendor: StandIn | undefined;
beforeAll(() => {
  vendorFolder = mkdtempSync(join(tmpdir(), 'amanuensis-vendor-'));
  if (compiler !== null) vendor = buildStandIn(vendorFolder);
});
afterAll(() => rmSync(vendorFolder, { recursive: true }));
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'amanuensis-vitis-'));
  writeFileSync(join(folder, 'graph.onnx'), addOneGraph(2));
});
afterEach(() => {
  vendor?.forget();
  rmSync(folder, { recursive: true });
});

interface OpenOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly dependsOn?: readonly string[];
  readonly library?: string;
  readonly provider?: ExecutionProvider;
}

/** A process that opens the graph, runs it once, tells of it and leaves. */
function open({ env = {}, dependsOn = ['firmware 1'], library, provider }: OpenOptions = {}) {
  const settings = {
    library: library ?? vendor?.library,
    graph: join(folder, 'graph.onnx'),
    cacheFolder: join(folder, 'cache'),
    provider: provider ?? { name: 'VitisAI', options: PROVIDER_OPTIONS },
    dependsOn,
  };
  const child = fork(OPENER, [JSON.stringify(settings)], {
    env: {
      ...process.env,
      XLNX_ONNX_EP_REPORT_FILE: 'vitisai_ep_report.json',
      STAND_IN_NPU: '400',
      ...vendor?.env,
      ...env,
    },
    execArgv: [],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  return { child, told: listen(child) };
}

async function listen(child: ChildProcess): Promise<Told> {
  const signal = AbortSignal.timeout(DEADLINE_MS);
  const closed = once(child, 'close', { signal }).then(([code, end]) => {
    throw new Error(`ended without a word: ${code ?? end}`);
  });
  const said = once(child, 'message', { signal }).then(([message]) => message as Told);
  const told = await Promise.race([said, closed]);
  await closed.catch(() => undefined);
  return told;
}

const asked = (): readonly StandInEvent[] => vendor?.events() ?? [];
const events = (): readonly string[] => asked().map(({ event }) => event);
/** Folders of compiled graphs. */
const entries = (): readonly string[] =>
  readdirSync(join(folder, 'cache')).filter((name) => !name.endsWith('.lock'));

describe.skipIf(compiler === null)('with a C compiler', () => {
  test('the library is given its options, compiles once, and is loaded from the cache then', {
    timeout: 120_000,
  }, async () => {
    const first = await open().told;
    expect(first).toMatchObject({
      origin: 'compiled',
      executionProvider: 'VitisAIExecutionProvider',
      placement: { acceleratedNodes: 400, nodes: 413, acceleratedSubgraphs: 1 },
      progress: [{ phase: 'compiling' }],
    });
    const [entry = ''] = entries();
    const cache = { cache_dir: join(folder, 'cache', entry), cache_key: 'provider' };
    expect(asked()[0]).toMatchObject({
      event: 'append',
      details: { ...PROVIDER_OPTIONS, ...cache },
    });
    expect(Object.keys(asked()[0]?.details ?? {})).toHaveLength(4);

    const second = await open().told;
    expect(events()).toEqual(['append', 'compile', 'compiled', 'append', 'load']);
    expect(second).toMatchObject({ origin: 'cached', progress: [] });
    expect(second.placement).toEqual(first.placement);
    expect(second.compileMs).toBe(first.compileMs);
    expect([first.out, second.out]).toEqual([
      [2, 3],
      [2, 3],
    ]);
  });

  test('one process compiles, the others wait and say for whom', { timeout: 120_000 }, async () => {
    const env = { STAND_IN_COMPILE_MS: '3000' };
    const opened = [open({ env }), open({ env }), open({ env })];
    const told = await Promise.all(opened.map((each) => each.told));
    expect(events().filter((event) => event === 'compile')).toHaveLength(1);
    expect(told.map(({ origin }) => origin).toSorted()).toEqual(['cached', 'cached', 'compiled']);
    const compilerPid = asked().find(({ event }) => event === 'compile')?.pid;
    for (const { origin, progress } of told) {
      if (origin === 'compiled') continue;
      expect(progress).toMatchObject([{ phase: 'waiting', holderPid: compilerPid }]);
    }
    for (const { out } of told) expect(out).toEqual([2, 3]);
  });

  test('what a killed process left half done is compiled anew by the one that waits', {
    timeout: 120_000,
  }, async () => {
    const doomed = open({ env: { STAND_IN_COMPILE_MS: '60000' } });
    doomed.told.catch(() => undefined);
    await expect.poll(events, { timeout: DEADLINE_MS }).toContain('compile');
    const heir = open();
    const waiting = expect.poll(() => readFileSync(lockFileOf(), 'utf8'), { timeout: DEADLINE_MS });
    await waiting.toBe(`${doomed.child.pid}\n`);
    doomed.child.kill('SIGKILL');
    expect(await heir.told).toMatchObject({ origin: 'compiled' });
    expect(events()).toEqual(['append', 'compile', 'append', 'compile', 'compiled']);
  });

  test('another firmware compiles for itself, and what cannot be loaded is compiled anew', {
    timeout: 120_000,
  }, async () => {
    await open().told;
    expect(await open({ dependsOn: ['firmware 2'] }).told).toMatchObject({ origin: 'compiled' });
    expect(entries()).toHaveLength(2);
    const again = await open({ env: { STAND_IN_FAIL: 'load' } }).told;
    expect(again).toMatchObject({
      origin: 'compiled',
      progress: [{ phase: 'discarded', reason: 'stand-in: load fails' }, { phase: 'compiling' }],
    });
  });

  test.each([
    ['append', 'provider_failed', 'VitisAIExecutionProvider: stand-in: append fails'],
    ['compile', 'invalid_model', 'stand-in: compile fails'],
    ['run', 'run_failed', 'stand-in: run fails'],
  ])('a failure to %s is told', { timeout: 120_000 }, async (step, code, message) => {
    const { error } = await open({ env: { STAND_IN_FAIL: step } }).told;
    expect(error).toEqual({ code, message });
    if (step === 'run') return;
    // Nothing is left that looks like a compiled graph.
    expect(await open().told).toMatchObject({ origin: 'compiled' });
  });

  test('a placement that is not reported, or not readable, is unknown', {
    timeout: 120_000,
  }, async () => {
    const told = await open({ env: { STAND_IN_NPU: '' } }).told;
    expect(told).toMatchObject({ origin: 'compiled', placement: null });
    const odd = await open({ env: { STAND_IN_NPU: '1.5' }, dependsOn: ['odd'] }).told;
    expect(odd).toMatchObject({ origin: 'compiled', placement: null });
    expect(odd.progress.map(({ phase }) => phase)).toEqual(['compiling', 'unreported']);
  });
});

test('the packaged library has no VitisAI, and says so', { timeout: 60_000 }, async () => {
  const { error } = await open({ library: packagedLibraryPath() }).told;
  expect(error?.code).toBe('provider_failed');
  expect(error?.message).toMatch(/VitisAIExecutionProvider: .*(VitisAI|vitisai)/s);
});

test.each([
  { name: 'CUDA', options: { device_id: '0' } },
  { name: 'WebGPU', options: {} },
] as const)(
  '$name of the packaged library computes, or says why it cannot',
  {
    timeout: 60_000,
  },
  async (provider) => {
    const { out, error } = await open({ library: packagedLibraryPath(), provider }).told;
    console.log(`${provider.name}: ${error?.message ?? 'computes'}`);
    if (error === undefined) expect(out).toEqual([2, 3]);
    else expect(error.code).toBe('provider_failed');
  },
);

test('a library that is none is told by name', { timeout: 60_000 }, async () => {
  const library = join(folder, 'libonnxruntime.so');
  writeFileSync(library, 'no library');
  const { error } = await open({ library }).told;
  expect(error?.code).toBe('unavailable');
  expect(error?.message).toContain(`${library} cannot be used`);
});

function lockFileOf(): string {
  const [name = ''] = readdirSync(join(folder, 'cache')).filter((each) => each.endsWith('.lock'));
  return join(folder, 'cache', name);
}
