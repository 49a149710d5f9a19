/** Pulls against a hub on loopback, over real HTTP, with everything that may go wrong between. */

import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checksumState, verifyChecksums } from '@amanuensis/pipeline/model-folder';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import type { Patience } from '../../apps/cli/src/models/download-file.ts';
import { Hub } from '../../apps/cli/src/models/hub.ts';
import { type PullOptions, pullModel } from '../../apps/cli/src/models/pull-model.ts';
import type { PullProgress } from '../../apps/cli/src/models/pull-progress.ts';
import { commitOf, filesOf } from '../support/hub-model.ts';
import { type HubServer, startHubServer, type Transfer } from '../support/hub-server.ts';
import { DEMO_MODEL } from '../support/paths.ts';
import { rewriteModel, shardName } from '../support/safetensors.ts';

const NAME = 'someone/whisper-demo';
const WEIGHTS = 'model.safetensors';
const WEIGHTS_BYTES = statSync(join(DEMO_MODEL, WEIGHTS)).size;
const MIB = 1024 * 1024;
const BESIDE = { 'README.md': '# A model', 'pytorch_model.bin': 'pickled', '.gitattributes': '*' };

let root: string;
let folder: string;
let hub: HubServer;
let reports: string[];
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'amanuensis-pull-'));
  folder = join(root, 'models/whisper-demo');
  hub = await startHubServer({ [NAME]: { files: filesOf(DEMO_MODEL, BESIDE) } });
  reports = [];
});
afterEach(async () => {
  await hub[Symbol.asyncDispose]();
  rmSync(root, { recursive: true });
});

const PATIENCE: Patience = { stallMs: 5_000, retryDelaysMs: [1, 1, 1] };

const progress: PullProgress = {
  begin: (total, done) => reports.push(`begin ${total - done}`),
  file: (name) => reports.push(name),
  advance: () => undefined,
  retry: (reason) => reports.push(`retry: ${reason}`),
  [Symbol.dispose]: () => undefined,
};

function pull(options: Partial<PullOptions> = {}) {
  return pullModel({
    repository: NAME,
    revision: 'main',
    folder,
    hub: { endpoint: hub.endpoint, token: null },
    signal: AbortSignal.timeout(30_000),
    patience: PATIENCE,
    progress,
    ...options,
  });
}

const transfersOf = (name: string): readonly Transfer[] =>
  hub.transfers.filter((transfer) => transfer.name === name);

const sentBytes = (): number => hub.transfers.reduce((sum, { sentBytes }) => sum + sentBytes, 0);

/** Nothing of a model is there, and nothing that looks like one. */
const expectNothing = () => expect(existsSync(folder)).toBe(false);

const read = (name: string) => readFileSync(join(folder, name));
const readOriginal = (name: string) => readFileSync(join(DEMO_MODEL, name));

test('a pulled folder is the model that the hub holds, and nothing else', async () => {
  const pulled = await pull();
  const names = readdirSync(folder).toSorted();
  expect(names).toEqual([
    'SHA256SUMS',
    'SOURCE',
    'config.json',
    'generation_config.json',
    'model.safetensors',
    'preprocessor_config.json',
    'tokenizer.json',
    'tokenizer_config.json',
  ]);
  for (const name of names.filter((file) => file !== 'SOURCE')) {
    expect(read(name).equals(readOriginal(name)), name).toBe(true);
  }
  expect(pulled).toMatchObject({ languages: ['en'], weightTypes: ['F16'], parameters: 3_978_624 });
  expect(pulled.fetchedBytes).toBe(pulled.bytes);
  expect(sentBytes()).toBe(pulled.bytes);
  expect(String(read('SOURCE'))).toBe(`${NAME}@${pulled.commit}\n`);
  expect((await verifyChecksums(folder)).outcome).toBe('verified');
  expect(readdirSync(join(root, 'models'))).toEqual(['whisper-demo']);
  expect(reports.at(-1)).toBe(WEIGHTS);
});

