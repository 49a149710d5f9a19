/** The pools of the original system, at the sizes that their shapes give. */

const D_MODEL = 512;

/** Of one window of 30 s. */
export const WINDOW_POOLS = {
  mel: { elementType: 'float32', shape: [80, 3_000], initial: 10, max: 20 },
  audio: { elementType: 'float32', shape: [480_000], initial: 5, max: 15 },
  encoder_output: { elementType: 'float32', shape: [1_500, D_MODEL], initial: 5, max: 15 },
} as const;

export type WindowPool = keyof typeof WINDOW_POOLS;
