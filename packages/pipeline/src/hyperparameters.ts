/** Whisper's constants of audio and time (arXiv:2212.04356, section 2.2), each derived from the ones above it. */

export const SAMPLE_RATE_HZ = 16_000;
/** Length of one Fourier transform in samples: 25 ms. */
export const N_FFT = 400;
/** Step from one frame to the next in samples: 10 ms. */
export const HOP_SAMPLES = 160;
/** Length of the window that the encoder sees, in seconds. */
const WINDOW_SECONDS = 30;

export const WINDOW_SAMPLES = WINDOW_SECONDS * SAMPLE_RATE_HZ; // 480,000
export const WINDOW_FRAMES = WINDOW_SAMPLES / HOP_SAMPLES; // 3,000
export const FRAMES_PER_SECOND = SAMPLE_RATE_HZ / HOP_SAMPLES; // 100

/** The encoder's second convolution halves the frames: one hidden state is 20 ms. */
const FRAMES_PER_HIDDEN_STATE = 2;
/** One timestamp token stands for one hidden state: 20 ms. */
export const FRAMES_PER_TIMESTAMP = FRAMES_PER_HIDDEN_STATE;