test('the token goes to the hub, and not to where it redirects', async () => {
  const files = filesOf(DEMO_MODEL);
  hub.models.set(NAME, { files, token: 'secret' });
  await pull({ hub: { endpoint: hub.endpoint, token: 'secret' } });
  const tokens = (server: string) => [
    ...new Set(hub.requests.filter((r) => r.server === server).map((r) => r.headers.authorization)),
  ];
  expect(tokens('hub')).toEqual(['Bearer secret']);
  expect(tokens('network')).toEqual([undefined]);
  expect(hub.requests.filter(({ server }) => server === 'network').length).toBeGreaterThan(1);
});

test('a host that a listing names gets no token either', async () => {
  await using other = await startHubServer({});
  const token = 'secret';
  const reach = new Hub({ endpoint: hub.endpoint, token }).fetchWith(AbortSignal.timeout(5_000));
  await reach(`${hub.endpoint}/api/models/${NAME}/revision/main`);
  await reach(`${other.endpoint}/api/models/${NAME}/tree/main?cursor=4`);
  expect(hub.requests.at(-1)?.headers.authorization).toBe('Bearer secret');
  expect(other.requests.at(-1)?.headers.authorization).toBe(undefined);
});

test('all comes from one commit, though the branch moves on meanwhile', async () => {
  const files = filesOf(DEMO_MODEL);
  hub.models.set(NAME, { files });
  hub.fault = ({ name }) => {
    // After the first file: weights that do not belong to it.
    const weights = Buffer.from(readOriginal(WEIGHTS)).fill(1, MIB);
    if (name === 'config.json') {
      hub.models.set(NAME, { files: filesOf(DEMO_MODEL, { [WEIGHTS]: weights }) });
    }
    return null;
  };
  const { commit } = await pull();
  expect(commit).toBe(commitOf({ files }));
  expect(read(WEIGHTS).equals(readOriginal(WEIGHTS))).toBe(true);
  const listings = hub.requests.filter(({ path }) => path.includes('/tree/'));
  expect(listings.length).toBeGreaterThan(1); // it comes in pages
  for (const { path } of listings) expect(path).toContain(`/tree/${commit}?`);
  expect(new Set(hub.transfers.map((transfer) => transfer.commit))).toEqual(new Set([commit]));
});

test('a connection that is cut goes on at the byte where it was cut', async () => {
  hub.fault = ({ name, start }) =>
    name === WEIGHTS && start < 6 * MIB ? { kind: 'cut', afterBytes: MIB } : null;
  const pulled = await pull();
  const transfers = transfersOf(WEIGHTS);
  expect(transfers.length).toBeGreaterThan(4);
  for (const [index, { start }] of transfers.entries()) {
    const previous = transfers[index - 1];
    if (previous === undefined) expect(start).toBe(0);
    else {
      expect(start).toBeGreaterThan(previous.start);
      expect(start).toBeLessThanOrEqual(previous.start + previous.sentBytes);
    }
  }
  expect(pulled.fetchedBytes).toBe(pulled.bytes);
  expect(reports).toContainEqual(expect.stringMatching(/^retry: model\.safetensors was interr/));
  expect((await verifyChecksums(folder)).outcome).toBe('verified');
});

test('a connection that falls silent is given up and taken up again', async () => {
  hub.fault = ({ name, start }) =>
    name === WEIGHTS && start === 0 ? { kind: 'stall', afterBytes: 3 * MIB } : null;
  await pull({ patience: { ...PATIENCE, stallMs: 300 } });
  const [, second] = transfersOf(WEIGHTS);
  expect(second?.start).toBe(3 * MIB);
  expect(reports).toContain('retry: model.safetensors was interrupted: no byte in 0.3 s');
});

test('a connection that is slow, and never silent for long, is left alone', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  let waitedMs = 0;
  const advance = () => {
    const stepMs = PATIENCE.stallMs - 1;
    vi.advanceTimersByTime(stepMs);
    waitedMs += stepMs;
  };
  await pull({ progress: { ...progress, advance } });
  expect(transfersOf(WEIGHTS)).toHaveLength(1);
  expect(waitedMs).toBeGreaterThan(10 * PATIENCE.stallMs);
});

