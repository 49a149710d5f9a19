/**
 * Cross-attention weights of one head → how much each token's attention stands out at each audio
 * position, in fixed point. Nothing is allocated.
 *
 * The weights of a head are [nTokens, rowLength] f32 at `offset`; of each row only the first
 * `nColumns`, which hold audio, count. The passes are made one after the other, each over all
 * tokens, in as many calls as one likes.
 */

/**
 * Steps to 1. Of n tokens one standardises to at most √(n - 1), 21 for 448: less than 2^30, which
 * the median filter asks for, and as fine as float32 between 1/4 and 1/2.
 */
const FIXED_POINT = 2 ** 25;
/** The greatest number of tokens that standardised weights are less than 2^30 for. */
export const MAX_TOKENS = 1024;

export interface HeadWeights {
  readonly weights: Float32Array;
  /** Of the head's first row, in elements. */
  readonly offset: number;
  readonly rowLength: number;
  readonly nColumns: number;
}

/** What the passes leave for the next. */
export interface HeadStatistics {
  /** [nTokens] f64: what makes the sum of a row one; 0 where it has no weight at all. */
  readonly rowScales: Float64Array;
  /** [nColumns] f64: mean over tokens. */
  readonly means: Float64Array;
  /**
   * [nColumns] f64: sums of squares first; in the end one over the standard deviation over tokens
   * (of the population), 0 where all tokens are alike.
   */
  readonly inverseDeviations: Float64Array;
}

/** First pass: row sums, and sums of columns. */
export function startMeans({ nColumns }: HeadWeights, out: HeadStatistics): void {
  out.means.fill(0, 0, nColumns);
  out.inverseDeviations.fill(0, 0, nColumns);
}

export function sumRows(head: HeadWeights, from: number, to: number, out: HeadStatistics): void {
  const { weights, offset, rowLength, nColumns } = head;
  const { rowScales, means } = out;
  for (let row = from; row < to; row++) {
    const begin = offset + row * rowLength;
    let sum = 0;
    for (let column = 0; column < nColumns; column++) sum += weights[begin + column];
    const scale = sum > 0 ? 1 / sum : 0;
    rowScales[row] = scale;
    for (let column = 0; column < nColumns; column++) {
      means[column] += weights[begin + column] * scale;
    }
  }
}

/** Second pass: sums of the squares of what differs from the mean. */
export function finishMeans({ nColumns }: HeadWeights, nTokens: number, out: HeadStatistics): void {
  for (let column = 0; column < nColumns; column++) out.means[column] /= nTokens;
}

export function squareRows(head: HeadWeights, from: number, to: number, out: HeadStatistics): void {
  const { weights, offset, rowLength, nColumns } = head;
  const { rowScales, means, inverseDeviations: squares } = out;
  for (let row = from; row < to; row++) {
    const begin = offset + row * rowLength;
    const scale = rowScales[row];
    for (let column = 0; column < nColumns; column++) {
      const difference = weights[begin + column] * scale - means[column];
      squares[column] += difference * difference;
    }
  }
}

export function finishDeviations(
  { nColumns }: HeadWeights,
  nTokens: number,
  out: HeadStatistics,
): void {
  const { inverseDeviations } = out;
  for (let column = 0; column < nColumns; column++) {
    const squares = inverseDeviations[column];
    inverseDeviations[column] = squares > 0 ? Math.sqrt(nTokens / squares) : 0;
  }
}

/**
 * Third pass: one row, renormalised over its columns and standardised over tokens.
 *
 * @param out i32 in fixed point, written from `outOffset` on.
 */
export function standardiseRow(
  { weights, offset, rowLength, nColumns }: HeadWeights,
  { rowScales, means, inverseDeviations }: HeadStatistics,
  row: number,
  out: Int32Array,
  outOffset: number,
): void {
  const begin = offset + row * rowLength;
  const scale = rowScales[row];
  for (let column = 0; column < nColumns; column++) {
    const difference = weights[begin + column] * scale - means[column];
    out[outOffset + column] = difference * inverseDeviations[column] * FIXED_POINT;
  }
}

/**
 * A head's part of the cost: what stands out is cheap.
 *
 * @param row [nColumns] i32 in fixed point.
 * @param out f32, `nColumns` of it lowered from `outOffset` on.
 */
export function lowerCosts(
  row: Int32Array,
  nColumns: number,
  nHeads: number,
  out: Float32Array,
  outOffset: number,
): void {
  const share = 1 / (FIXED_POINT * nHeads);
  for (let column = 0; column < nColumns; column++) out[outOffset + column] -= row[column] * share;
}
