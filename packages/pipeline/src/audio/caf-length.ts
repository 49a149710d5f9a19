/** How long a CAF file of plain samples says it is; FFmpeg believes the size of the file instead. */

const FILE_HEADER_BYTES = 8;
const CHUNK_HEADER_BYTES = 12;
const DESCRIPTION_BYTES = 32;
/** A count of edits stands before the samples. */
const EDIT_COUNT_BYTES = 4n;

/** Seconds by the header's own numbers; null where there is no such header, or it does not know. */
export function cafLengthSeconds(header: Buffer): number | null {
  if (header.toString('latin1', 0, 4) !== 'caff') return null;
  let bytesPerSecond = 0;
  let at = FILE_HEADER_BYTES;
  while (at + CHUNK_HEADER_BYTES <= header.length) {
    const id = header.toString('latin1', at, at + 4);
    const size = header.readBigInt64BE(at + 4);
    const body = at + CHUNK_HEADER_BYTES;
    if (id === 'data') {
      // A recorder that was interrupted leaves -1.
      const isKnown = size > EDIT_COUNT_BYTES && bytesPerSecond > 0;
      return isKnown ? Number(size - EDIT_COUNT_BYTES) / bytesPerSecond : null;
    }
    if (size < 0n) return null;
    if (id === 'desc' && body + DESCRIPTION_BYTES <= header.length) {
      bytesPerSecond = byteRateOf(header, body);
    }
    at = body + Number(size);
  }
  return null;
}

/** 0 where packets differ in size. */
function byteRateOf(header: Buffer, description: number): number {
  const sampleRateHz = header.readDoubleBE(description);
  const bytesPerPacket = header.readUInt32BE(description + 16);
  const framesPerPacket = header.readUInt32BE(description + 20);
  return framesPerPacket === 0 ? 0 : (sampleRateHz * bytesPerPacket) / framesPerPacket;
}
