/**
 * Cross-attention weights → where each token begins (openai/whisper, `find_alignment`): what stands
 * out of a head's attention, smoothed, averaged over heads, and the cheapest way through it.
 */

import {
  finishDeviations,
  finishMeans,
  type HeadWeights,
  lowerCosts,
  squareRows,
  standardiseRow,
  startMeans,
  sumRows,
} from '../kernels/attention-costs.ts';
import { dtwRows, firstColumns, startDtw } from '../kernels/dtw.ts';
import { KernelError } from '../kernels/kernel-error.ts';
import { MEDIAN_MARGIN, medianFilter, reflectMargins } from '../kernels/median-filter.ts';
import { nextTurn } from '../next-turn.ts';
import type { AlignmentLease } from './alignment-scratch.ts';

/** Elements between two looks at the event loop: about a millisecond in the slowest pass. */
const SLICE_ELEMENTS = 100_000;

/** What the decoder's alignment heads paid attention to while it was fed the text of a window. */
export interface CrossAttention {
  /** [nHeads, rowsPerHead, rowLength] f32: softmax over audio positions. */
  readonly weights: Float32Array;
  readonly nHeads: number;
  /** At least `nTokens`; rows beyond those are not looked at. */
  readonly rowsPerHead: number;
  /** Audio positions of a window: 1,500. */
  readonly rowLength: number;
  /** Tokens that were fed: start-of-transcript sequence, no-timestamps, text, the end. */
  readonly nTokens: number;
}

/** What of the attention is aligned. */
export interface AlignedPart {
  /** The token that the first text token is predicted from: no-timestamps. */
  readonly firstRow: number;
  /** It and the text tokens. */
  readonly nRows: number;
  /** Audio positions that hold audio. */
  readonly nColumns: number;
}

/**
 * Finds the audio position at which each row's prediction begins, in slices that leave the event
 * loop free. Row i is taken as saying token i + 1, since it is where that is predicted.
 *
 * @param out its `firstColumns` [nRows] are written, and all else in it is overwritten.
 * @throws KernelError `invalid_buffer` when something does not fit; the signal's reason.
 */
export async function alignTokens(
  attention: CrossAttention,
  part: AlignedPart,
  out: AlignmentLease,
  signal: AbortSignal,
): Promise<void> {
  check(attention, part, out);
  const { nRows, nColumns } = part;
  const { costs, dtw } = out;
  costs.fill(0, 0, nRows * nColumns);
  for (let head = 0; head < attention.nHeads; head++) {
    await addHead(attention, head, part, out, signal);
  }
  startDtw(nColumns, dtw.totals);
  await inSlices(0, nRows, nColumns, signal, (from, to) => {
    dtwRows(costs, nColumns, from, to, dtw);
  });
  firstColumns(dtw.steps, nRows, nColumns, out.firstColumns);
}

async function addHead(
  { weights, nHeads, rowsPerHead, rowLength, nTokens }: CrossAttention,
  index: number,
  { firstRow, nRows, nColumns }: AlignedPart,
  { statistics, row, medians, costs }: AlignmentLease,
  signal: AbortSignal,
): Promise<void> {
  const offset = index * rowsPerHead * rowLength;
  const head: HeadWeights = { weights, offset, rowLength, nColumns };
  startMeans(head, statistics);
  await inSlices(0, nTokens, nColumns, signal, (from, to) => sumRows(head, from, to, statistics));
  finishMeans(head, nTokens, statistics);
  await inSlices(0, nTokens, nColumns, signal, (from, to) => {
    squareRows(head, from, to, statistics);
  });
  finishDeviations(head, nTokens, statistics);
  await inSlices(0, nRows, nColumns, signal, (from, to) => {
    for (let i = from; i < to; i++) {
      standardiseRow(head, statistics, firstRow + i, row, MEDIAN_MARGIN);
      reflectMargins(row, nColumns);
      medianFilter(row, nColumns, medians);
      lowerCosts(medians, nColumns, nHeads, costs, i * nColumns);
    }
  });
}

/** Calls `work` on one range of rows a turn of the event loop, until all of [begin, end) is done. */
async function inSlices(
  begin: number,
  end: number,
  nColumns: number,
  signal: AbortSignal,
  work: (from: number, to: number) => void,
): Promise<void> {
  const rows = Math.max(1, Math.floor(SLICE_ELEMENTS / nColumns));
  for (let from = begin; from < end; from += rows) {
    await nextTurn(signal);
    work(from, Math.min(from + rows, end));
  }
}

function check(attention: CrossAttention, part: AlignedPart, memory: AlignmentLease): void {
  const { weights, nHeads, rowsPerHead, rowLength, nTokens } = attention;
  const { firstRow, nRows, nColumns } = part;
  if (nHeads < 1 || weights.length < nHeads * rowsPerHead * rowLength) {
    throw new KernelError(
      `${weights.length} weights are not those of ${nHeads} heads of ${rowsPerHead} tokens`,
    );
  }
  if (nTokens > rowsPerHead || nTokens > memory.maxTokens) {
    throw new KernelError(`there is no room for ${nTokens} tokens`);
  }
  if (nColumns < 1 || nColumns > rowLength || nColumns > memory.maxColumns) {
    throw new KernelError(`${nColumns} audio positions of ${rowLength} cannot be aligned`);
  }
  if (firstRow < 0 || nRows < 1 || firstRow + nRows > nTokens) {
    throw new KernelError(`${nRows} rows from ${firstRow} on are not among ${nTokens} tokens`);
  }
}
