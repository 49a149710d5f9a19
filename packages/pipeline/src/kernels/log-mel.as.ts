/**
 * Log-mel spectrogram in f32x4 SIMD, in place on memory that the host hands out (AssemblyScript).
 *
 * Eight frames are one batch. Two real frames share one complex transform, as its real and its
 * imaginary part, and four transforms run in the four lanes of each vector:
 *
 *   lane          0        1        2        3
 *   real part     frame 0  frame 2  frame 4  frame 6
 *   imaginary     frame 1  frame 3  frame 5  frame 7
 *
 * The transform is Stockham's (no bit reversal), 400 = 4 · 4 · 5 · 5, between two halves of the
 * scratch. The module has no memory, no data and no state of its own: tables and scratch lie where
 * the host says (`log-mel-kernel.ts` knows the layout), and a call is over when it returns.
 */

const N: i32 = 400; // samples of a transform
const HOP: i32 = 160;
const BATCH: i32 = 8; // frames
const SPAN: i32 = N + (BATCH - 1) * HOP; // 1,520 samples under one batch
const BINS: i32 = N / 2 + 1;
/** One complex value of four lanes: real vector, imaginary vector. */
const COMPLEX_BYTES: usize = 32;
const TRANSFORM_BYTES: usize = 400 * COMPLEX_BYTES;

const COS_72: f32 = 0.309016994;
const SIN_72: f32 = 0.951056516;
const COS_144: f32 = -0.809016994;
const SIN_144: f32 = 0.587785252;

const LOG10_2: f32 = 0.301029996;
/** Energies below count as this. */
const FLOOR: f32 = 1e-10;

/**
 * Frames [from, to), multiples of 8, as log10 of their mel energies; answers the greatest of them.
 *
 * @param pcm [nSamples] f32.
 * @param out [nMels, nFrames] f32, row-major, written at the columns [from, to).
 * @param window [400] f32.
 * @param roots [400, 2] f32, cos and sin of 2πk/400.
 * @param filters [nMels, 2] i32: first bin and number of bins of each filter.
 * @param weights f32, of one filter after the other.
 * @param scratch two transforms and one span.
 */
export function logMelFrames(
  pcm: usize,
  nSamples: i32,
  out: usize,
  nFrames: i32,
  nMels: i32,
  window: usize,
  roots: usize,
  filters: usize,
  weights: usize,
  scratch: usize,
  from: i32,
  to: i32,
): f32 {
  const other = scratch + TRANSFORM_BYTES;
  const span = other + TRANSFORM_BYTES;
  let greatest = f32x4.splat(-Infinity as f32);
  for (let frame = from; frame < to; frame += BATCH) {
    const begin = frame * HOP - N / 2;
    let samples = pcm + ((<usize>begin) << 2);
    if (begin < 0 || begin + SPAN > nSamples) {
      reflect(pcm, nSamples, begin, span);
      samples = span;
    }
    gather(samples, window, scratch);
    radix4(scratch, other, 400, 1, roots);
    radix4(other, scratch, 100, 4, roots);
    radix5(scratch, other, 25, 16, roots);
    radix5(other, scratch, 5, 80, roots);
    power(scratch, other);
    const column = out + ((<usize>frame) << 2);
    greatest = f32x4.max(greatest, mel(other, filters, weights, nMels, column, nFrames));
  }
  return max(
    max(f32x4.extract_lane(greatest, 0), f32x4.extract_lane(greatest, 1)),
    max(f32x4.extract_lane(greatest, 2), f32x4.extract_lane(greatest, 3)),
  );
}

/** (max(x, greatest - 8) + 4) / 4 over `length` values, a multiple of 4. */
export function normalise(values: usize, length: i32, greatest: f32): void {
  const least = f32x4.splat(greatest - 8);
  const four = f32x4.splat(4);
  const quarter = f32x4.splat(0.25);
  const end = values + ((<usize>length) << 2);
  for (let at = values; at < end; at += 16) {
    const clamped = f32x4.max(v128.load(at), least);
    v128.store(at, f32x4.mul(f32x4.add(clamped, four), quarter));
  }
}

