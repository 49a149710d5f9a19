/**
 * Dynamic time warping: the cheapest way through a matrix of costs, row by row and never back.
 * Nothing is allocated.
 *
 * ```
 *            column - 1   column
 *   row - 1    DIAGONAL     UP       a way to a cell comes from the cheapest of these three
 *   row        LEFT         ●
 * ```
 */

/** Which neighbour a cell is reached from. */
const DIAGONAL = 0;
const UP = 1;
const LEFT = 2;

/** Before the first row: it is entered at its first column. @param out [nColumns + 1] f64. */
export function startDtw(nColumns: number, out: Float64Array): void {
  out.fill(Infinity, 0, nColumns + 1);
  out[0] = 0;
}

/** What a run of {@link dtwRows} carries on from the one before, and adds to. */
export interface DtwState {
  /** [nColumns + 1] f64: least cost of a way to each column of the last row, after one of none. */
  readonly totals: Float64Array;
  /** [nRows, nColumns] u8: where the cheapest way to each cell comes from. */
  readonly steps: Uint8Array;
}

/**
 * Carries the cheapest ways on through the rows [fromRow, toRow). As in openai/whisper, a way comes
 * diagonally or from above only where that is cheaper than both others: from the left, therefore,
 * even where those two tie and are cheaper. A median filter, which repeats values, makes such ties.
 *
 * @param costs [nRows, nColumns] f32.
 */
export function dtwRows(
  costs: Float32Array,
  nColumns: number,
  fromRow: number,
  toRow: number,
  out: DtwState,
): void {
  const { totals, steps } = out;
  for (let row = fromRow; row < toRow; row++) {
    const offset = row * nColumns;
    let diagonal = totals[0];
    let left = Infinity;
    totals[0] = Infinity;
    for (let column = 0; column < nColumns; column++) {
      const up = totals[column + 1];
      let step = LEFT;
      let least = left;
      if (diagonal < up && diagonal < left) {
        step = DIAGONAL;
        least = diagonal;
      } else if (up < diagonal && up < left) {
        step = UP;
        least = up;
      }
      diagonal = up;
      left = costs[offset + column] + least;
      totals[column + 1] = left;
      steps[offset + column] = step;
    }
  }
}

/**
 * Follows the cheapest way back from the last cell to the first.
 *
 * @param steps [nRows, nColumns] u8, of {@link dtwRows}.
 * @param out [nRows] i32, written: the first column that the way takes in each row.
 */
export function firstColumns(
  steps: Uint8Array,
  nRows: number,
  nColumns: number,
  out: Int32Array,
): void {
  let column = nColumns - 1;
  for (let row = nRows - 1; row > 0; row--) {
    while (column > 0 && steps[row * nColumns + column] === LEFT) column--;
    out[row] = column;
    if (column > 0 && steps[row * nColumns + column] === DIAGONAL) column--;
  }
  out[0] = 0;
}
