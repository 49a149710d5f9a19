/** The life of a job: which states there are and which may follow which. */

export const JOB_STATES = ['queued', 'processing', 'completed', 'failed', 'canceled'] as const;
export type JobState = (typeof JOB_STATES)[number];

/**
 * ```
 *            ┌──────── retry, stall ────────┐
 *            ▼                              │
 * submit ─▶ queued ───────────────▶ processing ──▶ completed
 *            │ │                        │   │
 *            │ └──────▶ canceled ◀──────┘   │
 *            └────────▶ failed ◀────────────┘
 *                          └──▶ queued, when an operator retries it
 * ```
 */
export const JOB_TRANSITIONS: Readonly<Record<JobState, readonly JobState[]>> = {
  queued: ['processing', 'canceled', 'failed'],
  processing: ['completed', 'failed', 'canceled', 'queued'],
  completed: [],
  failed: ['queued'],
  canceled: [],
};

/** True when nothing will change the job any more without an operator. */
export function isFinished(state: JobState): boolean {
  return state === 'completed' || state === 'failed' || state === 'canceled';
}
