/** From attention to the column of each token and the time of each word, and the memory for it. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type AlignedPart,
  alignTokens,
  type CrossAttention,
} from '../../packages/pipeline/src/alignment/align-tokens.ts';
import { alignmentHeads } from '../../packages/pipeline/src/alignment/alignment-heads.ts';
import { AlignmentScratch } from '../../packages/pipeline/src/alignment/alignment-scratch.ts';
import type { WindowSpan } from '../../packages/pipeline/src/tokens-to-segments.ts';
import {
  type AlignmentRun,
  type SpokenText,
  tokensToWords,
} from '../../packages/pipeline/src/tokens-to-words.ts';

const NEVER = new AbortController().signal;

/** Attention of one head of [rows, columns]. */
function attentionOf(...heads: readonly (readonly (readonly number[])[])[]): CrossAttention {
  const [first = []] = heads;
  return {
    weights: Float32Array.from(heads.flat(2)),
    nHeads: heads.length,
    rowsPerHead: first.length,
    rowLength: first[0]?.length ?? 0,
    nTokens: first.length,
  };
}

/** A row that pays attention to the columns [from, to) alone. */
const heeding = (length: number, from: number, to: number): number[] =>
  Array.from({ length }, (_, i) => (i >= from && i < to ? 1 : 0.001));

async function columnsOf(attention: CrossAttention, part: AlignedPart): Promise<number[]> {
  const scratch = new AlignmentScratch(attention.nTokens, part.nColumns);
  using memory = await scratch.acquire(NEVER);
  // What an earlier window left must not matter.
  memory.costs.fill(-1);
  memory.medians.fill(-1);
  memory.statistics.means.fill(-1);
  memory.firstColumns.fill(-1);
  await alignTokens(attention, part, memory, NEVER);
  return [...memory.firstColumns.slice(0, part.nRows)];
}

/** Rows: start of transcript, no-timestamps, three tokens, the end; eight columns a token. */
const SPOKEN = [
  heeding(40, 0, 40),
  heeding(40, 0, 8),
  heeding(40, 8, 16),
  heeding(40, 16, 24),
  heeding(40, 24, 32),
  heeding(40, 30, 40),
];

describe('tokens are aligned', () => {
  test('each begins where attention moves on to it', async () => {
    const part = { firstRow: 1, nRows: 4, nColumns: 32 };
    expect(await columnsOf(attentionOf(SPOKEN), part)).toEqual([0, 8, 16, 24]);
  });

  test('with what several heads agree on', async () => {
    const blind = SPOKEN.map(() => heeding(40, 0, 40));
    const part = { firstRow: 1, nRows: 4, nColumns: 32 };
    expect(await columnsOf(attentionOf(blind, SPOKEN, blind), part)).toEqual([0, 8, 16, 24]);
  });

  test('with that part of attention alone that is paid to audio', async () => {
    // All but a thousandth goes to what lies after the recording's end.
    const lost = SPOKEN.map((row) => [...row.slice(0, 32).map((w) => w / 1000), 1, 1, 1, 1]);
    const part = { firstRow: 1, nRows: 4, nColumns: 32 };
    expect(await columnsOf(attentionOf(lost), part)).toEqual([0, 8, 16, 24]);
  });

  test('in order, even where attention is none or no number', async () => {
    const part = { firstRow: 0, nRows: 3, nColumns: 10 };
    for (const weight of [0, NaN]) {
      const rows = Array.from({ length: 3 }, () => Array<number>(10).fill(weight));
      const [first = -1, second = -1, third = -1] = await columnsOf(attentionOf(rows), part);
      expect(first).toBe(0);
      expect(second).toBeGreaterThanOrEqual(first);
      expect(third).toBeGreaterThanOrEqual(second);
      expect(third).toBeLessThan(10);
    }
  });

  test('as the plain definition has it', async () => {
    const window = fc.record({
      nHeads: fc.integer({ min: 1, max: 3 }),
      nTokens: fc.integer({ min: 3, max: 9 }),
      nColumns: fc.integer({ min: 2, max: 20 }),
      padding: fc.integer({ min: 0, max: 3 }),
      seed: fc.integer({ min: 1, max: 2 ** 30 }),
    });
    await fc.assert(
      fc.asyncProperty(window, async ({ nHeads, nTokens, nColumns, padding, seed }) => {
        const random = randomNumbers(seed);
        const heads = Array.from({ length: nHeads }, () =>
          Array.from({ length: nTokens + padding }, () =>
            Array.from({ length: nColumns + padding }, () => Math.fround(random())),
          ),
        );
        const attention = { ...attentionOf(...heads), nTokens };
        const part = { firstRow: 1, nRows: nTokens - 2, nColumns };
        expect(await columnsOf(attention, part)).toEqual(plainly(heads, nTokens, part));
      }),
    );
  });
});

/** Uniform in (0, 1), the same for a seed (mulberry32). */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (((t ^ (t >>> 14)) >>> 0) + 0.5) / 2 ** 32;
  };
}