test('a server that stays silent is given up, and what came is kept', async () => {
  hub.fault = ({ name, start }) =>
    name === WEIGHTS ? { kind: 'stall', afterBytes: start === 0 ? MIB : 0 } : null;
  await expect(pull({ patience: { stallMs: 100, retryDelaysMs: [1, 1] } })).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringMatching(/no byte in 0\.1 s\n3 tries in a row brought nothing/),
  });
  expectNothing();
  hub.fault = () => null;
  const { bytes, fetchedBytes } = await pull();
  expect(transfersOf(WEIGHTS).at(-1)?.start).toBe(MIB);
  expect(fetchedBytes).toBe(WEIGHTS_BYTES - MIB);
  expect(fetchedBytes).toBeLessThan(bytes);
});

test('tries that bring little count as tries that bring nothing', async () => {
  hub.fault = ({ name }) => (name === WEIGHTS ? { kind: 'cut', afterBytes: 100 } : null);
  await expect(pull()).rejects.toMatchObject({ code: 'unavailable' });
  expect(transfersOf(WEIGHTS)).toHaveLength(4);
});

test('a server that sends from the beginning again is followed', async () => {
  hub.fault = ({ name, start }) => {
    if (name !== WEIGHTS) return null;
    return start === 0 ? { kind: 'cut', afterBytes: MIB } : { kind: 'whole' };
  };
  await pull();
  expect((await verifyChecksums(folder)).outcome).toBe('verified');
});

test.each([503, 429])('an answer %i is tried again', async (status) => {
  let failures = 0;
  hub.fault = ({ name }) =>
    name === WEIGHTS && failures++ < 2 ? { kind: 'status', status } : null;
  await pull();
  expect(transfersOf(WEIGHTS)).toHaveLength(3);
});

test.each([WEIGHTS, 'config.json'])(
  '%s with a flipped bit is fetched once more',
  async (broken) => {
    let isFirst = true;
    hub.fault = ({ name }) => {
      if (name !== broken || !isFirst) return null;
      isFirst = false;
      return { kind: 'flip', at: 100 };
    };
    await pull();
    expect(transfersOf(broken).map(({ start }) => start)).toEqual([0, 0]);
    expect(read(broken).equals(readOriginal(broken))).toBe(true);
  },
);

test.each([WEIGHTS, 'tokenizer_config.json'])(
  '%s with a flipped bit each time is refused, and does not stay',
  async (broken) => {
    hub.fault = ({ name }) => (name === broken ? { kind: 'flip', at: 100 } : null);
    await expect(pull()).rejects.toMatchObject({
      code: 'checksum_mismatch',
      message: expect.stringContaining(`${broken} came twice with other bytes than`),
    });
    expectNothing();
    hub.fault = () => null;
    await pull();
    expect(transfersOf(broken).at(-1)?.start).toBe(0);
  },
);

test('a part of another content is found out by its checksum and fetched anew', async () => {
  const files = join(root, 'models/.whisper-demo.pull/files');
  mkdirSync(files, { recursive: true });
  writeFileSync(join(files, `${WEIGHTS}.part`), Buffer.alloc(2 * MIB, 7));
  writeFileSync(join(files, 'config.json.part'), Buffer.alloc(MIB)); // longer than the whole
  writeFileSync(join(files, 'model-00001-of-00002.safetensors'), 'of another revision');
  await pull();
  expect(transfersOf(WEIGHTS).map(({ start }) => start)).toEqual([2 * MIB, 0]);
  expect((await verifyChecksums(folder)).outcome).toBe('verified');
  expect(readdirSync(folder)).not.toContain('model-00001-of-00002.safetensors');
});

test('when nothing changed, nothing is fetched', async () => {
  await pull();
  const before = hub.transfers.length;
  expect((await pull()).fetchedBytes).toBe(0);
  expect(hub.transfers).toHaveLength(before);
  expect((await verifyChecksums(folder)).outcome).toBe('verified');
});

