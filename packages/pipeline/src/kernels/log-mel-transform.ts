/** The Fourier transform of 400 complex values in double precision, without an allocation. */

/** 4 · 4 · 5 · 5. */
const N = 400;
const COS_72 = Math.cos((2 * Math.PI) / 5);
const SIN_72 = Math.sin((2 * Math.PI) / 5);
const COS_144 = Math.cos((4 * Math.PI) / 5);
const SIN_144 = Math.sin((4 * Math.PI) / 5);

/**
 * Stockham's, so no value needs to be put back into its place; between two scratches. Stages whose
 * factors of rotation are read once, outside the inner loop, take half the time.
 */
export class Transform400 {
  /** [400, 2]: real and imaginary parts, of what is transformed and then of the result. */
  readonly values = new Float64Array(N * 2);
  readonly #other = new Float64Array(N * 2);
  // [400, 2]: cos and sin of 2πk/400
  readonly #roots = Float64Array.from({ length: N * 2 }, (_, i) => {
    const angle = (2 * Math.PI * (i >> 1)) / N;
    return i % 2 === 0 ? Math.cos(angle) : Math.sin(angle);
  });

  run(): void {
    radix4(this.values, this.#other, 400, 1, this.#roots);
    radix4(this.#other, this.values, 100, 4, this.#roots);
    radix5(this.values, this.#other, 25, 16, this.#roots);
    radix5(this.#other, this.values, 5, 80, this.#roots);
  }
}

/** One stage over transforms of length `n`, `stride` of them interleaved: w_n^p = w_400^(p · 400/n). */
function radix4(
  from: Float64Array,
  to: Float64Array,
  n: number,
  stride: number,
  roots: Float64Array,
): void {
  const quarter = n >> 2;
  const jump = 2 * quarter * stride;
  const hop = 2 * stride;
  for (let p = 0; p < quarter; p++) {
    const root = 2 * p * stride;
    const cos1 = roots[root];
    const sin1 = roots[root + 1];
    const cos2 = roots[2 * root];
    const sin2 = roots[2 * root + 1];
    const cos3 = roots[3 * root];
    const sin3 = roots[3 * root + 1];
    let y = 4 * p * hop;
    for (let x = p * hop; x < (p + 1) * hop; x += 2) {
      const ar = from[x];
      const ai = from[x + 1];
      const br = from[x + jump];
      const bi = from[x + jump + 1];
      const cr = from[x + 2 * jump];
      const ci = from[x + 2 * jump + 1];
      const dr = from[x + 3 * jump];
      const di = from[x + 3 * jump + 1];
      to[y] = ar + cr + br + dr;
      to[y + 1] = ai + ci + bi + di;
      const r1 = ar - cr + bi - di;
      const i1 = ai - ci - br + dr;
      to[y + hop] = r1 * cos1 + i1 * sin1;
      to[y + hop + 1] = i1 * cos1 - r1 * sin1;
      const r2 = ar + cr - br - dr;
      const i2 = ai + ci - bi - di;
      to[y + 2 * hop] = r2 * cos2 + i2 * sin2;
      to[y + 2 * hop + 1] = i2 * cos2 - r2 * sin2;
      const r3 = ar - cr - bi + di;
      const i3 = ai - ci + br - dr;
      to[y + 3 * hop] = r3 * cos3 + i3 * sin3;
      to[y + 3 * hop + 1] = i3 * cos3 - r3 * sin3;
      y += 2;
    }
  }
}

/** As {@link radix4}. */
function radix5(
  from: Float64Array,
  to: Float64Array,
  n: number,
  stride: number,
  roots: Float64Array,
): void {
  const fifth = n / 5;
  const jump = 2 * fifth * stride;
  const hop = 2 * stride;
  for (let p = 0; p < fifth; p++) {
    const root = 2 * p * stride;
    let y = 5 * p * hop;
    for (let x = p * hop; x < (p + 1) * hop; x += 2) {
      const ar = from[x];
      const ai = from[x + 1];
      const br = from[x + jump];
      const bi = from[x + jump + 1];
      const cr = from[x + 2 * jump];
      const ci = from[x + 2 * jump + 1];
      const dr = from[x + 3 * jump];
      const di = from[x + 3 * jump + 1];
      const er = from[x + 4 * jump];
      const ei = from[x + 4 * jump + 1];
      to[y] = ar + br + er + cr + dr;
      to[y + 1] = ai + bi + ei + ci + di;
      const m1r = ar + COS_72 * (br + er) + COS_144 * (cr + dr);
      const m1i = ai + COS_72 * (bi + ei) + COS_144 * (ci + di);
      const n1r = SIN_72 * (br - er) + SIN_144 * (cr - dr);
      const n1i = SIN_72 * (bi - ei) + SIN_144 * (ci - di);
      const m2r = ar + COS_144 * (br + er) + COS_72 * (cr + dr);
      const m2i = ai + COS_144 * (bi + ei) + COS_72 * (ci + di);
      const n2r = SIN_144 * (br - er) - SIN_72 * (cr - dr);
      const n2i = SIN_144 * (bi - ei) - SIN_72 * (ci - di);
      storeTurned(to, y + hop, m1r + n1i, m1i - n1r, roots, root);
      storeTurned(to, y + 2 * hop, m2r + n2i, m2i - n2r, roots, 2 * root);
      storeTurned(to, y + 3 * hop, m2r - n2i, m2i + n2r, roots, 3 * root);
      storeTurned(to, y + 4 * hop, m1r - n1i, m1i + n1r, roots, 4 * root);
      y += 2;
    }
  }
}

/** Stores (re + i im) · (cos - i sin) of a root. */
function storeTurned(
  to: Float64Array,
  at: number,
  re: number,
  im: number,
  roots: Float64Array,
  root: number,
): void {
  to[at] = re * roots[root] + im * roots[root + 1];
  to[at + 1] = im * roots[root] - re * roots[root + 1];
}
