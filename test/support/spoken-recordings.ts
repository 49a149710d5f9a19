/** Recordings put together from samples, silence and other sound, with what is said in them and when. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SAMPLES } from './paths.ts';

const SAMPLE_RATE_HZ = 16_000;
const I16_BYTES = 2;

export interface Sentence {
  /** Seconds. */
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** A sample's name, seconds of digital silence, or sound: f32 in [-1, 1] at 16 kHz. */
export type Piece = string | number | Float32Array;

/** Mono f32 at 16 kHz, and what is said in it. */
export interface SpokenSound {
  readonly pcm: Float32Array;
  readonly sentences: readonly Sentence[];
}

const truth: Readonly<Record<string, readonly (readonly [number, number, string])[]>> = JSON.parse(
  readFileSync(join(SAMPLES, 'truth.json'), 'utf8'),
);
const samples = new Map<string, Float32Array>();

/** What is said in one of `samples/`. */
export function sentencesOf(name: string, delaySeconds = 0): Sentence[] {
  return (truth[name] ?? []).map(([start, end, text]) => {
    return { start: start + delaySeconds, end: end + delaySeconds, text };
  });
}

/** The pieces one after the other. */
export function joined(...pieces: readonly Piece[]): SpokenSound {
  const sounds = pieces.map(soundOf);
  const pcm = new Float32Array(sounds.reduce((sum, { length }) => sum + length, 0));
  const sentences: Sentence[] = [];
  let at = 0;
  for (const [index, sound] of sounds.entries()) {
    const piece = pieces[index];
    pcm.set(sound, at);
    if (typeof piece === 'string') sentences.push(...sentencesOf(piece, at / SAMPLE_RATE_HZ));
    at += sound.length;
  }
  return { pcm, sentences };
}

/** Writes each sound as a channel of a WAV of 16-bit integers; the folder is gone with the process. */
export function writeRecording(...channels: readonly SpokenSound[]): string {
  const path = join(temporaryFolder(), 'recording.wav');
  const nSamples = Math.max(...channels.map(({ pcm }) => pcm.length));
  const data = Buffer.alloc(nSamples * channels.length * I16_BYTES);
  for (const [channel, { pcm }] of channels.entries()) {
    for (const [i, value] of pcm.entries()) {
      const sample = Math.max(-32768, Math.min(32767, Math.round(value * 32768)));
      data.writeInt16LE(sample, (i * channels.length + channel) * I16_BYTES);
    }
  }
  writeFileSync(path, Buffer.concat([wavHeader(channels.length, data.length), data]));
  return path;
}

function soundOf(piece: Piece): Float32Array {
  if (typeof piece === 'number') return new Float32Array(Math.round(piece * SAMPLE_RATE_HZ));
  if (typeof piece !== 'string') return piece;
  const known = samples.get(piece) ?? decode(join(SAMPLES, piece));
  samples.set(piece, known);
  return known;
}

function decode(path: string): Float32Array {
  const output = ['-ac', '1', '-ar', String(SAMPLE_RATE_HZ), '-f', 'f32le', 'pipe:1'];
  const args = ['-v', 'error', '-nostdin', '-i', path, ...output];
  const bytes = execFileSync('ffmpeg', args, { maxBuffer: 1 << 28 });
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

function wavHeader(nChannels: number, dataBytes: number): Buffer {
  const header = Buffer.alloc(44);
  header.write('RIFF', 0, 'latin1');
  header.writeUInt32LE(36 + dataBytes, 4);
  header.write('WAVEfmt ', 8, 'latin1');
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(nChannels, 22);
  header.writeUInt32LE(SAMPLE_RATE_HZ, 24);
  header.writeUInt32LE(SAMPLE_RATE_HZ * nChannels * I16_BYTES, 28);
  header.writeUInt16LE(nChannels * I16_BYTES, 32);
  header.writeUInt16LE(8 * I16_BYTES, 34);
  header.write('data', 36, 'latin1');
  header.writeUInt32LE(dataBytes, 40);
  return header;
}

let folder: string | undefined;
let nRecordings = 0;

function temporaryFolder(): string {
  if (folder === undefined) {
    const made = mkdtempSync(join(tmpdir(), 'amanuensis-spoken-'));
    process.once('exit', () => rmSync(made, { recursive: true, force: true }));
    folder = made;
  }
  return mkdtempSync(join(folder, `${nRecordings++}-`));
}
