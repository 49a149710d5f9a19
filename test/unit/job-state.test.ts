import { isFinished, JOB_STATES, JOB_TRANSITIONS } from '@amanuensis/contract';
import { expect, test } from 'vitest';

test('every state is reached from queued', () => {
  const reached = new Set<string>(['queued']);
  for (const state of reached) {
    for (const next of JOB_TRANSITIONS[state as keyof typeof JOB_TRANSITIONS]) reached.add(next);
  }
  expect([...reached].sort()).toEqual([...JOB_STATES].sort());
});

test('a finished job changes only when an operator retries a failed one', () => {
  for (const state of JOB_STATES.filter(isFinished)) {
    expect(JOB_TRANSITIONS[state]).toEqual(state === 'failed' ? ['queued'] : []);
  }
  for (const state of JOB_STATES.filter((s) => !isFinished(s))) {
    expect(JOB_TRANSITIONS[state]).toContain('failed');
  }
});
