import fc from 'fast-check';
import { expect, test } from 'vitest';
import { dtwRows, firstColumns, startDtw } from '../../packages/pipeline/src/kernels/dtw.ts';

/** The first column of each row, computed `rowsAtOnce` rows a call, and the cost of the way. */
function align(costs: readonly (readonly number[])[], rowsAtOnce = costs.length) {
  const nColumns = costs[0]?.length ?? 0;
  const nRows = costs.length;
  const state = {
    totals: new Float64Array(nColumns + 1),
    steps: new Uint8Array(nRows * nColumns),
  };
  const flat = Float32Array.from(costs.flat());
  startDtw(nColumns, state.totals);
  for (let from = 0; from < nRows; from += rowsAtOnce) {
    dtwRows(flat, nColumns, from, Math.min(from + rowsAtOnce, nRows), state);
  }
  const out = new Int32Array(nRows);
  firstColumns(state.steps, nRows, nColumns, out);
  return { columns: [...out], total: state.totals[nColumns] };
}

test('the way follows what is cheap', () => {
  const costs = [
    [0, 0, 9, 9, 9],
    [9, 9, 0, 9, 9],
    [9, 9, 9, 0, 0],
  ];
  expect(align(costs)).toEqual({ columns: [0, 2, 3], total: 0 });
});

test('several rows may share a column, and none is left out', () => {
  const costs = [
    [0, 9, 9],
    [0, 9, 9],
    [0, 1, 1],
  ];
  expect(align(costs)).toEqual({ columns: [0, 0, 0], total: 2 });
  expect(align([[5], [6], [7]])).toEqual({ columns: [0, 0, 0], total: 18 });
  expect(align([[1, 2, 3]])).toEqual({ columns: [0], total: 6 });
});

test('the way is worked out by hand', () => {
  // Least totals: 1  4  6    from: start left left
  //               3  2  5          up    diagonal left
  //               8  4  3          up    up       diagonal
  const costs = [
    [1, 3, 2],
    [2, 1, 3],
    [5, 2, 1],
  ];
  expect(align(costs)).toEqual({ columns: [0, 1, 2], total: 3 });
});

test('ties are broken as in the reference', () => {
  // Least totals: 1  1  1    The last cell is cheapest from above or above left, for 1, which tie:
  //               1  2  2    so it is reached from the left, for 2.
  const tied = [
    [1, 0, 0],
    [0, 1, 0],
  ];
  expect(align(tied)).toEqual({ columns: [0, 0], total: 2 });
  expect(align(Array.from({ length: 3 }, () => [1, 1, 1, 1])).columns).toEqual([0, 1, 2]);
});

/** The definition, with a whole matrix of totals and the reference's preference among equals. */
function slowly(costs: readonly (readonly number[])[]): number[] {
  const nColumns = costs[0]?.length ?? 0;
  const totals = Array.from({ length: costs.length + 1 }, () =>
    Array<number>(nColumns + 1).fill(Infinity),
  );
  const at = (row: number, column: number): number => totals[row]?.[column] ?? Infinity;
  const steps = new Map<string, 'diagonal' | 'up' | 'left'>();
  const first = totals[0];
  if (first !== undefined) first[0] = 0;
  for (const [i, row] of costs.entries()) {
    for (const [j, cost] of row.entries()) {
      const [diagonal, up, left] = [at(i, j), at(i, j + 1), at(i + 1, j)];
      const step =
        diagonal < up && diagonal < left ? 'diagonal' : up < diagonal && up < left ? 'up' : 'left';
      const total = totals[i + 1];
      if (total !== undefined) total[j + 1] = cost + { diagonal, up, left }[step];
      steps.set(`${i},${j}`, step);
    }
  }
  const columns: number[] = [];
  let [i, j] = [costs.length - 1, nColumns - 1];
  while (i >= 0 && j >= 0) {
    columns[i] = j;
    const step = i === 0 ? 'left' : j === 0 ? 'up' : steps.get(`${i},${j}`);
    if (step !== 'left') i--;
    if (step !== 'up') j--;
  }
  return columns;
}

const costMatrix = fc
  .tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 8 }))
  .chain(([nRows, nColumns]) => {
    const row = fc.array(fc.integer({ min: -3, max: 3 }), {
      minLength: nColumns,
      maxLength: nColumns,
    });
    return fc.array(row, { minLength: nRows, maxLength: nRows });
  });

test('the way is that of the definition, ties included, in however many calls', () => {
  fc.assert(
    fc.property(costMatrix, fc.integer({ min: 1, max: 6 }), (costs, rowsAtOnce) => {
      const whole = align(costs);
      expect(whole.columns).toEqual(slowly(costs));
      expect(align(costs, rowsAtOnce)).toEqual(whole);
    }),
  );
});

test('where no two ways cost the same, no other way is cheaper', () => {
  /** Least cost of all ways from a cell to the last, each tried. */
  const cheapest = (costs: readonly (readonly number[])[], i: number, j: number): number => {
    const cost = costs[i]?.[j];
    if (cost === undefined) return Infinity;
    if (i === costs.length - 1 && j === (costs[0]?.length ?? 0) - 1) return cost;
    const onward = [
      cheapest(costs, i + 1, j + 1),
      cheapest(costs, i + 1, j),
      cheapest(costs, i, j + 1),
    ];
    return cost + Math.min(...onward);
  };
  fc.assert(
    fc.property(costMatrix, (matrix) => {
      // A bit of its own for each cell, so that no two sums of cells are alike.
      const costs = matrix
        .slice(0, 4)
        .map((row, i) => row.slice(0, 5).map((cost, j) => cost + 2 ** -(1 + 5 * i + j)));
      expect(align(costs).total).toBeCloseTo(cheapest(costs, 0, 0), 9);
    }),
    { numRuns: 50 },
  );
});
