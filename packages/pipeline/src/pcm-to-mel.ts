/** PCM → log-mel spectrogram, from slot to slot, a slice at a time so that the event loop stays free. */

import { WINDOW_FRAMES, WINDOW_SAMPLES } from './hyperparameters.ts';
import { BATCH_FRAMES, type LogMelKernel } from './kernels/log-mel-kernel.ts';
import { nextTurn } from './next-turn.ts';

/** Frames between two looks at the event loop: 0.2 to 0.3 ms. */
const SLICE_FRAMES = 50 * BATCH_FRAMES;
/** Elements that one slice normalises. */
const SLICE_ELEMENTS = 40 * WINDOW_FRAMES;

/**
 * Computes Whisper's log-mel spectrogram of a window.
 *
 * Jobs may interleave on one kernel: between two slices it keeps nothing (its scratch is dead when
 * a call returns), and what a job carries from slice to slice, the maximum, is its own.
 *
 * @param pcm [480000] f32 in [-1, 1], the rest of a short recording zero; in the kernel's memory.
 * @param out [nMels, 3000] f32 row-major in the kernel's memory, written.
 * @throws KernelError `invalid_buffer` when `pcm` or `out` does not fit; the signal's reason, with
 *   `out` half written.
 */
export async function pcmToMel(
  pcm: Float32Array,
  out: Float32Array,
  kernel: LogMelKernel,
  signal: AbortSignal,
): Promise<void> {
  kernel.check(pcm, WINDOW_SAMPLES, 'pcm');
  kernel.check(out, kernel.nMels * WINDOW_FRAMES, 'mel');
  let greatest = Number.NEGATIVE_INFINITY;
  for (let from = 0; from < WINDOW_FRAMES; from += SLICE_FRAMES) {
    await nextTurn(signal);
    const to = Math.min(from + SLICE_FRAMES, WINDOW_FRAMES);
    greatest = Math.max(greatest, kernel.frames(pcm, out, from, to));
  }
  for (let from = 0; from < out.length; from += SLICE_ELEMENTS) {
    await nextTurn(signal);
    kernel.normalise(out, from, Math.min(from + SLICE_ELEMENTS, out.length), greatest);
  }
}