/** Copies the samples from `begin` on; those beyond either end are mirrored at the end's sample. */
function reflect(pcm: usize, nSamples: i32, begin: i32, span: usize): void {
  for (let i = 0; i < SPAN; i++) {
    let at = begin + i;
    if (at < 0) at = -at;
    // The last span holds samples of no frame as well: they may be anything, but must be inside.
    if (at >= nSamples) at = max(0, 2 * (nSamples - 1) - at);
    store<f32>(span + ((<usize>i) << 2), load<f32>(pcm + ((<usize>at) << 2)));
  }
}

/** Windowed samples, from frames one after the other to frames side by side in lanes. */
function gather(samples: usize, window: usize, out: usize): void {
  const step: usize = HOP * 4;
  for (let n: usize = 0; n < 400; n += 4) {
    const at = samples + (n << 2);
    const to = out + n * COMPLEX_BYTES;
    const hann = window + (n << 2);
    fourLanes(at, hann, to, 2 * step);
    fourLanes(at + step, hann, to + 16, 2 * step);
  }
}

/** Transposes four samples of four frames. */
function fourLanes(at: usize, hann: usize, to: usize, stride: usize): void {
  const w = v128.load(hann);
  const a = f32x4.mul(v128.load(at), w);
  const b = f32x4.mul(v128.load(at + stride), w);
  const c = f32x4.mul(v128.load(at + 2 * stride), w);
  const d = f32x4.mul(v128.load(at + 3 * stride), w);
  const abLow = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
  const abHigh = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const cdLow = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
  const cdHigh = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<f32>(abLow, cdLow, 0, 1, 4, 5));
  v128.store(to + COMPLEX_BYTES, v128.shuffle<f32>(abLow, cdLow, 2, 3, 6, 7));
  v128.store(to + 2 * COMPLEX_BYTES, v128.shuffle<f32>(abHigh, cdHigh, 0, 1, 4, 5));
  v128.store(to + 3 * COMPLEX_BYTES, v128.shuffle<f32>(abHigh, cdHigh, 2, 3, 6, 7));
}

/** One stage over transforms of length `n`, `stride` of them interleaved. */
function radix4(from: usize, to: usize, n: i32, stride: i32, roots: usize): void {
  const quarter = n >> 2;
  const jump = <usize>(quarter * stride) * COMPLEX_BYTES;
  const hop = <usize>stride * COMPLEX_BYTES;
  for (let p = 0; p < quarter; p++) {
    const root = p * stride; // w_n^p = w_400^(p · 400 / n)
    const w1 = roots + ((<usize>root) << 3);
    const w2 = roots + ((<usize>(2 * root)) << 3);
    const w3 = roots + ((<usize>(3 * root)) << 3);
    let x = from + <usize>p * hop;
    let y = to + <usize>(4 * p) * hop;
    for (let q = 0; q < stride; q++) {
      const ar = v128.load(x);
      const ai = v128.load(x, 16);
      const br = v128.load(x + jump);
      const bi = v128.load(x + jump, 16);
      const cr = v128.load(x + 2 * jump);
      const ci = v128.load(x + 2 * jump, 16);
      const dr = v128.load(x + 3 * jump);
      const di = v128.load(x + 3 * jump, 16);
      const acr = f32x4.add(ar, cr);
      const aci = f32x4.add(ai, ci);
      const bdr = f32x4.add(br, dr);
      const bdi = f32x4.add(bi, di);
      const amcr = f32x4.sub(ar, cr);
      const amci = f32x4.sub(ai, ci);
      const bmdr = f32x4.sub(br, dr);
      const bmdi = f32x4.sub(bi, di);
      v128.store(y, f32x4.add(acr, bdr));
      v128.store(y, f32x4.add(aci, bdi), 16);
      storeTurned(y + hop, f32x4.add(amcr, bmdi), f32x4.sub(amci, bmdr), w1);
      storeTurned(y + 2 * hop, f32x4.sub(acr, bdr), f32x4.sub(aci, bdi), w2);
      storeTurned(y + 3 * hop, f32x4.sub(amcr, bmdi), f32x4.add(amci, bmdr), w3);
      x += COMPLEX_BYTES;
      y += COMPLEX_BYTES;
    }
  }
}

