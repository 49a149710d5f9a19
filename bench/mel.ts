/**
 * A window of 30 s from PCM to log-mel spectrogram: with buffers that are allocated for it, with
 * pooled buffers, with pooled buffers that the kernel works on where they lie; and in plain
 * JavaScript. Each begins with one write of the samples, as the decoder's pipe does it.
 */

import { BufferPool, Slab, slabBytesFor } from '@amanuensis/pool';
import { importLogMel } from './mel-internals.ts';
import { hold, printRow, printTitle, rounded } from './pool-printing.ts';
import { figuresOf, measure, type Subject } from './pool-sampling.ts';

const N_MELS = 80;
const WINDOW_SAMPLES = 480_000;
const WINDOW_FRAMES = 3_000;
/** As many as the stage computes between two looks at the event loop. */
const SLICE_FRAMES = 400;
const ROUNDS = 400;
const NS_PER_MS = 1e6;
const BYTES_PER_MB = 1e6;
const NEVER = new AbortController().signal;

const ALLOCATED = 'allocate and copy';
const POOLED = 'pooled, copied';
const ZERO_COPY = 'pooled, zero-copy';
const PLAIN = 'pooled, zero-copy, plain JavaScript';

/** What a way does besides the transform, in MB a window. */
const COPIED_MB: Readonly<Record<string, number>> = {
  [ALLOCATED]: 2.88,
  [POOLED]: 2.88,
  [ZERO_COPY]: 0,
  [PLAIN]: 0,
};

export async function run(): Promise<void> {
  const subjects = await createSubjects();
  const buffers = await measure(
    ROUNDS,
    subjects.filter(({ name }) => name !== PLAIN),
  );
  // By itself: what it leaves in the caches would be held against whatever comes next.
  const plainly = await measure(
    ROUNDS / 4,
    subjects.filter(({ name }) => name === PLAIN),
  );
  const figures = (name: string) => (name === PLAIN ? plainly : buffers)(name);
  printTitle(`A window of 30 s, PCM → log-mel [${N_MELS}, ${WINDOW_FRAMES}]`);
  printRow('ms', ['mean', 'median', 'p99', 'times', 'MB new', 'MB copied']);
  const base = figures(ZERO_COPY).median;
  const allocatedBytes = new Map<string, number>();
  for (const subject of subjects) {
    const { name } = subject;
    const { mean, median, p99 } = figures(name);
    const bytes = await bytesAllocatedBy(subject);
    allocatedBytes.set(name, bytes);
    printRow(name, [
      ...[mean, median, p99].map((ns) => rounded(ns / NS_PER_MS)),
      rounded(median / base),
      rounded(bytes / BYTES_PER_MB),
      rounded(COPIED_MB[name] ?? Number.NaN),
    ]);
  }
  printTitle('   Held to');
  const [old, zeroCopy] = [figures(ALLOCATED), figures(ZERO_COPY)];
  const bytes = allocatedBytes.get(ZERO_COPY) ?? Number.NaN;
  hold('zero-copy allocates no buffer', `${bytes} bytes a window`, bytes === 0);
  const median = old.median / zeroCopy.median;
  hold('zero-copy is no slower than to allocate', `${rounded(median)} times`, median >= 1);
  await printSlices();
}

async function createSubjects(): Promise<Subject[]> {
  const incoming = noise();
  const simd = await benchOf('simd');
  const plain = await benchOf('plain');
  /** Pools that the kernel cannot work on: any other memory. */
  const apart = poolsOn(new Slab(new SharedArrayBuffer(slabBytesFor([...SPECS]))));
  const staging = {
    pcm: simd.audio.acquire('staging').view,
    mel: simd.mel.acquire('staging').view,
  };
  const transform = () => simd.pcmToMel(staging.pcm, staging.mel, simd.kernel, NEVER);
  let last: Float32Array = staging.mel;
  const subjects: Subject[] = [
    {
      name: ALLOCATED,
      batch: 1,
      async run() {
        const pcm = new Float32Array(WINDOW_SAMPLES);
        pcm.set(incoming);
        staging.pcm.set(pcm);
        await transform();
        last = staging.mel.slice();
      },
    },
    {
      name: POOLED,
      batch: 1,
      async run() {
        using pcm = apart.audio.acquire('bench');
        using mel = apart.mel.acquire('bench');
        pcm.view.set(incoming);
        staging.pcm.set(pcm.view);
        await transform();
        mel.view.set(staging.mel);
        last = mel.view;
      },
    },
    ...[
      { name: ZERO_COPY, bench: simd },
      { name: PLAIN, bench: plain },
    ].map(({ name, bench }) => ({
      name,
      batch: 1,
      async run() {
        using pcm = bench.audio.acquire('bench');
        using mel = bench.mel.acquire('bench');
        pcm.view.set(incoming);
        await bench.pcmToMel(pcm.view, mel.view, bench.kernel, NEVER);
        last = mel.view;
      },
    })),
  ];
  // All ways lead to the same place, or they measure different things.
  const ends: number[] = [];
  for (const { run: once } of subjects) {
    await once(1);
    ends.push(last[123_456] ?? Number.NaN);
  }
  if (ends.some((end) => !(Math.abs(end - (ends[0] ?? 0)) < 1e-3))) throw new Error(`${ends}`);
  return subjects;
}

const SPECS = [
  { name: 'audio', elementType: 'float32', shape: [WINDOW_SAMPLES], initial: 2, max: 2 },
  { name: 'mel', elementType: 'float32', shape: [N_MELS, WINDOW_FRAMES], initial: 2, max: 2 },
] as const;

function poolsOn(slab: Slab) {
  return {
    audio: BufferPool.create({ ...SPECS[0], slab }),
    mel: BufferPool.create({ ...SPECS[1], slab }),
  };
}

async function benchOf(arithmetic: 'simd' | 'plain') {
  const { LogMelKernel, pcmToMel } = await importLogMel();
  const slab = Slab.allocate(LogMelKernel.memoryBytes(N_MELS) + slabBytesFor([...SPECS]));
  const kernel = await LogMelKernel.create(slab, N_MELS, arithmetic);
  return { ...poolsOn(slab), kernel, pcmToMel };
}

/** The median of several windows: a collection in between takes buffers away. */
async function bytesAllocatedBy({ run: once }: Subject): Promise<number> {
  const growth: number[] = [];
  for (let i = 0; i < 25; i++) {
    const before = process.memoryUsage().arrayBuffers;
    await once(1);
    growth.push(process.memoryUsage().arrayBuffers - before);
  }
  return figuresOf(growth).median;
}

/** For how long the event loop is not free. */
async function printSlices(): Promise<void> {
  printTitle(`   The longest that the event loop waits: a slice of ${SLICE_FRAMES} frames`);
  printRow('ms', ['mean', 'median', 'p99']);
  for (const arithmetic of ['simd', 'plain'] as const) {
    const { audio, mel, kernel } = await benchOf(arithmetic);
    using pcm = audio.acquire('bench');
    using out = mel.acquire('bench');
    pcm.view.set(noise());
    const name = arithmetic;
    const figures = await measure(ROUNDS, [
      {
        name,
        batch: 1,
        run: () => void kernel.frames(pcm.view, out.view, 800, 800 + SLICE_FRAMES),
      },
    ]);
    const { mean, median, p99 } = figures(name);
    printRow(
      name,
      [mean, median, p99].map((ns) => rounded(ns / NS_PER_MS)),
    );
  }
}

/** The same in each run. */
function noise(): Float32Array {
  let state = 1;
  return Float32Array.from({ length: WINDOW_SAMPLES }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}
