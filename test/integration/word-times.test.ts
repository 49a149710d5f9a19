/** Word times of the demonstration model are those of its reference, from the recording on. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  createWindowPools,
  loadWhisper,
  openInferenceEngine,
  type WhisperModel,
  type WindowPools,
} from '@amanuensis/pipeline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { alignTokens } from '../../packages/pipeline/src/alignment/align-tokens.ts';
import { alignmentHeads } from '../../packages/pipeline/src/alignment/alignment-heads.ts';
import { AlignmentScratch } from '../../packages/pipeline/src/alignment/alignment-scratch.ts';
import { mergePunctuations } from '../../packages/pipeline/src/alignment/merge-punctuations.ts';
import { audioToPcm } from '../../packages/pipeline/src/audio-to-pcm.ts';
import { HOP_SAMPLES } from '../../packages/pipeline/src/hyperparameters.ts';
import type {
  InferenceSession,
  Tensor,
} from '../../packages/pipeline/src/inference/inference-port.ts';
import { melToHiddenStates } from '../../packages/pipeline/src/mel-to-hidden-states.ts';
import { decoderGraph } from '../../packages/pipeline/src/model/decoder-graph.ts';
import { Weights } from '../../packages/pipeline/src/model/weights.ts';
import { pcmToMel } from '../../packages/pipeline/src/pcm-to-mel.ts';
import {
  type AlignmentRun,
  type SpokenText,
  tokensToWords,
} from '../../packages/pipeline/src/tokens-to-words.ts';
import { DEMO_MODEL, FIXTURES, SAMPLES } from '../support/paths.ts';

const SIGNAL = new AbortController().signal;
const ONE = { initial: 1, max: 1 };
const FILES = ['standup.wav', 'voicemail.wav', 'dictation.mp3', 'call.wav'];
const PUNCTUATIONS = { prepended: '"\'“¿([{-', appended: '"\'.。,，!！?？:：”)]}、' };
/** Rows of a run beyond its tokens, which may be padded. */
const PADDING = 3;

interface ReferenceWindow {
  readonly greedy: readonly number[];
  readonly words: readonly {
    readonly word: string;
    readonly tokens: readonly number[];
    /** Seconds. */
    readonly start: number;
    readonly end: number;
    readonly probability: number;
  }[];
  /** The path, where it moves to a new token. */
  readonly dtw_tokens: readonly number[];
  readonly dtw_frames: readonly number[];
}
const reference: { readonly first_window: Record<string, ReferenceWindow> } = JSON.parse(
  readFileSync(join(FIXTURES, 'reference/first-window.json'), 'utf8'),
);

let model: WhisperModel;
let pools: WindowPools;
let alignment: InferenceSession;
let nHeads: number;
let scratch: AlignmentScratch;

beforeAll(async () => {
  const engine = await openInferenceEngine();
  model = await loadWhisper(DEMO_MODEL, engine, { name: 'demo', intraOpThreads: 2 });
  const { dimensions, generation, tokenizer } = model;
  const limits = { audio: ONE, mel: ONE, encoder_output: ONE, kv_cache: ONE };
  pools = await createWindowPools(model, limits, { lanesPerJob: 1 });
  const heads = alignmentHeads(generation.alignment_heads, dimensions);
  nHeads = heads.length;
  const weights = await Weights.open(DEMO_MODEL);
  const { endOfText } = tokenizer;
  const bytes = decoderGraph(weights, dimensions, { kind: 'alignment', heads, endOfText });
  const graph = { bytes, weightsFolder: DEMO_MODEL };
  alignment = await engine.createSession(graph, { intraOpThreads: 2 });
  scratch = new AlignmentScratch(dimensions.nTextPositions, dimensions.nAudioPositions);
});
afterAll(async () => {
  await alignment.release();
  pools[Symbol.dispose]();
  await model.release();
});

interface DecodedWindow {
  readonly run: AlignmentRun;
  readonly text: SpokenText;
  readonly nFrames: number;
}