test('a damaged folder is repaired with what is damaged alone', async () => {
  await pull();
  const weights = read(WEIGHTS);
  weights.writeUInt8(weights.readUInt8(5_000_000) ^ 1, 5_000_000);
  writeFileSync(join(folder, WEIGHTS), weights);
  truncateSync(join(folder, 'config.json'), 10);
  rmSync(join(folder, 'tokenizer.json'));
  rmSync(join(folder, 'SHA256SUMS'));
  writeFileSync(join(folder, 'notes.md'), 'kept');
  const before = hub.transfers.length;
  await pull();
  const fetched = hub.transfers.slice(before).map(({ name }) => name);
  expect(fetched).toEqual(['config.json', 'tokenizer.json', WEIGHTS]);
  expect((await verifyChecksums(folder)).outcome).toBe('verified');
  expect(String(read('notes.md'))).toBe('kept');
  expect(readdirSync(join(root, 'models'))).toEqual(['whisper-demo']);
});

test('a new revision in parts takes the place of one in a single file, and back', async () => {
  await pull();
  const sharded = join(root, 'sharded');
  mkdirSync(sharded);
  await rewriteModel(DEMO_MODEL, sharded, { type: 'F32', shards: 2 });
  hub.models.set(NAME, { files: filesOf(sharded) });
  expect(await pull()).toMatchObject({ weightTypes: ['F32'], parameters: 3_978_624 });
  expect(readdirSync(folder)).toContain(shardName(2, 2));
  expect(readdirSync(folder)).not.toContain(WEIGHTS);
  expect(await checksumState(folder)).toBe('recorded');
  hub.models.set(NAME, { files: filesOf(DEMO_MODEL) });
  await pull();
  expect(readdirSync(folder).filter((name) => name.startsWith('model'))).toEqual([WEIGHTS]);
  expect((await verifyChecksums(folder)).outcome).toBe('verified');
});

test('parts that do not fit their index do not become a model', async () => {
  const sharded = join(root, 'sharded');
  mkdirSync(sharded);
  await rewriteModel(DEMO_MODEL, sharded, { type: 'F16', shards: 2 });
  const index = readFileSync(join(sharded, 'model.safetensors.index.json'), 'utf8');
  const files = filesOf(sharded, {
    'model.safetensors.index.json': index.replace(shardName(2, 2), '../outside.safetensors'),
  });
  hub.models.set(NAME, { files });
  await expect(pull()).rejects.toMatchObject({ name: 'ModelError', code: 'invalid_file' });
  expectNothing();
});

test('a folder of something else is left alone', async () => {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'holiday.jpg'), 'a beach');
  await expect(pull()).rejects.toMatchObject({
    code: 'folder_taken',
    message: expect.stringContaining('holds files that were not pulled'),
  });
  expect(readdirSync(folder)).toEqual(['holiday.jpg']);
  writeFileSync(join(root, 'file'), '');
  await expect(pull({ folder: join(root, 'file') })).rejects.toMatchObject({
    code: 'folder_taken',
  });
});

test('an empty folder is taken, that of another model is not', async () => {
  mkdirSync(folder, { recursive: true });
  await pull();
  hub.models.set('another/whisper-demo', { files: filesOf(DEMO_MODEL) });
  await expect(pull({ repository: 'another/whisper-demo' })).rejects.toMatchObject({
    code: 'folder_taken',
    message: expect.stringContaining(`holds ${NAME}: choose another folder with --to`),
  });
});

test('weights that do not fit on the disk are not begun', async () => {
  const files = filesOf(DEMO_MODEL);
  const weights = files.get(WEIGHTS);
  if (weights) files.set(WEIGHTS, { ...weights, listedBytes: 5e15 });
  hub.models.set(NAME, { files });
  await expect(pull()).rejects.toMatchObject({
    code: 'disk_full',
    message: expect.stringMatching(/^5000 TB are to come, and .* has .*B free\.$/),
  });
  expect(hub.transfers).toEqual([]);
  expect(readdirSync(join(root, 'models'))).toEqual([]);
});

test('a file that is longer than listed is refused', async () => {
  const files = filesOf(DEMO_MODEL);
  const weights = files.get(WEIGHTS);
  if (weights) files.set(WEIGHTS, { ...weights, listedBytes: 3 * MIB });
  hub.models.set(NAME, { files });
  await expect(pull()).rejects.toMatchObject({ code: 'unexpected_answer' });
  expectNothing();
});