/** As {@link radix4}. */
function radix5(from: usize, to: usize, n: i32, stride: i32, roots: usize): void {
  const c1 = f32x4.splat(COS_72);
  const c2 = f32x4.splat(COS_144);
  const s1 = f32x4.splat(SIN_72);
  const s2 = f32x4.splat(SIN_144);
  const fifth = n / 5;
  const jump = <usize>(fifth * stride) * COMPLEX_BYTES;
  const hop = <usize>stride * COMPLEX_BYTES;
  for (let p = 0; p < fifth; p++) {
    const root = p * stride;
    const w1 = roots + ((<usize>root) << 3);
    const w2 = roots + ((<usize>(2 * root)) << 3);
    const w3 = roots + ((<usize>(3 * root)) << 3);
    const w4 = roots + ((<usize>(4 * root)) << 3);
    let x = from + <usize>p * hop;
    let y = to + <usize>(5 * p) * hop;
    for (let q = 0; q < stride; q++) {
      const ar = v128.load(x);
      const ai = v128.load(x, 16);
      const br = v128.load(x + jump);
      const bi = v128.load(x + jump, 16);
      const cr = v128.load(x + 2 * jump);
      const ci = v128.load(x + 2 * jump, 16);
      const dr = v128.load(x + 3 * jump);
      const di = v128.load(x + 3 * jump, 16);
      const er = v128.load(x + 4 * jump);
      const ei = v128.load(x + 4 * jump, 16);
      const ber = f32x4.add(br, er);
      const bei = f32x4.add(bi, ei);
      const cdr = f32x4.add(cr, dr);
      const cdi = f32x4.add(ci, di);
      const bmer = f32x4.sub(br, er);
      const bmei = f32x4.sub(bi, ei);
      const cmdr = f32x4.sub(cr, dr);
      const cmdi = f32x4.sub(ci, di);
      const m1r = f32x4.add(ar, f32x4.add(f32x4.mul(c1, ber), f32x4.mul(c2, cdr)));
      const m1i = f32x4.add(ai, f32x4.add(f32x4.mul(c1, bei), f32x4.mul(c2, cdi)));
      const m2r = f32x4.add(ar, f32x4.add(f32x4.mul(c2, ber), f32x4.mul(c1, cdr)));
      const m2i = f32x4.add(ai, f32x4.add(f32x4.mul(c2, bei), f32x4.mul(c1, cdi)));
      const n1r = f32x4.add(f32x4.mul(s1, bmer), f32x4.mul(s2, cmdr));
      const n1i = f32x4.add(f32x4.mul(s1, bmei), f32x4.mul(s2, cmdi));
      const n2r = f32x4.sub(f32x4.mul(s2, bmer), f32x4.mul(s1, cmdr));
      const n2i = f32x4.sub(f32x4.mul(s2, bmei), f32x4.mul(s1, cmdi));
      v128.store(y, f32x4.add(ar, f32x4.add(ber, cdr)));
      v128.store(y, f32x4.add(ai, f32x4.add(bei, cdi)), 16);
      storeTurned(y + hop, f32x4.add(m1r, n1i), f32x4.sub(m1i, n1r), w1);
      storeTurned(y + 2 * hop, f32x4.add(m2r, n2i), f32x4.sub(m2i, n2r), w2);
      storeTurned(y + 3 * hop, f32x4.sub(m2r, n2i), f32x4.add(m2i, n2r), w3);
      storeTurned(y + 4 * hop, f32x4.sub(m1r, n1i), f32x4.add(m1i, n1r), w4);
      x += COMPLEX_BYTES;
      y += COMPLEX_BYTES;
    }
  }
}

/** Stores (re + i im) · (cos - i sin) of the root at `w`. */
function storeTurned(to: usize, re: v128, im: v128, w: usize): void {
  const cos = v128.load32_splat(w);
  const sin = v128.load32_splat(w, 4);
  v128.store(to, f32x4.add(f32x4.mul(re, cos), f32x4.mul(im, sin)));
  v128.store(to, f32x4.sub(f32x4.mul(im, cos), f32x4.mul(re, sin)), 16);
}

