/** How long a WMA file says it is; FFmpeg guesses from the size of the file where it was cut off. */

/** Of the file properties, as it lies in the file. */
const FILE_PROPERTIES = Buffer.from('a1dcab8c47a9cf118ee400c00c205365', 'hex');
const OBJECT_BYTES = 104;
const PLAY_DURATION_OFFSET = 64;
const PREROLL_OFFSET = 80;
const FLAGS_OFFSET = 88;
/** The numbers of a live stream mean nothing. */
const BROADCAST_FLAG = 1;
const TICKS_PER_SECOND = 10_000_000;
const MS_PER_SECOND = 1000;

/** Seconds by the header's own numbers; null where there is no such header, or it does not know. */
export function asfLengthSeconds(header: Buffer): number | null {
  const at = header.indexOf(FILE_PROPERTIES);
  if (at < 0 || at + OBJECT_BYTES > header.length) return null;
  if ((header.readUInt32LE(at + FLAGS_OFFSET) & BROADCAST_FLAG) !== 0) return null;
  const playSeconds = Number(header.readBigUInt64LE(at + PLAY_DURATION_OFFSET)) / TICKS_PER_SECOND;
  const prerollSeconds = Number(header.readBigUInt64LE(at + PREROLL_OFFSET)) / MS_PER_SECOND;
  return playSeconds > prerollSeconds ? playSeconds - prerollSeconds : null;
}