test('a model of another kind is refused before its weights come', async () => {
  const config = String(readOriginal('config.json')).replace('"whisper"', '"wav2vec2"');
  hub.models.set(NAME, { files: filesOf(DEMO_MODEL, { 'config.json': config }) });
  await expect(pull()).rejects.toMatchObject({
    code: 'not_a_model',
    message: expect.stringMatching(/is no Whisper that can be used: config\.json: model_type/),
  });
  expect(transfersOf(WEIGHTS)).toEqual([]);
  expect(readdirSync(join(root, 'models'))).toEqual([]);
});

test('stopping ends it at once, and what came is kept', async () => {
  const stop = new AbortController();
  const reason = new Error('stopped');
  hub.fault = ({ name }) => (name === WEIGHTS ? { kind: 'stall', afterBytes: MIB } : null);
  const advance = () => {
    if (transfersOf(WEIGHTS).length > 0) stop.abort(reason);
  };
  const stopping = pull({ signal: stop.signal, progress: { ...progress, advance } });
  await expect(stopping).rejects.toBe(reason);
  expectNothing();
  hub.fault = () => null;
  await pull();
  expect(transfersOf(WEIGHTS).at(-1)?.start).toBeGreaterThan(0);
});

test.each<[string, object, string | null, string, RegExp]>([
  ['private', { token: 'secret' }, null, 'unauthorized', /set HF_TOKEN.*hub says: Invalid user/s],
  ['private to others', { token: 'secret' }, 'wrong', 'not_found', /has no someone\/whisper-demo/],
  ['gated', { isGated: true }, 'mine', 'forbidden', /gated, accept its conditions/],
])('a repository that is %s says what to do', async (_, access, token, code, message) => {
  hub.models.set(NAME, { files: filesOf(DEMO_MODEL), ...access });
  await expect(pull({ hub: { endpoint: hub.endpoint, token } })).rejects.toMatchObject({
    code,
    message: expect.stringMatching(message),
  });
  expectNothing();
});

test('a token that the hub refuses is named', async () => {
  hub.status = () => 401;
  const error = pull({ hub: { endpoint: hub.endpoint, token: 'expired' } });
  await expect(error).rejects.toMatchObject({
    code: 'unauthorized',
    message: expect.stringContaining('refuses the token in HF_TOKEN'),
  });
  await expect(error).rejects.not.toThrow(/expired/);
});

test('a token that cannot be sent is refused, and not shown', async () => {
  const error = pull({ hub: { endpoint: hub.endpoint, token: 'hf_one\nhf_two' } });
  await expect(error).rejects.toMatchObject({
    code: 'unauthorized',
    message: 'HF_TOKEN holds characters that no token has.',
  });
});

test('a revision that is not there is named', async () => {
  await expect(pull({ revision: 'refs/pr/7' })).rejects.toMatchObject({
    code: 'not_found',
    message: expect.stringMatching(
      /no someone\/whisper-demo at revision refs\/pr\/7\.\n.*Invalid rev/,
    ),
  });
});

test.each([500, 503, 429])('a hub that answers %i is out of order', async (status) => {
  hub.status = () => status;
  await expect(pull()).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining(`overloaded or out of order (${status})`),
  });
});

test('a hub that cannot be reached is named, with the reason', async () => {
  const endpoint = 'http://127.0.0.1:1';
  await expect(pull({ hub: { endpoint, token: null } })).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringMatching(/^http:\/\/127\.0\.0\.1:1 cannot be reached: .+/),
  });
  const nowhere = { endpoint: 'http://hub.invalid', token: null };
  await expect(pull({ hub: nowhere })).rejects.toThrow(/cannot be reached: getaddrinfo/);
});

test('what is no hub is found out', async () => {
  hub.status = (path) => (path.includes('/tree/') ? 200 : null);
  await expect(pull()).rejects.toMatchObject({ code: 'unexpected_answer' });
  const endpoint = 'hub.example';
  await expect(pull({ hub: { endpoint, token: null } })).rejects.toMatchObject({
    code: 'unexpected_answer',
    message: 'HF_ENDPOINT is no web address: hub.example',
  });
});

test('a stale list of checksums in the folder does not matter', async () => {
  await pull();
  appendFileSync(join(folder, 'SHA256SUMS'), 'no checksum\n');
  await pull();
  expect((await verifyChecksums(folder)).outcome).toBe('verified');
});