/**
 * Parts the two frames of a transform Z and squares them, bin by bin:
 * 4 |even|² = |Z[k] + conj Z[400-k]|², 4 |odd|² = |Z[k] - conj Z[400-k]|².
 *
 * @param out [201, 2] vectors: even frames, odd frames.
 */
function power(transform: usize, out: usize): void {
  const quarter = f32x4.splat(0.25);
  for (let k = 0; k < BINS; k++) {
    const a = transform + <usize>k * COMPLEX_BYTES;
    const b = transform + <usize>(k === 0 ? 0 : N - k) * COMPLEX_BYTES;
    const ar = v128.load(a);
    const ai = v128.load(a, 16);
    const br = v128.load(b);
    const bi = v128.load(b, 16);
    const evenRe = f32x4.add(ar, br);
    const evenIm = f32x4.sub(ai, bi);
    const oddRe = f32x4.add(ai, bi);
    const oddIm = f32x4.sub(br, ar);
    const to = out + <usize>k * COMPLEX_BYTES;
    const even = f32x4.add(f32x4.mul(evenRe, evenRe), f32x4.mul(evenIm, evenIm));
    const odd = f32x4.add(f32x4.mul(oddRe, oddRe), f32x4.mul(oddIm, oddIm));
    v128.store(to, f32x4.mul(even, quarter));
    v128.store(to, f32x4.mul(odd, quarter), 16);
  }
}

/** Weighs the bins by each filter and stores eight frames of it, back in their order. */
function mel(
  powers: usize,
  filters: usize,
  weights: usize,
  nMels: i32,
  column: usize,
  nFrames: i32,
): v128 {
  let greatest = f32x4.splat(-Infinity as f32);
  const rowBytes = (<usize>nFrames) << 2;
  for (let m = 0; m < nMels; m++) {
    const filter = filters + ((<usize>m) << 3);
    let bin = powers + <usize>load<i32>(filter) * COMPLEX_BYTES;
    const end = weights + ((<usize>load<i32>(filter, 4)) << 2);
    let even = f32x4.splat(0);
    let odd = f32x4.splat(0);
    for (; weights < end; weights += 4) {
      const weight = v128.load32_splat(weights);
      even = f32x4.add(even, f32x4.mul(weight, v128.load(bin)));
      odd = f32x4.add(odd, f32x4.mul(weight, v128.load(bin, 16)));
      bin += COMPLEX_BYTES;
    }
    even = log10(even);
    odd = log10(odd);
    greatest = f32x4.max(greatest, f32x4.max(even, odd));
    v128.store(column, v128.shuffle<f32>(even, odd, 0, 4, 1, 5));
    v128.store(column, v128.shuffle<f32>(even, odd, 2, 6, 3, 7), 16);
    column += rowBytes;
  }
  return greatest;
}

/**
 * log10 of max(x, 1e-10): x = 2^e · m with m in [√½, √2), and ln m = 2 artanh s for
 * s = (m - 1) / (m + 1), |s| < 0.172, of which four terms leave less than 1e-8.
 */
function log10(energy: v128): v128 {
  const x = f32x4.max(energy, f32x4.splat(FLOOR));
  const SQRT_HALF_BITS = 0x3f3504f3;
  const shifted = i32x4.sub(x, i32x4.splat(SQRT_HALF_BITS));
  const e = i32x4.shr_s(shifted, 23);
  const m = i32x4.sub(x, i32x4.shl(e, 23));
  const one = f32x4.splat(1);
  const s = f32x4.div(f32x4.sub(m, one), f32x4.add(m, one));
  const ss = f32x4.mul(s, s);
  let series = f32x4.add(f32x4.splat(1.0 / 7.0), f32x4.mul(ss, f32x4.splat(1.0 / 9.0)));
  series = f32x4.add(f32x4.splat(1.0 / 5.0), f32x4.mul(ss, series));
  series = f32x4.add(f32x4.splat(1.0 / 3.0), f32x4.mul(ss, series));
  series = f32x4.add(one, f32x4.mul(ss, series));
  const ln = f32x4.mul(f32x4.mul(s, f32x4.splat(<f32>(2.0 * Math.LOG10E))), series);
  return f32x4.add(ln, f32x4.mul(f32x4.convert_i32x4_s(e), f32x4.splat(LOG10_2)));
}