/** Alignment by its definition, in whole matrices of double precision. */
function plainly(
  heads: readonly (readonly (readonly number[])[])[],
  nTokens: number,
  { firstRow, nRows, nColumns }: AlignedPart,
): number[] {
  const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
  const smooth = (row: readonly number[]): readonly number[] => {
    if (row.length <= 3) return row;
    const last = row.length - 1;
    return row.map((_, i) => {
      const around = [-3, -2, -1, 0, 1, 2, 3].map((d) => {
        const mirrored = Math.abs(i + d);
        return row[mirrored > last ? 2 * last - mirrored : mirrored] ?? NaN;
      });
      return around.sort((a, b) => a - b)[3] ?? NaN;
    });
  };
  const standing = heads.map((head) => {
    const rows = head.slice(0, nTokens).map((row) => row.slice(0, nColumns));
    const shares = rows.map((row) => row.map((weight) => weight / sum(row)));
    const columns = Array.from({ length: nColumns }, (_, j) => shares.map((row) => row[j] ?? NaN));
    const means = columns.map((column) => sum(column) / nTokens);
    const deviations = columns.map((column, j) =>
      Math.sqrt(sum(column.map((share) => (share - (means[j] ?? NaN)) ** 2)) / nTokens),
    );
    return shares.map((row) =>
      smooth(row.map((share, j) => (share - (means[j] ?? NaN)) / (deviations[j] ?? NaN))),
    );
  });
  const costs = Array.from({ length: nRows }, (_, i) =>
    Array.from(
      { length: nColumns },
      (_, j) => -sum(standing.map((rows) => rows[firstRow + i]?.[j] ?? NaN)) / heads.length,
    ),
  );
  return cheapestWay(costs);
}

/** First column of each row on the cheapest way; where two of three tie, it comes from the left. */
function cheapestWay(costs: readonly (readonly number[])[]): number[] {
  const known = new Map<string, { readonly cost: number; readonly columns: readonly number[] }>();
  const wayTo = (i: number, j: number): { cost: number; columns: readonly number[] } => {
    if (i < 0 || j < 0) return { cost: i < 0 && j < 0 ? 0 : Infinity, columns: [] };
    const found = known.get(`${i},${j}`);
    if (found !== undefined) return found;
    const [diagonal, up, left] = [wayTo(i - 1, j - 1), wayTo(i - 1, j), wayTo(i, j - 1)];
    let best = left;
    if (diagonal.cost < Math.min(up.cost, left.cost)) best = diagonal;
    else if (up.cost < Math.min(diagonal.cost, left.cost)) best = up;
    const columns = best.columns.length > i ? best.columns : [...best.columns, j];
    const way = { cost: best.cost + (costs[i]?.[j] ?? NaN), columns };
    known.set(`${i},${j}`, way);
    return way;
  };
  return [...wayTo(costs.length - 1, (costs[0]?.length ?? 0) - 1).columns];
}

describe('the event loop', () => {
  const nTokens = 200;
  const rowLength = 1500;
  const random = randomNumbers(1);
  const weights = Float32Array.from({ length: nTokens * rowLength }, random);
  const attention = { weights, nHeads: 1, rowsPerHead: nTokens, rowLength, nTokens };
  const part = { firstRow: 1, nRows: nTokens - 2, nColumns: rowLength };

  test('goes round while a long text is aligned', async () => {
    const scratch = new AlignmentScratch(nTokens, rowLength);
    using memory = await scratch.acquire(NEVER);
    let isDone = false;
    let turns = 0;
    const count = (): void => {
      turns += 1;
      if (!isDone) setImmediate(count);
    };
    setImmediate(count);
    await alignTokens(attention, part, memory, NEVER);
    isDone = true;
    // Four passes over 300,000 elements, 100,000 a slice.
    expect(turns).toBeGreaterThanOrEqual(12);
  });

  test('gets to cancel it', async () => {
    const scratch = new AlignmentScratch(nTokens, rowLength);
    const canceled = new AbortController();
    using memory = await scratch.acquire(NEVER);
    setImmediate(() => canceled.abort(new Error('canceled')));
    await expect(alignTokens(attention, part, memory, canceled.signal)).rejects.toThrow('canceled');
  });
});

