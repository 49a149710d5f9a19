/** A decoder's last words are short, about the recording, and silent about where it lies. */

import { expect, test } from 'vitest';
import { lastWords } from '../../packages/pipeline/src/audio/last-words.ts';

const PATH = '/data/blobs/a b';

test.each([
  ['', ''],
  ['file:/data/blobs/a b: Invalid data found when processing input\n', ''],
  [
    '[mov,mp4 @ 0x55d0] moov atom not found\nfile:/data/blobs/a b: Invalid data found when processing input\n',
    'moov atom not found',
  ],
  ['[a @ 0x1] [b @ 0x2] first\r[a @ 0x1] second\n\n', 'second'],
  ['file:/data/blobs/a b: Permission denied', 'the recording: Permission denied'],
  ['cannot open /usr/lib/x.so or file:/etc/passwd now', 'cannot open … or … now'],
  ['a\u0007b\u001b[31m', 'a b [31m'],
  ['x'.repeat(500), 'x'.repeat(200)],
])('of %j', (stderr, words) => {
  expect(lastWords(stderr, PATH)).toBe(words);
});
