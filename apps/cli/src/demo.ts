/** `npm run demo`: every sample through the whole system, and how well it was understood. */

import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Transcript } from '@amanuensis/contract';
import { pino } from 'pino';
import { z } from 'zod';
import { CliError } from './cli-error.ts';
import { type DemoOutcome, describeDemo, describeOutcome } from './demo-report.ts';
import { isWorseThanKnown } from './known-word-error-rates.ts';
import { type LogLine, writeLogLinesTo } from './log-lines.ts';
import { type Progress, showProgress } from './progress.ts';
import { RestClient } from './rest-client.ts';
import { listenForStopSignals } from './stop-signals.ts';
import { type System, startSystem } from './system.ts';
import { startWebhookReceiver, type WebhookReceiver } from './webhook-receiver.ts';
import { wordErrorRate } from './word-error-rate.ts';

const SAMPLES = fileURLToPath(new URL('../../../samples', import.meta.url));
const TRUTH = 'truth.json';
const MODEL = 'demo';
const DEADLINE_MS = 300_000;
/** After the end of the job. */
const WEBHOOK_DEADLINE_MS = 30_000;
/** Kept to explain a failure. */
const LOG_LINES = 40;

/** For each recording, which lies beside it, its sentences: start and end in seconds, text. */
const truthSchema = z.record(z.string(), z.array(z.tuple([z.number(), z.number(), z.string()])));
type Truth = z.infer<typeof truthSchema>;

/** @throws CliError where anything is not as it should be. */
export async function demo(): Promise<void> {
  using signals = listenForStopSignals();
  const deadline = new AbortController();
  const timer = setTimeout(() => {
    deadline.abort(new CliError(`The demonstration took longer than ${DEADLINE_MS / 1000} s.`));
  }, DEADLINE_MS);
  const stop = AbortSignal.any([signals.stop, deadline.signal]);
  const dataFolder = await mkdtemp(join(tmpdir(), 'amanuensis-demo-'));
  const logLines: string[] = [];
  const toLog = writeLogLinesTo({
    write: (line) => logLines.push(line.trimEnd()),
    isTTY: process.stderr.isTTY,
  });
  const onLog: LogLine = (app, line) => {
    toLog(app, line);
    if (logLines.length > LOG_LINES) logLines.shift();
  };
  try {
    await runDemo({ dataFolder, onLog, stop, kill: signals.kill });
  } catch (error) {
    if (!signals.stop.aborted) process.stderr.write(`${logLines.join('\n')}\n\n`);
    stop.throwIfAborted(); // what failed then is only how it was noticed
    throw error;
  } finally {
    clearTimeout(timer);
    await rm(dataFolder, { recursive: true, force: true });
  }
}

interface DemoParts {
  readonly dataFolder: string;
  readonly onLog: LogLine;
  readonly stop: AbortSignal;
  readonly kill: AbortSignal;
}

async function runDemo({ dataFolder, onLog, stop, kill }: DemoParts): Promise<void> {
  const truth = await readTruth();
  await using receiver = await startWebhookReceiver();
  const startedAt = performance.now();
  print('Starting Redis, the API and the worker ...');
  const system = await startSystem({
    dataFolder,
    env: await environmentOf(dataFolder, receiver),
    log: pino({}, { write: (line) => onLog('demo', line.trimEnd()) }),
    onLog,
    stop,
    kill,
  });
  print(`Ready after ${seconds(performance.now() - startedAt)}: ${system.url}`);
  const failure = await showTranscripts(truth, { system, receiver, stop }).then(
    () => null,
    (error: Error) => error,
  );
  const unclean = await system.stop();
  if (unclean.length > 0) {
    // A part that is lost may have been noticed only as an answer that did not come.
    const first = failure === null ? '' : `${failure.message}\n`;
    const message = `${first}Not all ended cleanly: ${unclean.join('; ')}`;
    throw new CliError(message, { cause: failure });
  }
  if (failure !== null) throw failure;
  print('Stopped.');
}

