import { MAX_HYPOTHESES, transcriptionOptionsSchema } from '@amanuensis/contract';
import fc from 'fast-check';
import { expect, test } from 'vitest';

type Input = Parameters<typeof transcriptionOptionsSchema.parse>[0];

/** What is wrong, as `field: message`. */
function problemsOf(options: Input): string[] {
  const { error } = transcriptionOptionsSchema.safeParse(options);
  return (error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`);
}

test('defaults are those of the reference, but for two that it is known to be better without', () => {
  expect(transcriptionOptionsSchema.parse({})).toMatchObject({
    task: 'transcribe',
    mode: 'sequential',
    channels: 'mix',
    vad_filter: false,
    condition_on_previous_text: false,
    temperature: [0, 0.2, 0.4, 0.6, 0.8, 1],
    beam_size: 1,
    best_of: MAX_HYPOTHESES,
    suppress_tokens: [-1],
    compression_ratio_threshold: 2.4,
    logprob_threshold: -1,
    no_speech_threshold: 0.6,
    hallucination_silence_threshold: null,
    clip_timestamps: [],
  });
});

test.each<[Input, string]>([
  [{ hallucination_silence_threshold: 2 }, 'hallucination_silence_threshold: needs word_timest'],
  [
    { mode: 'batched', condition_on_previous_text: true },
    'condition_on_previous_text: is not possible with mode batched',
  ],
  [{ beam_size: 5, temperature: 0.4 }, 'beam_size: above 1 needs temperature 0'],
  [{ beam_size: 2, temperature: [0.2, 0.4] }, 'beam_size: above 1 needs temperature 0'],
  [{ patience: 2 }, 'patience: needs a beam_size above 1'],
  [
    { without_timestamps: true, max_initial_timestamp: 1 },
    'max_initial_timestamp: is not possible with without_timestamps',
  ],
  [{ clip_timestamps: [3, 2] }, 'clip_timestamps: must not go back'],
  [{ clip_timestamps: [0, 2, 1] }, 'clip_timestamps: must not go back'],
  [{ clip_timestamps: [0, 2, 4, 4] }, 'clip_timestamps: must not hold an empty clip'],
  [{ clip_timestamps: [-1] }, 'clip_timestamps.0: '],
  [{ beam_size: MAX_HYPOTHESES + 1 }, 'beam_size: '],
  [{ temperature: [] }, 'temperature: '],
  [{ temperatur: 0 } as Input, ': Unrecognized key: "temperatur"'],
])('%j is refused by name', (options, problem) => {
  expect(problemsOf(options)).toContainEqual(expect.stringContaining(problem));
});

test.each<[Input]>([
  [{ hallucination_silence_threshold: 2, word_timestamps: true }],
  [{ mode: 'batched', vad_filter: true, word_timestamps: true, beam_size: 2 }],
  [{ mode: 'sequential', condition_on_previous_text: true, prompt: 'Hello.' }],
  [{ beam_size: 5, patience: 2 }],
  [{ beam_size: 5, temperature: [0.2, 0] }],
  [{ without_timestamps: true, word_timestamps: true }],
  [{ clip_timestamps: [0, 2, 2, 4] }],
  [{ clip_timestamps: [1.5] }],
])('%j is possible', (options) => {
  expect(problemsOf(options)).toEqual([]);
});

test('all that is wrong is told at once', () => {
  const wrong: Input = { patience: 2, hallucination_silence_threshold: 1 };
  expect(problemsOf(wrong)).toHaveLength(2);
});

test('what was parsed, and went through a queue, is parsed to the same once more', () => {
  const seconds = fc.float({ min: 0, max: 3600, noNaN: true, noDefaultInfinity: true });
  const options = fc.record(
    {
      language: fc.constantFrom('en', 'de', 'yue'),
      mode: fc.constantFrom('sequential' as const, 'batched' as const),
      word_timestamps: fc.constant(true),
      temperature: fc.oneof(fc.constant(0), fc.constant([0, 0.5])),
      beam_size: fc.integer({ min: 1, max: MAX_HYPOTHESES }),
      hallucination_silence_threshold: fc.constantFrom(null, 2),
      suppress_tokens: fc.array(fc.integer({ min: -1, max: 50_000 }), { maxLength: 5 }),
      clip_timestamps: fc
        .uniqueArray(seconds, { maxLength: 6 })
        .map((times) => times.sort((a, b) => a - b)),
    },
    { requiredKeys: ['word_timestamps'] },
  );
  fc.assert(
    fc.property(options, (chosen) => {
      const parsed = transcriptionOptionsSchema.parse(chosen);
      const stored: unknown = JSON.parse(JSON.stringify(parsed));
      expect(transcriptionOptionsSchema.parse(stored)).toEqual(parsed);
    }),
  );
});
