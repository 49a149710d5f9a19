/** Which execution providers an ONNX Runtime library was built with, found out by another process. */

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const ENTRY = fileURLToPath(new URL('./devices-probe.js', import.meta.url));
const DEADLINE_MS = 30_000;

const offerSchema = z.object({ version: z.string(), providers: z.array(z.string()) });
const answerSchema = z.union([offerSchema, z.object({ problem: z.string() })]);

export type LibraryOffer = z.infer<typeof answerSchema>;

export interface ProbedLibrary {
  /** The packaged one unless given. */
  readonly library?: string | undefined;
  readonly env?: Readonly<Record<string, string>>;
}

/** Never rejects: a library that crashes, hangs or is none has a `problem`. */
export function probeLibrary({ library, env }: ProbedLibrary): Promise<LibraryOffer> {
  return new Promise((resolve) => {
    const child = fork(ENTRY, library === undefined ? [] : [library], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    let answer: LibraryOffer = { problem: 'the process that loads it ended without a word' };
    const timer = setTimeout(() => {
      answer = { problem: `it was not loaded within ${DEADLINE_MS / 1000} s` };
      child.kill('SIGKILL');
    }, DEADLINE_MS);
    child.on('message', (message) => {
      answer = answerSchema.parse(message);
    });
    child.once('error', (error) => {
      answer = { problem: error.message };
    });
    child.once('close', (_code, signal) => {
      clearTimeout(timer);
      const wasKilled = signal !== null && 'problem' in answer && signal !== 'SIGKILL';
      resolve(wasKilled ? { problem: `the process that loads it ended by ${signal}` } : answer);
    });
  });
}
