/** Which recordings are read: containers that carry speech, and nothing that leads to other files. */

/** Names of FFmpeg's demuxers. Playlists, image sequences and scripts are not among them. */
const DEMUXERS = [
  'wav',
  'aiff',
  'au',
  'caf',
  'mp3',
  'flac',
  'ogg',
  'aac',
  'mov',
  'mp4',
  'm4a',
  '3gp',
  'matroska',
  'webm',
  'asf',
  'amr',
  'flv',
  'mpegts',
] as const;

/** As users know them. */
export const READABLE_FORMATS =
  'wav, mp3, flac, ogg, opus, m4a, aac, mp4, mov, mkv, webm, wma, amr, aiff, caf, au, flv and ts';

/** As many as FFmpeg can mix. */
export const MAX_CHANNELS = 64;

/** Options before an input: what may be opened, and as what. */
export const INPUT_LIMITS: readonly string[] = [
  '-protocol_whitelist',
  'file,pipe',
  '-format_whitelist',
  DEMUXERS.join(','),
];

/** A path as FFmpeg takes it literally, whatever it begins with. */
export function inputOf(path: string): string {
  return `file:${path}`;
}
