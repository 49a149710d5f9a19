/** What every blob store keeps to: one suite, run by each implementation. */

import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setImmediate } from 'node:timers/promises';
import {
  BlobNotFoundError,
  type BlobStore,
  BlobTooLargeError,
  FileStore,
  InvalidKeyError,
} from '@amanuensis/store';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

interface Subject {
  readonly store: BlobStore;
  /** Every object that lies in the store, finished or not. */
  listObjects(): Promise<string[]>;
  close(): Promise<void>;
}

const SUBJECTS: Readonly<Record<string, () => Promise<Subject>>> = {
  FileStore: async () => {
    const root = await mkdtemp(join(tmpdir(), 'amanuensis-store-'));
    return {
      store: await FileStore.open(root),
      listObjects: () => filesBelow(root),
      close: () => rm(root, { recursive: true, force: true }),
    };
  },
};

describe.each(Object.entries(SUBJECTS))('%s', (_name, start) => {
  let subject: Subject;
  let store: BlobStore;
  beforeAll(async () => {
    subject = await start();
    store = subject.store;
  });
  afterAll(() => subject.close());

  test('reads back what was put, and says how much it was', async () => {
    const chunks = Array.from({ length: 50 }, () => randomBytes(99_991));
    expect(await store.put('audio/job_1', Readable.from(chunks))).toBe(50 * 99_991);
    const read = createHash('sha256');
    for await (const chunk of await store.read('audio/job_1')) read.update(chunk);
    const put = createHash('sha256').update(Buffer.concat(chunks));
    expect(read.digest('hex')).toBe(put.digest('hex'));
  });

  test('keeps empty blobs and texts', async () => {
    expect(await store.put('empty', Readable.from([]))).toBe(0);
    expect(await text(await store.read('empty'))).toBe('');
    expect(await store.putText('results/a/1.json', '{"ü":"…"}')).toBe(12);
    expect(await text(await store.read('results/a/1.json'))).toBe('{"ü":"…"}');
  });

  test('a put replaces the blob as a whole', async () => {
    await store.putText('replaced', 'a longer first text');
    await store.putText('replaced', 'short');
    expect(await text(await store.read('replaced'))).toBe('short');
  });

  test('a source at the limit is kept, one byte more leaves nothing', async () => {
    const ten = () => Readable.from([Buffer.alloc(5), Buffer.alloc(5)]);
    expect(await store.put('limit/kept', ten(), { maxBytes: 10 })).toBe(10);
    await leavesNothing(async () => {
      await expect(store.put('limit/over', ten(), { maxBytes: 9 })).rejects.toThrow(
        BlobTooLargeError,
      );
    });
    await expect(store.read('limit/over')).rejects.toThrow(BlobNotFoundError);
  });

  test('a source that breaks off leaves what was there before', async () => {
    await store.putText('broken', 'before');
    await leavesNothing(async () => {
      const source = Readable.from(
        (async function* () {
          yield Buffer.alloc(100_000);
          throw new Error('the client left');
        })(),
      );
      await expect(store.put('broken', source)).rejects.toThrow('the client left');
      expect(source.destroyed).toBe(true);
    });
    expect(await text(await store.read('broken'))).toBe('before');
  });

  test('an aborted put rejects with the reason and leaves nothing', async () => {
    await leavesNothing(async () => {
      const abort = new AbortController();
      const source = Readable.from(
        (async function* () {
          yield Buffer.alloc(100_000);
          abort.abort(new Error('stop'));
          for (;;) {
            await setImmediate();
            yield Buffer.alloc(1);
          }
        })(),
      );
      await expect(store.put('aborted', source, { signal: abort.signal })).rejects.toThrow('stop');
      const early = store.putText('aborted', 'x', { signal: AbortSignal.abort(new Error('no')) });
      await expect(early).rejects.toThrow('no');
    });
  });

  test('concurrent puts of one key end with one of them, whole', async () => {
    const texts = Array.from({ length: 10 }, (_, i) => String(i).repeat(50_000));
    await Promise.all(texts.map((value) => store.putText('contended', value)));
    expect(texts).toContain(await text(await store.read('contended')));
  });

  test('lends a local file', async () => {
    await store.putText('local', 'hello');
    await using file = await store.localFile('local');
    expect(await readFile(file.path, 'utf8')).toBe('hello');
    await expect(store.localFile('missing')).rejects.toThrow(BlobNotFoundError);
  });

  test('removes one blob, and does not mind a missing one', async () => {
    await store.putText('removed', 'x');
    await store.remove('removed');
    await store.remove('removed');
    await expect(store.read('removed')).rejects.toThrow(BlobNotFoundError);
  });

  test('removes a folder, not its neighbours', async () => {
    for (const key of ['f/1', 'f/2/3', 'f2', 'g']) await store.putText(key, key);
    await store.removeAll('f');
    await store.removeAll('f');
    await store.removeAll('g');
    for (const key of ['f/1', 'f/2/3']) {
      await expect(store.read(key)).rejects.toThrow(BlobNotFoundError);
    }
    for (const key of ['f2', 'g']) expect(await text(await store.read(key))).toBe(key);
  });

  test.each([
    '',
    '/',
    '/a',
    'a/',
    'a//b',
    '.',
    '..',
    '../a',
    'a/../b',
    'a/..',
    '.hidden',
    'a/.b',
    'A',
    'a\\b',
    'a b',
    'a\0',
    'ä',
    'c:d',
    'a'.repeat(513),
  ])('refuses the key %j everywhere', async (key) => {
    const source = Readable.from(['x']);
    for (const attempt of [
      store.put(key, source),
      store.putText(key, 'x'),
      store.read(key),
      store.localFile(key),
      store.remove(key),
      store.removeAll(key),
    ]) {
      await expect(attempt).rejects.toThrow(InvalidKeyError);
    }
    expect(source.destroyed).toBe(true);
  });

  async function leavesNothing(work: () => Promise<void>): Promise<void> {
    const before = await subject.listObjects();
    await work();
    expect(await subject.listObjects()).toEqual(before);
  }
});

test('FileStore removes what a dead process left, not what a living one writes', async () => {
  const root = await mkdtemp(join(tmpdir(), 'amanuensis-store-'));
  try {
    await FileStore.open(root);
    const [old, young] = [join(root, '.unfinished', 'old'), join(root, '.unfinished', 'young')];
    for (const file of [old, young]) await writeFile(file, 'x');
    const twoHoursAgo = new Date(Date.now() - 7_200_000);
    await utimes(old, twoHoursAgo, twoHoursAgo);
    await FileStore.open(root);
    expect(await filesBelow(root)).toEqual([young]);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});

async function filesBelow(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((e) => e.isFile())
    .map((e) => join(e.parentPath, e.name))
    .sort();
}