describe('memory', () => {
  test('is as much as is said for a whole window', () => {
    expect(new AlignmentScratch(448, 1500).bytes).toBe(3_413_416);
  });

  test('that would be too small is refused, before anything is written', async () => {
    const attention = attentionOf(SPOKEN);
    const part = { firstRow: 1, nRows: 4, nColumns: 32 };
    const scratch = new AlignmentScratch(6, 32);
    using memory = await scratch.acquire(NEVER);
    memory.firstColumns.fill(77);
    const wrong: [Partial<CrossAttention>, Partial<AlignedPart>][] = [
      [{ nHeads: 2 }, {}],
      [{ nHeads: 0 }, {}],
      [{ nTokens: 7 }, {}],
      [{ weights: new Float32Array(1000), rowsPerHead: 7, nTokens: 7 }, {}],
      [{}, { nColumns: 0 }],
      [{}, { nColumns: 33 }],
      [{ rowLength: 30 }, {}],
      [{}, { firstRow: 3 }],
      [{}, { firstRow: -1 }],
      [{}, { nRows: 0 }],
    ];
    for (const [other, otherPart] of wrong) {
      const aligned = alignTokens(
        { ...attention, ...other },
        { ...part, ...otherPart },
        memory,
        NEVER,
      );
      await expect(aligned).rejects.toMatchObject({ code: 'invalid_buffer' });
    }
    expect([...memory.firstColumns]).toEqual(Array(6).fill(77));
    expect(() => new AlignmentScratch(1025, 10)).toThrow(/1025 tokens/);
  });

  test('is lent to one recording after the other, in the order in which they asked', async () => {
    const scratch = new AlignmentScratch(4, 4);
    const order: string[] = [];
    const first = await scratch.acquire(NEVER);
    const others = ['second', 'third'].map(async (name) => {
      using _memory = await scratch.acquire(NEVER);
      order.push(`${name} begins`);
      await Promise.resolve();
      order.push(`${name} ends`);
    });
    order.push('first ends');
    first[Symbol.dispose]();
    await Promise.all(others);
    expect(order).toEqual([
      'first ends',
      'second begins',
      'second ends',
      'third begins',
      'third ends',
    ]);
  });

  test('is not waited for by a job that is canceled, and goes to the next', async () => {
    const scratch = new AlignmentScratch(4, 4);
    const first = await scratch.acquire(NEVER);
    const canceled = new AbortController();
    const second = scratch.acquire(canceled.signal);
    const third = scratch.acquire(NEVER);
    let isLent = false;
    void third.then(() => {
      isLent = true;
    });
    canceled.abort(new Error('canceled'));
    await expect(second).rejects.toThrow('canceled');
    await expect(scratch.acquire(AbortSignal.abort(new Error('late')))).rejects.toThrow('late');
    expect(isLent).toBe(false);
    first[Symbol.dispose]();
    (await third)[Symbol.dispose]();
    (await scratch.acquire(NEVER))[Symbol.dispose]();
  });
});

describe('words', () => {
  const run = {
    ...attentionOf(SPOKEN),
    // After start-of-transcript, no-timestamps and each of three tokens, and the end.
    targetLogprobs: Float32Array.from([-9, 0, -Infinity, 0, -9, -9]),
  };
  const text = { textTokens: [5, 6, 7], words: [' Hello', '.'], wordTokens: [[5, 6], [7]] };
  const span = { startFrame: 1000, nFrames: 65 };
  const scratch = new AlignmentScratch(8, 40);
  const wordsOf = async (of: AlignmentRun, spoken: SpokenText, within: WindowSpan) => {
    using memory = await scratch.acquire(NEVER);
    return await tokensToWords(of, spoken, within, memory, NEVER);
  };

  test('last from their first token to that of the next, in frames of the recording', async () => {
    expect(await wordsOf(run, text, span)).toEqual([
      { word: ' Hello', tokens: [5, 6], startFrame: 1000, endFrame: 1032, probability: 0.5 },
      { word: '.', tokens: [7], startFrame: 1032, endFrame: 1048, probability: 1 },
    ]);
  });

  test('do not include the end, should it be among them', async () => {
    const withEnd = { ...text, words: [...text.words, ''], wordTokens: [...text.wordTokens, [99]] };
    const words = await wordsOf(run, withEnd, span);
    expect(words).toEqual(await wordsOf(run, text, span));
  });

  test('are none without text, or without audio', async () => {
    const nothing = { textTokens: [], words: [], wordTokens: [] };
    expect(await wordsOf(run, nothing, span)).toEqual([]);
    const instant = { startFrame: 0, nFrames: 1 };
    expect(await wordsOf(run, text, instant)).toEqual([]);
  });

  test('are refused where the text does not fit', async () => {
    const tooLong = { ...text, textTokens: Array<number>(9).fill(1) };
    const timed = wordsOf(run, tooLong, span);
    await expect(timed).rejects.toMatchObject({ code: 'invalid_buffer' });
  });
});

describe('alignment heads', () => {
  const sizes = { decoderLayers: 3, decoderHeads: 2 };
  const UPPER = [
    [1, 0],
    [1, 1],
    [2, 0],
    [2, 1],
  ];

  test('are those that the model names', () => {
    expect(alignmentHeads([[2, 1]], sizes)).toEqual([[2, 1]]);
  });

  test('are all of the upper half of the layers where it names none', () => {
    expect(alignmentHeads(null, sizes)).toEqual(UPPER);
    expect(alignmentHeads([], sizes)).toEqual(UPPER);
  });

  test('are not those of the larger model that it was made from', () => {
    expect(
      alignmentHeads(
        [
          [1, 1],
          [9, 0],
        ],
        sizes,
      ),
    ).toEqual(UPPER);
    expect(alignmentHeads([[1, 2]], sizes)).toEqual(UPPER);
  });
});
