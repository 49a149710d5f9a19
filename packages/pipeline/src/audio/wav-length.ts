/** How long a WAV file says it is; FFmpeg believes the size of the file instead, cut off or not. */

/** Writers that cannot go back to fill in the size leave 0 or something near a limit. */
const UNKNOWN_SIZE = 0x7fff_0000;
const CHUNK_HEADER_BYTES = 8;
/** PCM, float, A-law, mu-law and extensible: a block is one sample of each channel. */
const SAMPLED_FORMATS: readonly number[] = [1, 3, 6, 7, 0xfffe];

/** Seconds by the header's own numbers; null where there is no such header, or it does not know. */
export function wavLengthSeconds(header: Buffer): number | null {
  if (header.toString('latin1', 0, 4) !== 'RIFF') return null;
  let bytesPerSecond = 0;
  let at = 12; // behind 'RIFF', size, 'WAVE'
  while (at + CHUNK_HEADER_BYTES <= header.length) {
    const id = header.toString('latin1', at, at + 4);
    const size = header.readUInt32LE(at + 4);
    if (id === 'data') {
      const isKnown = size > 0 && size < UNKNOWN_SIZE && bytesPerSecond > 0;
      return isKnown ? size / bytesPerSecond : null;
    }
    if (id === 'fmt ' && at + 24 <= header.length) bytesPerSecond = byteRateOf(header, at + 8);
    at += CHUNK_HEADER_BYTES + size + (size % 2);
  }
  return null;
}

/** Not the header's own byte rate, which decoders ignore and writers get wrong; 0 if unknown. */
function byteRateOf(header: Buffer, format: number): number {
  if (!SAMPLED_FORMATS.includes(header.readUInt16LE(format))) return 0;
  return header.readUInt32LE(format + 4) * header.readUInt16LE(format + 12);
}
