/** What files say about their own length and end, in headers written by hand. */

import { describe, expect, test } from 'vitest';
import { asfLengthSeconds } from '../../packages/pipeline/src/audio/asf-length.ts';
import { cafLengthSeconds } from '../../packages/pipeline/src/audio/caf-length.ts';
import { endsAsOgg } from '../../packages/pipeline/src/audio/ogg-end.ts';
import { wavLengthSeconds } from '../../packages/pipeline/src/audio/wav-length.ts';

describe('WAV', () => {
  function wav({ format = 1, rate = 16_000, block = 2, size = 32_000, before = '' } = {}): Buffer {
    const fmt = Buffer.alloc(24);
    fmt.write('fmt ', 'latin1');
    fmt.writeUInt32LE(16, 4);
    fmt.writeUInt16LE(format, 8);
    fmt.writeUInt32LE(rate, 12);
    fmt.writeUInt16LE(block, 20);
    const data = Buffer.alloc(8);
    data.write('data', 'latin1');
    data.writeUInt32LE(size, 4);
    const riff = Buffer.from('RIFF\0\0\0\0WAVE', 'latin1');
    return Buffer.concat([riff, Buffer.from(before, 'latin1'), fmt, data]);
  }

  test.each([
    ['one second of 16 bits', wav(), 1],
    ['two channels of 24 bits', wav({ rate: 48_000, block: 6, size: 288_000 }), 1],
    ['extensible', wav({ format: 0xfffe }), 1],
    ['behind a chunk of odd length', wav({ before: 'LIST\x03\0\0\0abc\0' }), 1],
    ['of unknown size', wav({ size: 0 }), null],
    ['of the largest size', wav({ size: 0xffff_ffff }), null],
    ['of a codec with blocks', wav({ format: 0x11 }), null],
    ['cut off before the sound', wav().subarray(0, 30), null],
    ['of another kind', Buffer.from('RIFX'), null],
  ])('%s', (_, header, seconds) => {
    expect(wavLengthSeconds(header)).toBe(seconds);
  });
});

describe('CAF', () => {
  function caf({ bytesPerPacket = 2, framesPerPacket = 1, size = 32_004n } = {}): Buffer {
    const chunk = (id: string, length: bigint): Buffer => {
      const bytes = Buffer.alloc(12);
      bytes.write(id, 'latin1');
      bytes.writeBigInt64BE(length, 4);
      return bytes;
    };
    const description = Buffer.alloc(32);
    description.writeDoubleBE(16_000, 0);
    description.writeUInt32BE(bytesPerPacket, 16);
    description.writeUInt32BE(framesPerPacket, 20);
    const file = Buffer.from('caff\0\x01\0\0', 'latin1');
    return Buffer.concat([file, chunk('desc', 32n), description, chunk('data', size)]);
  }

  test.each([
    ['one second of 16 bits', caf(), 1],
    ['that was not closed', caf({ size: -1n }), null],
    ['of packets that differ in size', caf({ bytesPerPacket: 0, framesPerPacket: 4096 }), null],
    ['of packets that differ in length', caf({ framesPerPacket: 0 }), null],
    ['cut off before the sound', caf().subarray(0, 40), null],
    ['of another kind', Buffer.from('RIFF'), null],
  ])('%s', (_, header, seconds) => {
    expect(cafLengthSeconds(header)).toBe(seconds);
  });
});

describe('WMA', () => {
  function asf({ playSeconds = 4.1, prerollMs = 3100, flags = 2 } = {}): Buffer {
    const properties = Buffer.alloc(104);
    Buffer.from('a1dcab8c47a9cf118ee400c00c205365', 'hex').copy(properties);
    properties.writeBigUInt64LE(BigInt(Math.round(playSeconds * 1e7)), 64);
    properties.writeBigUInt64LE(BigInt(prerollMs), 80);
    properties.writeUInt32LE(flags, 88);
    return Buffer.concat([Buffer.alloc(30), properties]);
  }

  test.each([
    ['of one second, behind what is played before it', asf(), 1],
    ['that was broadcast', asf({ flags: 1 }), null],
    ['without a length', asf({ playSeconds: 0 }), null],
    ['cut off in its header', asf().subarray(0, 100), null],
    ['of another kind', Buffer.alloc(200), null],
  ])('%s', (_, header, seconds) => {
    const found = asfLengthSeconds(header);
    if (seconds === null) expect(found).toBeNull();
    else expect(found).toBeCloseTo(seconds, 6);
  });
});

describe('Ogg', () => {
  const END = 4;
  function page(type: number, ...segments: readonly number[]): Buffer {
    const head = Buffer.alloc(27);
    head.write('OggS', 'latin1');
    head.writeUInt8(type, 5);
    head.writeUInt8(segments.length, 26);
    const body = segments.reduce((sum, length) => sum + length, 0);
    return Buffer.concat([head, Buffer.from(segments), Buffer.alloc(body, 1)]);
  }
  const whole = Buffer.concat([page(0, 255, 10), page(END, 255, 255, 7)]);

  test.each([
    ['the last page is marked and whole', whole, true],
    ['it has no sound', page(END), true],
    ['something stands behind it', Buffer.concat([whole, Buffer.from('TAG')]), true],
    ['the last page is not marked', Buffer.concat([page(0, 255, 10), page(0, 5)]), false],
    ['the last page lacks a byte', whole.subarray(0, -1), false],
    ['the last page lacks its table', whole.subarray(0, 27 + 2 + 265 + 28), false],
    ['the last page lacks its head', whole.subarray(0, 27 + 2 + 265 + 20), false],
    ['there is no page', Buffer.alloc(100), false],
  ])('%s', (_, tail, ends) => {
    expect(endsAsOgg(tail)).toBe(ends);
  });
});
