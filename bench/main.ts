/** `npm run bench -- NAME`: prints the figures that the documentation quotes. */

const BENCHMARKS: Readonly<Record<string, () => Promise<{ run(): Promise<void> }>>> = {
  /** A window's log-mel spectrogram: buffers allocated, pooled, and worked on where they lie. */
  mel: () => import('./mel.ts'),
  /** Windows in order and side by side: words and speed. */
  modes: () => import('./modes.ts'),
  /** Where the time of a recording goes, and what each inference engine makes of it. */
  pipeline: () => import('./pipeline.ts'),
  /** What acquire and release cost beside an allocation, and beside other pools. */
  pool: () => import('./pool.ts'),
  /** What 8-bit weights, and weights that sessions share, do to memory, speed and words. */
  precision: () => import('./precision.ts'),
};

const [name = ''] = process.argv.slice(2);
const load = BENCHMARKS[name];
if (load === undefined) {
  console.error(`usage: npm run bench -- ${Object.keys(BENCHMARKS).join(' | ')}`);
  process.exitCode = 2;
} else {
  await (await load()).run();
}
