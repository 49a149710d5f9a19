import { LANGUAGE_CODES } from '@amanuensis/contract';
import { expect, test } from 'vitest';
import { specialTokens } from '../../packages/pipeline/src/tokenizer/special-tokens.ts';
import { hasShared } from '../support/paths.ts';
import {
  ENGLISH_ONLY,
  MULTILINGUAL,
  openDemoTokenizer,
  openPublishedTokenizer,
  SILENT,
} from '../support/tokenizers.ts';

/** Ids of the published layouts: English-only, multilingual, and large-v3 with its 100th language. */
const LAYOUTS = {
  'English-only': [50_256, 50_257, 50_357, 50_362, 50_363, 51_863],
  multilingual: [50_257, 50_258, 50_358, 50_363, 50_364, 51_864],
  'large-v3': [50_257, 50_258, 50_359, 50_364, 50_365, 51_865],
} as const;
type Layout = ReturnType<typeof specialTokens>;
const ends = (special: Layout): number[] => [
  special.endOfText,
  special.startOfTranscript,
  special.translate,
  special.noTimestamps,
  special.firstTimestamp,
  special.lastTimestamp,
];
const between = ({ translate, transcribe, startOfLm, startOfPrev, noSpeech }: Layout): number[] =>
  [transcribe, startOfLm, startOfPrev, noSpeech].map((token) => token - translate);

test.each([
  ['English-only', 51_864],
  ['multilingual', 51_865],
  ['large-v3', 51_866],
] as const)(
  'without any name the %s layout follows from the end of text and the size',
  (name, size) => {
    const end = new Map([['<|endoftext|>', LAYOUTS[name][0]]]);
    const special = specialTokens(end, { ...SILENT, vocab_size: size });
    expect(ends(special)).toEqual(LAYOUTS[name]);
    expect(between(special)).toEqual([1, 2, 3, 4]);
    expect(special.isMultilingual).toBe(name !== 'English-only');
    if (name === 'English-only') expect(special.languageTokens.size).toBe(0);
    else expect([...special.languageTokens.keys()]).toEqual(LANGUAGE_CODES.slice(0, size - 51_766));
  },
);

test('large-v3: Cantonese is the last language', () => {
  const generation = { ...SILENT, eos_token_id: 50_257, no_timestamps_token_id: 50_364 };
  const { languageTokens } = specialTokens(new Map(), generation);
  expect([languageTokens.get('en'), languageTokens.get('yue')]).toEqual([50_259, 50_358]);
});

test('the configuration fills in what has no name, and names count for more', () => {
  const generation = {
    ...SILENT,
    eos_token_id: 10,
    decoder_start_token_id: 12,
    prev_sot_token_id: 28,
    no_timestamps_token_id: 30,
    lang_to_id: { '<|de|>': 14, '<|en|>': 13, '<|nowhere|>': 99 },
  };
  expect(specialTokens(new Map(), generation)).toMatchObject({
    endOfText: 10,
    startOfTranscript: 12,
    languageTokens: new Map([
      ['en', 13],
      ['de', 14],
    ]),
    startOfPrev: 28,
    noSpeech: 29,
    noTimestamps: 30,
    isMultilingual: true,
  });
  const named = new Map([
    ['<|endoftext|>', 9],
    ['<|startoftranscript|>', 11],
    ['<|notimestamps|>', 31],
    ['<|startofprev|>', 29],
    ['<|nospeech|>', 30],
  ]);
  expect(specialTokens(named, generation)).toMatchObject({
    endOfText: 9,
    startOfTranscript: 11,
    startOfPrev: 29,
    noSpeech: 30,
    noTimestamps: 31,
  });
});

test('either spelling of the token of no speech', () => {
  const names = { '<|endoftext|>': 10, '<|translate|>': 20, '<|transcribe|>': 21 };
  const more = { '<|startoflm|>': 22, '<|startofprev|>': 23, '<|notimestamps|>': 30 };
  for (const spelling of ['<|nospeech|>', '<|nocaptions|>']) {
    const named = new Map(Object.entries({ ...names, ...more, [spelling]: 25 }));
    expect(specialTokens(named, SILENT).noSpeech).toBe(25);
  }
});

test('languages in the order of their tokens; what is named elsewhere is none', () => {
  const names = { '<|endoftext|>': 10, '<|startoftranscript|>': 11, '<|iw|>': 13, '<|xx|>': 12 };
  const rest = { '<|translate|>': 20, '<|notimestamps|>': 25, '<|fr|>': 40, '<|0.00|>': 26 };
  const { languageTokens, isMultilingual } = specialTokens(
    new Map(Object.entries({ ...names, ...rest })),
    SILENT,
  );
  expect([...languageTokens]).toEqual([
    ['xx', 12],
    ['he', 13],
  ]);
  expect(isMultilingual).toBe(true);
});

test('what the configuration says of languages counts', () => {
  const generation = { ...SILENT, eos_token_id: 50_257, vocab_size: 51_865 };
  const special = specialTokens(new Map(), { ...generation, is_multilingual: false });
  expect(special.isMultilingual).toBe(false);
  expect(special.languageTokens.size).toBe(0);
});

test.each([
  ['no end of text', SILENT, /<\|endoftext\|>/],
  ['no end of control tokens', { ...SILENT, eos_token_id: 10 }, /<\|notimestamps\|>/],
  ['another order', { ...SILENT, eos_token_id: 50, no_timestamps_token_id: 40 }, /order/],
])('%s is refused', (_, generation, message) => {
  expect(() => specialTokens(new Map(), generation)).toThrow(
    expect.objectContaining({ code: 'unsupported_model', message: expect.stringMatching(message) }),
  );
});

test('the demonstration model: English-only, in a layout of its own', async () => {
  const tokenizer = await openDemoTokenizer();
  expect(ends(tokenizer)).toEqual([1_000, 1_001, 1_003, 1_008, 1_009, 2_509]);
  expect(tokenizer.languageCodes).toEqual(['en']);
  expect([tokenizer.languageCode('EN'), tokenizer.languageCode('de')]).toEqual(['en', null]);
  expect(tokenizer.promptFor('en')).toEqual([1_001]);
  expect(tokenizer.controlTokens).toEqual([1_001, 1_002, 1_003, 1_004, 1_005, 1_006, 1_007, 1_008]);
});

test.skipIf(!hasShared(ENGLISH_ONLY))(
  `a published English-only folder without tokenizer.json (../shared/${ENGLISH_ONLY})`,
  async () => {
    const tokenizer = await openPublishedTokenizer(ENGLISH_ONLY);
    expect(ends(tokenizer)).toEqual(LAYOUTS['English-only']);
    expect(between(tokenizer)).toEqual([1, 2, 3, 4]);
    expect(tokenizer.isMultilingual).toBe(false);
  },
);

test.skipIf(!hasShared(MULTILINGUAL))(
  `a published multilingual tokenizer.json (../shared/${MULTILINGUAL})`,
  async () => {
    const tokenizer = await openPublishedTokenizer(MULTILINGUAL);
    expect(ends(tokenizer)).toEqual(LAYOUTS.multilingual);
    expect(between(tokenizer)).toEqual([1, 2, 3, 4]);
    expect(tokenizer.languageCodes).toEqual(LANGUAGE_CODES.slice(0, 99));
    expect(tokenizer.promptFor('su')).toEqual([50_258, 50_357, 50_359]);
  },
);
