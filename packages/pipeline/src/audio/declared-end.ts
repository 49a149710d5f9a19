/** What a file itself says about its end, where FFmpeg does not read it or does not tell. */

import { open } from 'node:fs/promises';
import { asfLengthSeconds } from './asf-length.ts';
import { cafLengthSeconds } from './caf-length.ts';
import { endsAsOgg, OGG_TAIL_BYTES } from './ogg-end.ts';
import { wavLengthSeconds } from './wav-length.ts';

/** What stands before the sound lies well within this. */
const HEADER_BYTES = 64 * 1024;

/** By FFmpeg's name of the format. */
const LENGTHS: Readonly<Record<string, (header: Buffer) => number | null>> = {
  wav: wavLengthSeconds,
  caf: cafLengthSeconds,
  asf: asfLengthSeconds,
};

export interface DeclaredEnd {
  /** Length by the file's own header; null where FFmpeg's is as good. */
  readonly lengthSeconds: number | null;
  /** Whether the end is missing that every file of this format has. */
  readonly isCutOff: boolean;
}

/** @param formatName FFmpeg's name of the format. */
export async function readDeclaredEnd(path: string, formatName: string): Promise<DeclaredEnd> {
  const lengthOf = LENGTHS[formatName];
  if (lengthOf !== undefined) {
    const header = await readBytes(path, () => 0, HEADER_BYTES);
    return { lengthSeconds: lengthOf(header), isCutOff: false };
  }
  if (formatName !== 'ogg') return { lengthSeconds: null, isCutOff: false };
  const tail = await readBytes(path, (size) => Math.max(0, size - OGG_TAIL_BYTES), OGG_TAIL_BYTES);
  return { lengthSeconds: null, isCutOff: !endsAsOgg(tail) };
}

async function readBytes(
  path: string,
  from: (size: number) => number,
  nBytes: number,
): Promise<Buffer> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const bytes = Buffer.alloc(nBytes);
    const { bytesRead } = await file.read(bytes, 0, nBytes, from(size));
    return bytes.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
