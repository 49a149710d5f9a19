import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import type { WhisperTokenizer } from '../../packages/pipeline/src/tokenizer/whisper-tokenizer.ts';
import { hasShared } from '../support/paths.ts';
import { MULTILINGUAL, openDemoTokenizer, openPublishedTokenizer } from '../support/tokenizers.ts';

let demo: WhisperTokenizer;
beforeAll(async () => {
  demo = await openDemoTokenizer();
});

/** Words of tokens, which must all be there again. */
function words(tokens: readonly number[], language = 'en', tokenizer = demo): readonly string[] {
  const split = tokenizer.splitToWordTokens(tokens, language);
  expect(split.wordTokens.flat()).toEqual(tokens);
  expect(split.words.join('')).toBe(tokenizer.decode(tokens));
  expect(split.words).toHaveLength(split.wordTokens.length);
  return split.words;
}

test('a word begins at a space, and punctuation is a word', () => {
  expect(words(demo.encode(' Good morning. It is on.'))).toEqual([
    ' Good',
    ' morning',
    '.',
    ' It',
    ' is',
    ' on',
    '.',
  ]);
});

test('subwords and the characters of several tokens belong to the word before', () => {
  expect(words(demo.encode(' Zoë'))).toEqual([' Zoë']);
  expect(words(demo.encode(' naïve café'))).toEqual([' naïve', ' café']);
  expect(words(demo.encode('x你好'))).toEqual(['x你好']);
});

test('without spaces in writing each character is a word', () => {
  for (const language of ['zh', 'ja', 'th', 'lo', 'my', 'yue']) {
    expect(words(demo.encode('你好。😀'), language)).toEqual(['你', '好', '。', '😀']);
  }
  expect(words(demo.encode('a b'), 'zh')).toEqual(['a', ' b']);
});

test('the end is a word of its own, without text', () => {
  const tokens = [...demo.encode(' on'), demo.endOfText];
  const end = { words: [' on', ''], wordTokens: [demo.encode(' on'), [demo.endOfText]] };
  expect(demo.splitToWordTokens(tokens, 'en')).toEqual(end);
  expect(demo.splitToWordTokens(tokens, 'zh').words.at(-1)).toBe('');
  expect(demo.splitToWordTokens([], 'en')).toEqual({ words: [], wordTokens: [] });
});

test('a broken character waits for no other, and one in the text is text', () => {
  const [first = 0, second = 0] = demo.encode('你');
  // The reference takes any U+FFFD of the decoded text for a character that is cut.
  expect(words(demo.encode('\ufffdé'), 'zh')).toEqual(['\ufffd', 'é']);
  expect(words([first, ...demo.encode('é')], 'zh')).toEqual(['\ufffd', 'é']);
  expect(words([first, second, ...demo.encode(' a')], 'zh')).toEqual(['\ufffd', ' a']);
  expect(words([...demo.encode('a'), first, second], 'zh')).toEqual(['a', '\ufffd']);
});

test('any tokens: nothing is lost, and no word breaks a character', () => {
  const tokens = fc.array(fc.nat({ max: 1000 }), { maxLength: 60 });
  fc.assert(
    fc.property(tokens, fc.constantFrom('en', 'ja'), (ids, language) => {
      words(ids, language);
    }),
  );
});

test.skipIf(!hasShared(MULTILINGUAL))(
  `tokens of several characters stay whole (../shared/${MULTILINGUAL})`,
  async () => {
    const tokenizer = await openPublishedTokenizer(MULTILINGUAL);
    const split = (text: string, language: string): readonly string[] =>
      words(tokenizer.encode(text), language, tokenizer);
    // ` 你好` and `世界` are one token each, the comma three.
    expect(split('你好，世界', 'zh')).toEqual(['你好', '，', '世界']);
    // As in the reference: several marks are a word only where ASCII has them in that order.
    expect(split(' "Zoë" isn\'t here...', 'en')).toEqual([' "Zoë', '"', " isn't", ' here...']);
  },
);