/** Hears the first window of a recording and feeds the decoder the text of the reference. */
async function decode(file: string, greedy: readonly number[]): Promise<DecodedWindow> {
  const { tokenizer } = model;
  using slots = pools.acquire(file);
  const { pcm, mel, hiddenStates } = slots.window(0);
  await using source = await audioToPcm(join(SAMPLES, file), {
    maxDurationSeconds: 600,
    signal: SIGNAL,
  });
  const nSamples = await source.read(pcm, SIGNAL);
  pcm.fill(0, nSamples);
  await pcmToMel(pcm, mel.data, pools.logMelKernel, SIGNAL);
  await melToHiddenStates(pools.encoder, mel, hiddenStates, SIGNAL);
  const lane = slots.lane(0);
  await lane.fill(hiddenStates, SIGNAL);

  const textTokens = greedy.filter((token) => token < tokenizer.endOfText);
  const { startOfTranscript, noTimestamps, endOfText } = tokenizer;
  const fed = [startOfTranscript, noTimestamps, ...textTokens, endOfText];
  const rows = fed.length + PADDING;
  const { nAudioPositions: rowLength } = model.dimensions;
  const ints = (valueAt: (index: number) => number, ...shape: number[]): Tensor => ({
    data: Int32Array.from({ length: rows }, (_, index) => valueAt(index)),
    shape,
  });
  const run = {
    weights: new Float32Array(nHeads * rows * rowLength),
    targetLogprobs: new Float32Array(rows),
    nHeads,
    rowsPerHead: rows,
    rowLength,
    nTokens: fed.length,
  };
  using binding = alignment.bind(
    {
      tokens: ints((i) => fed[i] ?? 0, rows),
      positions: ints((i) => i, rows),
      // Only text has a probability among text; what follows the rest is not asked for.
      targets: ints((i) => textTokens[i - 1] ?? 0, rows, 1),
      ...lane.rowFeeds(0),
    },
    {
      attention: { data: run.weights, shape: [nHeads, rows, rowLength] },
      target_logprobs: { data: run.targetLogprobs, shape: [rows, 1] },
      ...lane.rowFetches(0),
    },
  );
  await binding.run({ signal: SIGNAL });
  const text = { textTokens, ...tokenizer.splitToWordTokens(textTokens, 'en') };
  return { run, text, nFrames: Math.floor(nSamples / HOP_SAMPLES) };
}

test.each(FILES)('%s: the path and the words are those of the reference', async (file) => {
  const expected = reference.first_window[file];
  if (expected === undefined) throw new RangeError(`there is no reference for ${file}`);
  const { run, text, nFrames } = await decode(file, expected.greedy);

  const nRows = text.textTokens.length + 1;
  {
    using memory = await scratch.acquire(SIGNAL);
    const part = { firstRow: 1, nRows, nColumns: Math.floor(nFrames / 2) };
    await alignTokens(run, part, memory, SIGNAL);
    expect(expected.dtw_tokens).toEqual(Array.from({ length: nRows }, (_, index) => index));
    expect([...memory.firstColumns.slice(0, nRows)]).toEqual(expected.dtw_frames);
  }

  const span = { startFrame: 0, nFrames };
  using memory = await scratch.acquire(SIGNAL);
  const words = await tokensToWords(run, text, span, memory, SIGNAL);
  const merged = mergePunctuations(words, PUNCTUATIONS);
  expect(merged.map(({ word }) => word)).toEqual(expected.words.map(({ word }) => word));
  for (const [index, word] of merged.entries()) {
    const { tokens, start, end, probability } = expected.words[index] ?? {};
    expect(word.tokens).toEqual(tokens);
    expect(word.startFrame / 100, word.word).toBeCloseTo(start ?? NaN, 6);
    expect(word.endFrame / 100, word.word).toBeCloseTo(end ?? NaN, 6);
    expect(word.probability, word.word).toBeCloseTo(probability ?? NaN, 3);
  }
});
