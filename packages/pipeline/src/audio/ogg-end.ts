/** Whether an Ogg file ends where its last page says: nothing in its header tells how long it is. */

/** `OggS`, then a version that is always 0. */
const CAPTURE = Buffer.from('OggS\0', 'latin1');
const PAGE_HEADER_BYTES = 27;
/** 255 segments of 255 bytes and their table: the largest page lies in what is read of the end. */
const MAX_PAGE_BYTES = PAGE_HEADER_BYTES + 255 + 255 * 255;
export const OGG_TAIL_BYTES = 2 * MAX_PAGE_BYTES;
const TYPE_OFFSET = 5;
const END_OF_STREAM = 0x04;
const SEGMENT_COUNT_OFFSET = 26;

/**
 * True where the last page is whole and marked as the last of its stream.
 *
 * @param tail the last {@link OGG_TAIL_BYTES} of the file, or all of it.
 */
export function endsAsOgg(tail: Buffer): boolean {
  const at = tail.lastIndexOf(CAPTURE);
  if (at < 0 || at + PAGE_HEADER_BYTES > tail.length) return false;
  const nSegments = tail.readUInt8(at + SEGMENT_COUNT_OFFSET);
  const body = at + PAGE_HEADER_BYTES + nSegments;
  if (body > tail.length) return false;
  let end = body;
  for (let segment = body - nSegments; segment < body; segment++) end += tail.readUInt8(segment);
  return end <= tail.length && (tail.readUInt8(at + TYPE_OFFSET) & END_OF_STREAM) !== 0;
}
