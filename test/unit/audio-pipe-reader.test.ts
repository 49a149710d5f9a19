/** Bytes of a pipe land where the reader was told, whole and in order, however they come. */

import { write } from 'node:fs';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { closeFd, openFifo } from '../../packages/pipeline/src/audio/fifo.ts';
import { PipeReader } from '../../packages/pipeline/src/audio/pipe-reader.ts';

const writeFd = promisify(write);

async function openPipe() {
  const ends = await openFifo();
  const reader = new PipeReader(ends.readFd);
  let isOpen = true;
  const end = async (): Promise<void> => {
    if (isOpen) await closeFd(ends.writeFd);
    isOpen = false;
  };
  const close = async (): Promise<void> => {
    await reader.close(new Error('closed'));
    await end();
  };
  return { reader, end, close, write: (bytes: Uint8Array) => writeFd(ends.writeFd, bytes) };
}

test('pieces of any size, written and read in any rhythm', async () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 12 });
  const rhythm = fc.array(fc.boolean(), { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(sizes, sizes, rhythm, async (writes, reads, waits) => {
      const pipe = await openPipe();
      const total = writes.reduce((sum, size) => sum + size, 0);
      const sent = Uint8Array.from({ length: total }, (_, i) => (i * 131 + (i >> 8)) & 0xff);
      const writing = (async () => {
        let at = 0;
        for (const [i, size] of writes.entries()) {
          await pipe.write(sent.subarray(at, at + size));
          at += size;
          if (waits[i % waits.length]) await new Promise(setImmediate);
        }
        await pipe.end();
      })();
      const got = new Uint8Array(new SharedArrayBuffer(total + 10_000));
      let at = 0;
      for (let i = 0; ; i++) {
        if (waits[(i + 1) % waits.length]) await new Promise(setImmediate);
        const size = reads[i % reads.length] ?? 1;
        const nBytes = await pipe.reader.read(got, at, at + size);
        at += nBytes;
        if (nBytes < size) break;
      }
      await writing;
      await pipe.close();
      expect(at).toBe(total);
      expect(Buffer.compare(Buffer.from(got.buffer, 0, total), sent)).toBe(0);
      expect(got.subarray(total).every((byte) => byte === 0)).toBe(true);
    }),
    { numRuns: 40 },
  );
});

test('a range of nothing asks for nothing', async () => {
  const pipe = await openPipe();
  onTestFinished(pipe.close);
  await pipe.write(Uint8Array.of(1, 2));
  const out = new Uint8Array(4);
  expect(await pipe.reader.read(out, 4)).toBe(0);
  expect(await pipe.reader.read(out, 2, 2)).toBe(0);
  expect(await pipe.reader.read(out, 1, 3)).toBe(2);
  expect([...out]).toEqual([0, 1, 2, 0]);
});

test('tells whenever bytes have come', async () => {
  const pipe = await openPipe();
  onTestFinished(pipe.close);
  const arrivals: number[] = [];
  const out = new Uint8Array(200_000);
  const reading = pipe.reader.read(out, 0, out.length, () => arrivals.push(performance.now()));
  for (let i = 0; i < 5; i++) await pipe.write(new Uint8Array(40_000));
  expect(await reading).toBe(out.length);
  expect(arrivals.length).toBeGreaterThan(0);
});

test('an end exactly at the border of a read is told by the next', async () => {
  const pipe = await openPipe();
  onTestFinished(pipe.close);
  await pipe.write(Uint8Array.of(1, 2, 3));
  await pipe.end();
  const out = new Uint8Array(3);
  expect(await pipe.reader.read(out)).toBe(3);
  expect([...out]).toEqual([1, 2, 3]);
  expect(await pipe.reader.read(out)).toBe(0);
  expect(await pipe.reader.read(out)).toBe(0);
});

test('a single byte', async () => {
  const pipe = await openPipe();
  onTestFinished(pipe.close);
  await pipe.write(Uint8Array.of(7, 8));
  const out = new Uint8Array(1);
  expect(await pipe.reader.read(out)).toBe(1);
  expect(out[0]).toBe(7);
  expect(await pipe.reader.read(out)).toBe(1);
  expect(out[0]).toBe(8);
});

test('closing rejects the read under way with its reason, and those after it', async () => {
  const pipe = await openPipe();
  onTestFinished(pipe.close);
  const reason = new Error('enough');
  const out = new Uint8Array(10);
  await pipe.write(Uint8Array.of(1, 2));
  const reading = pipe.reader.read(out);
  expect(() => pipe.reader.read(new Uint8Array(1))).toThrow('one read at a time');
  const closed = pipe.reader.close(reason);
  const seen = out.slice();
  await expect(reading).rejects.toBe(reason);
  await closed;
  expect(out).toEqual(seen);
  await expect(pipe.reader.read(out)).rejects.toBe(reason);
});
