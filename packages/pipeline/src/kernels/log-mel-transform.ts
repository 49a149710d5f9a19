/** The Fourier transform of 400 complex values in double precision, without an allocation. */

/** 4 · 4 · 5 · 5. */
const N = 400;
const COS_72 = Math.cos((2 * Math.PI) / 5);
const SIN_72 = Math.sin((2 * Math.PI) / 5);
const COS_144 = Math.cos((4 * Math.PI) / 5);
const SIN_144 = Math.sin((4 * Math.PI) / 5);

/** Stockham's, so no value needs to be put back into its place; between two scratches. */
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

/** One stage over transforms of length `n`, `stride` of them interleaved. */
function radix4(
  from: Float64Array,
  to: Float64Array,
  n: number,
  stride: number,
  roots: Float64Array,
): void {
  const quarter = n / 4;
  const jump = 2 * quarter * stride;
  for (let p = 0; p < quarter; p++) {
    for (let q = 0; q < stride; q++) {
      const x = 2 * (q + p * stride);
      const y = 2 * (q + 4 * p * stride);
      const acr = from[x] + from[x + 2 * jump];
      const aci = from[x + 1] + from[x + 2 * jump + 1];
      const amcr = from[x] - from[x + 2 * jump];
      const amci = from[x + 1] - from[x + 2 * jump + 1];
      const bdr = from[x + jump] + from[x + 3 * jump];
      const bdi = from[x + jump + 1] + from[x + 3 * jump + 1];
      const bmdr = from[x + jump] - from[x + 3 * jump];
      const bmdi = from[x + jump + 1] - from[x + 3 * jump + 1];
      to[y] = acr + bdr;
      to[y + 1] = aci + bdi;
      storeTurned(to, y + 2 * stride, amcr + bmdi, amci - bmdr, roots, p * stride);
      storeTurned(to, y + 4 * stride, acr - bdr, aci - bdi, roots, 2 * p * stride);
      storeTurned(to, y + 6 * stride, amcr - bmdi, amci + bmdr, roots, 3 * p * stride);
    }
  }
}

/** One stage over transforms of length `n`, `stride` of them interleaved. */
function radix5(
  from: Float64Array,
  to: Float64Array,
  n: number,
  stride: number,
  roots: Float64Array,
): void {
  const fifth = n / 5;
  const jump = 2 * fifth * stride;
  for (let p = 0; p < fifth; p++) {
    for (let q = 0; q < stride; q++) {
      const x = 2 * (q + p * stride);
      const y = 2 * (q + 5 * p * stride);
      const ar = from[x];
      const ai = from[x + 1];
      const ber = from[x + jump] + from[x + 4 * jump];
      const bei = from[x + jump + 1] + from[x + 4 * jump + 1];
      const bmr = from[x + jump] - from[x + 4 * jump];
      const bmi = from[x + jump + 1] - from[x + 4 * jump + 1];
      const cdr = from[x + 2 * jump] + from[x + 3 * jump];
      const cdi = from[x + 2 * jump + 1] + from[x + 3 * jump + 1];
      const cmr = from[x + 2 * jump] - from[x + 3 * jump];
      const cmi = from[x + 2 * jump + 1] - from[x + 3 * jump + 1];
      to[y] = ar + ber + cdr;
      to[y + 1] = ai + bei + cdi;
      const r1 = ar + COS_72 * ber + COS_144 * cdr;
      const i1 = ai + COS_72 * bei + COS_144 * cdi;
      const r2 = ar + COS_144 * ber + COS_72 * cdr;
      const i2 = ai + COS_144 * bei + COS_72 * cdi;
      const sr1 = SIN_72 * bmr + SIN_144 * cmr;
      const si1 = SIN_72 * bmi + SIN_144 * cmi;
      const sr2 = SIN_144 * bmr - SIN_72 * cmr;
      const si2 = SIN_144 * bmi - SIN_72 * cmi;
      storeTurned(to, y + 2 * stride, r1 + si1, i1 - sr1, roots, p * stride);
      storeTurned(to, y + 4 * stride, r2 + si2, i2 - sr2, roots, 2 * p * stride);
      storeTurned(to, y + 6 * stride, r2 - si2, i2 + sr2, roots, 3 * p * stride);
      storeTurned(to, y + 8 * stride, r1 - si1, i1 + sr1, roots, 4 * p * stride);
    }
  }
}

/** Stores (re + i im) · (cos - i sin) of a root: w_n^p = w_400^(p · 400 / n). */
function storeTurned(
  to: Float64Array,
  at: number,
  re: number,
  im: number,
  roots: Float64Array,
  root: number,
): void {
  const cos = roots[2 * root];
  const sin = roots[2 * root + 1];
  to[at] = re * cos + im * sin;
  to[at + 1] = im * cos - re * sin;
}
