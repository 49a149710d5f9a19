/** Which engine a process gets, told by what it has loaded. Each case is a process of its own. */

import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { InferenceErrorCode } from '../../packages/pipeline/src/inference/inference-port.ts';
import type { EngineOptions } from '../../packages/pipeline/src/inference/open-engine.ts';
import { packagedLibraryPath } from '../../packages/pipeline/src/inference/packaged-library.ts';

const DIST = path.join(import.meta.dirname, '../../packages/pipeline/dist');
const PROCESS_TIMEOUT_MS = 60_000;
const run = promisify(execFile);

interface Opened {
  readonly name?: string;
  readonly code?: InferenceErrorCode;
  readonly message?: string;
  /** File names of the native libraries that the process has loaded by then. */
  readonly loaded: readonly string[];
}

let folder: string;
/** A vendor's library stands in another place than the packaged one. */
let vendorLibrary: string;
let notALibrary: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'open-engine-'));
  vendorLibrary = path.join(folder, 'vendor-onnxruntime.so');
  notALibrary = path.join(folder, 'text.so');
  await copyFile(packagedLibraryPath(), vendorLibrary);
  await writeFile(notALibrary, 'no library at all');
});

afterAll(() => rm(folder, { recursive: true }));

/** Opens engines one after the other in one fresh process. */
async function openInProcess(
  attempts: readonly EngineOptions[],
  { hasForeignFunctions = true } = {},
): Promise<readonly Opened[]> {
  const code = `
    import { register } from 'node:module';
    import path from 'node:path';
    const refuseKoffi = "export async function resolve(name, context, next) {" +
      "if (name === 'koffi') throw new Error('no build for this platform');" +
      "return next(name, context); }";
    if (${!hasForeignFunctions}) register('data:text/javascript,' + encodeURIComponent(refuseKoffi));
    const { openInferenceEngine } = await import(${url('inference/open-engine.js')});
    const results = [];
    for (const options of ${JSON.stringify(attempts)}) {
      const { name, code, message } = await openInferenceEngine(options).catch((error) => {
        return { code: error.code, message: error.message };
      });
      const loaded = process.report.getReport().sharedObjects.map((file) => path.basename(file));
      results.push({ name, code, message, loaded });
    }
    console.log(JSON.stringify(results));`;
  const { stdout } = await runModule(code);
  return JSON.parse(stdout) as readonly Opened[];
}

function url(file: string): string {
  return JSON.stringify(pathToFileURL(path.join(DIST, file)).href);
}

function runModule(code: string) {
  const args = ['--input-type=module', '--eval', code];
  return run(process.execPath, args, { timeout: PROCESS_TIMEOUT_MS, maxBuffer: 1 << 24 });
}

async function openOne(options: EngineOptions, process?: { hasForeignFunctions: boolean }) {
  const [opened] = await openInProcess([options], process);
  if (opened === undefined) throw new Error('The process opened nothing');
  return opened;
}

test('the C API comes first and does without the binding', {
  timeout: PROCESS_TIMEOUT_MS,
}, async () => {
  const { name, loaded } = await openOne({});
  expect(name).toBe('c-api');
  expect(loaded).toContain('koffi.node');
  expect(loaded).not.toContain('onnxruntime_binding.node');
});

test('the binding does without the C API', { timeout: PROCESS_TIMEOUT_MS }, async () => {
  const { name, loaded } = await openOne({ prefer: 'node-binding' });
  expect(name).toBe('node-binding');
  expect(loaded).toContain('onnxruntime_binding.node');
  expect(loaded).not.toContain('koffi.node');
});

test('the binding stands in where there are no foreign functions, but not for the C API asked for', {
  timeout: PROCESS_TIMEOUT_MS,
}, async () => {
  const without = { hasForeignFunctions: false };
  expect(await openOne({}, without)).toMatchObject({ name: 'node-binding' });
  expect(await openOne({ prefer: 'c-api' }, without)).toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining('no build for this platform'),
  });
  expect(await openOne({ libraryPath: vendorLibrary }, without)).toMatchObject({
    code: 'unavailable',
  });
});

test('another library is used by its path', { timeout: PROCESS_TIMEOUT_MS }, async () => {
  const { name, loaded } = await openOne({ libraryPath: vendorLibrary });
  expect(name).toBe('c-api');
  expect(loaded).toContain(path.basename(vendorLibrary));
  expect(loaded).not.toContain(path.basename(packagedLibraryPath()));
});

test('a process uses one library only', { timeout: PROCESS_TIMEOUT_MS }, async () => {
  const [first, again, packaged, binding] = await openInProcess([
    { libraryPath: vendorLibrary },
    { libraryPath: vendorLibrary },
    {},
    { prefer: 'node-binding' },
  ]);
  expect([first?.name, again?.name]).toEqual(['c-api', 'c-api']);
  for (const refused of [packaged, binding]) {
    expect(refused).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining(path.basename(vendorLibrary)),
    });
  }
  expect(binding?.loaded).not.toContain('onnxruntime_binding.node');
});

test('a library that cannot be used is an error, and the packaged one still works', {
  timeout: PROCESS_TIMEOUT_MS,
}, async () => {
  const missing = path.join(folder, 'missing.so');
  const results = await openInProcess([
    { libraryPath: missing },
    { libraryPath: notALibrary },
    { libraryPath: vendorLibrary, prefer: 'node-binding' },
    {},
  ]);
  expect(results.map(({ code }) => code)).toEqual([
    'unavailable',
    'unavailable',
    'unavailable',
    undefined,
  ]);
  expect(results[0]?.message).toContain(missing);
  expect(results[1]?.message).toContain(notALibrary);
  expect(results[3]?.name).toBe('c-api');
});

test('a process may exit during a run', { timeout: PROCESS_TIMEOUT_MS }, async () => {
  const code = `
    import { openInferenceEngine } from ${url('inference/open-engine.js')};
    import { GraphBuilder } from ${url('model/onnx-graph.js')};
    const size = 512;
    const graph = new GraphBuilder('long');
    let x = graph.input('in', 'float32', [size, size]);
    for (let step = 0; step < 400; step++) x = graph.node('MatMul', [x, 'in']);
    graph.node('Identity', [x], { outputs: ['out'] });
    graph.output('out', 'float32', [size, size]);
    const engine = await openInferenceEngine({ prefer: 'c-api' });
    const model = { bytes: graph.toBytes(), weightsFolder: '.' };
    const session = await engine.createSession(model, { intraOpThreads: 2 });
    const tensor = () => ({ data: new Float32Array(size * size), shape: [size, size] });
    const ended = session.bind({ in: tensor() }, { out: tensor() }).run();
    ended.then(() => process.exit(1));
    setTimeout(() => process.exit(7), 20);`;
  await expect(runModule(code)).rejects.toMatchObject({ code: 7, signal: null });
});
