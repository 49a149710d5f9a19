/**
 * The process of one device: it owns the models, their pools and the jobs that run on it.
 *
 * A crash, a hang or a leak ends this process alone; its supervisor starts another.
 */

import { hostname } from 'node:os';
import type { Attestation, DeviceStatus } from '@amanuensis/contract';
import { createLogger, exitOnUncaught, type Logger } from '@amanuensis/log';
import { FileStore } from '@amanuensis/store';
import { attest } from './attest.ts';
import { Cancellations } from './cancellations.ts';
import { lockDevice } from './device-lock.ts';
import {
  type Assignment,
  type FromDeviceWorker,
  HEARTBEAT_INTERVAL_MS,
  type ReadyDevice,
  type ToDeviceWorker,
} from './device-messages.ts';
import { DeviceRefused } from './device-refused.ts';
import { DeviceReport } from './device-report.ts';
import { drain } from './drain.ts';
import { JobConsumer } from './job-consumer.ts';
import { type LoadedModel, loadModels } from './load-models.ts';

// A signal may reach the supervisor and this process alike: the supervisor says when to leave.
process.on('SIGTERM', () => undefined);
process.on('SIGINT', () => undefined);
// No supervisor, no worker. Not `exit`, which a native run can hold up.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));

let takesJobs = false;
const drainAsked = new Promise<void>((resolve) => {
  process.on('message', (message: ToDeviceWorker) => {
    if (message.type === 'start') void run(message.assignment);
    else if (takesJobs) resolve();
    // It has no job to finish, and loading a model cannot be interrupted.
    else process.kill(process.pid, 'SIGKILL');
  });
});

async function run(assignment: Assignment): Promise<void> {
  const { device, config } = assignment;
  const log = createLogger('worker', config.logLevel).child({ device: device.name });
  exitOnUncaught(log);
  setInterval(() => tell({ type: 'heartbeat' }), HEARTBEAT_INTERVAL_MS);
  try {
    process.exit((await work(assignment, log)) ? 0 : 1);
  } catch (err) {
    log.fatal({ err }, 'device worker failed');
    const isFinal = err instanceof DeviceRefused;
    const reason = err instanceof Error ? err.message : String(err);
    tell({ type: 'failed', reason, isFinal }, () => process.exit(1));
  }
}

/** Until it is asked to drain; whether it then left cleanly. */
async function work({ device, workerId, config }: Assignment, log: Logger): Promise<boolean> {
  const startedAtMs = Date.now();
  const { models, attestations } = await prepare(device, config, log);
  const store = await FileStore.openIn(config.dataFolder);
  const cancellations = new Cancellations(config.redisUrl, log);
  const consumers = models.map(({ whisper, pools, voiceActivity, concurrency }) => {
    const lent = {
      deviceName: device.name,
      device: { model: whisper, pools, voiceActivity },
      store,
      cancellations,
    };
    return new JobConsumer({ ...config, ...lent, concurrency, log });
  });
  await Promise.all(consumers.map((consumer) => consumer.ready()));
  takesJobs = true;

  const ready: ReadyDevice = {
    device: device.name,
    executionProvider: models.map(({ whisper }) => whisper.executionProvider).join(', '),
    models: models.map(({ whisper }) => whisper.name),
    concurrency: models.reduce((sum, { concurrency }) => sum + concurrency, 0),
    attestations,
  };
  let state: DeviceStatus['state'] = 'running';
  const status = (): DeviceStatus => ({
    ...ready,
    workerId,
    host: hostname(),
    pid: process.pid,
    jobsActive: consumers.reduce((sum, { active }) => sum + active, 0),
    state,
    refusal: null,
    startedAtMs,
    reportedAtMs: Date.now(),
    pools: models.flatMap(({ whisper, pools }) =>
      pools.all.map((pool) => ({ model: whisper.name, ...pool.stats() })),
    ),
  });
  const report = new DeviceReport(config.redisUrl, status, log);
  await report.write();
  log.info(ready, 'takes jobs');
  tell({ type: 'ready', device: ready });

  await drainAsked;
  state = 'draining';
  void report.write();
  return drain({ consumers, report, models }, config.drainTimeoutSeconds * 1000, log);
}

interface Prepared {
  readonly models: readonly LoadedModel[];
  readonly attestations: Attestation[];
}

/** The device is this process's alone, holds its models, and has shown that it computes right. */
async function prepare(
  device: Assignment['device'],
  config: Assignment['config'],
  log: Logger,
): Promise<Prepared> {
  if (device.accelerator !== undefined) {
    const timeoutMs = config.deviceLockTimeoutSeconds * 1000;
    // Held until this process ends, by whatever.
    await lockDevice(device.accelerator.lockKey, { folder: config.lockFolder, timeoutMs, log });
  }
  const timeoutSeconds = config.startTimeoutSeconds + config.compileTimeoutSeconds;
  const signal = AbortSignal.timeout(timeoutSeconds * 1000);
  const onCompiling = () => tell({ type: 'compiling' });
  const models = await loadModels(config, { device, log, signal, onCompiling });
  const attestations: Attestation[] = [];
  for (const model of models) {
    attestations.push(await attest(model, { device, config, signal, log }));
  }
  return { models, attestations };
}

function tell(message: FromDeviceWorker, onSent: () => void = () => undefined): void {
  process.send?.(message, undefined, undefined, onSent);
}