interface RunningParts {
  readonly system: System;
  readonly receiver: WebhookReceiver;
  readonly stop: AbortSignal;
}

/** @throws CliError where a part is lost, a recording fails or a transcript is too bad. */
async function showTranscripts(truth: Truth, parts: RunningParts): Promise<void> {
  const { system, receiver, stop } = parts;
  const client = new RestClient(system.url, stop);
  const failed = system.failed.then((reason) => {
    throw new CliError(reason);
  });
  const stopped = once(stop, 'abort').then(() => Promise.reject(stop.reason));
  const outcomes = await Promise.race([failed, stopped, transcribeAll(truth, client, receiver)]);
  for (const outcome of outcomes) print(describeOutcome(outcome));
  print(describeDemo(outcomes));
  const worse = outcomes.filter(({ name, errors }) => isWorseThanKnown(name, errors.rate));
  if (worse.length > 0) {
    const names = worse.map(({ name }) => name).join(', ');
    throw new CliError(`The model is known to do better than this: ${names}`);
  }
}

/** Nothing of the user's own configuration but what concerns the devices. */
async function environmentOf(
  dataFolder: string,
  receiver: WebhookReceiver,
): Promise<NodeJS.ProcessEnv> {
  const emptyFile = join(dataFolder, 'amanuensis.yaml');
  await writeFile(emptyFile, '');
  const ofUser = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('AMANUENSIS_') || name.startsWith('AMANUENSIS_WORKER_'),
  );
  return {
    ...Object.fromEntries(ofUser),
    AMANUENSIS_CONFIG: emptyFile,
    AMANUENSIS_API_PORT: '0',
    AMANUENSIS_API_WEBHOOK_SECRET: JSON.stringify(receiver.secret),
    AMANUENSIS_API_WEBHOOK_ALLOWED_HOSTS: JSON.stringify([receiver.address]),
  };
}

async function readTruth(): Promise<Truth> {
  return truthSchema.parse(JSON.parse(await readFile(join(SAMPLES, TRUTH), 'utf8')));
}

async function transcribeAll(
  truth: Truth,
  client: RestClient,
  receiver: WebhookReceiver,
): Promise<readonly DemoOutcome[]> {
  using progress = showProgress(Object.keys(truth));
  return await Promise.all(
    Object.entries(truth).map(async ([name, sentences]) => {
      const transcript = await transcribeSample(name, client, receiver, progress);
      const expected = sentences.map(([, , text]) => text).join(' ');
      return { name, expected, transcript, errors: wordErrorRate(expected, transcript.text) };
    }),
  );
}

async function transcribeSample(
  name: string,
  client: RestClient,
  receiver: WebhookReceiver,
  progress: Progress,
): Promise<Transcript> {
  const options = { model: MODEL, webhookUrl: receiver.url };
  const { id } = await client.submit(join(SAMPLES, name), options);
  const job = await client.untilFinished(id, (state) => progress.update(name, state));
  const webhook = await webhookOf(name, id, receiver);
  if (job.status !== 'completed' || webhook.type !== 'transcription.completed') {
    const { code, message } = job.error ?? { code: webhook.type, message: 'no reason was given' };
    throw new CliError(`${name} ${job.status}: ${code}: ${message}`);
  }
  return client.result(id);
}

async function webhookOf(name: string, jobId: string, receiver: WebhookReceiver) {
  const waiting = new AbortController();
  const late = delay(WEBHOOK_DEADLINE_MS, null, { signal: waiting.signal });
  const event = await Promise.race([receiver.event(jobId), late]);
  waiting.abort();
  if (receiver.refusals.length > 0) {
    throw new CliError(`A webhook was not right: ${receiver.refusals.join('; ')}`);
  }
  if (event === null) {
    throw new CliError(`No webhook came for ${name} in ${WEBHOOK_DEADLINE_MS / 1000} s.`);
  }
  return event;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
