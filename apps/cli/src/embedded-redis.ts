/** The product's own Redis: durable, on loopback, behind a password, and gone with this process. */

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import getPort from 'get-port';
import { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { CliError } from './cli-error.ts';
import { findExecutable } from './find-executable.ts';
import { lockFolder } from './folder-lock.ts';
import { OwnProcess } from './own-process.ts';

const HOST = '127.0.0.1';
const PASSWORD_BYTES = 32;
/** Reading a large append-only file back takes a while: about a minute for 10 GB. */
const START_DEADLINE_MS = 120_000;
const STOP_DEADLINE_MS = 10_000;
const CONNECT_RETRY_MS = 50;
const ORPHAN_ANSWER_MS = 2_000;
/** A port that was free a moment ago may be taken by another process. */
const START_TRIES = 3;

export interface EmbeddedRedis {
  readonly url: string;
  readonly pid: number;
  /** Resolves with the reason when it can be used no longer; not after `stop`. */
  readonly lost: Promise<string>;
  /**
   * Resolves when everything is on the disk and the process is gone.
   *
   * @returns null where it ended well, else how it ended.
   */
  stop(): Promise<string | null>;
}

export interface EmbeddedRedisOptions {
  /** Its files lie in `redis` of this folder. */
  readonly dataFolder: string;
  readonly log: Logger;
  readonly signal?: AbortSignal;
}

/**
 * Starts it and waits until it answers.
 *
 * @throws CliError where redis-server is not installed, where another process uses the folder, or
 *   where it does not answer in time.
 */
export async function startEmbeddedRedis(options: EmbeddedRedisOptions): Promise<EmbeddedRedis> {
  const { dataFolder, log, signal } = options;
  const command = findExecutable('redis-server');
  if (command === null) {
    throw new CliError(
      'redis-server is not installed: install it (`apt-get install redis-server`, ' +
        '`brew install redis`), or set REDIS_URL to a Redis of yours.',
    );
  }
  const folder = join(dataFolder, 'redis');
  let lose: (reason: string) => void = () => undefined;
  const lockLost = new Promise<string>((resolve) => {
    lose = resolve;
  });
  const lock = await lockFolder(folder, { signal, onLost: lose });
  try {
    await endOrphan(folder);
    let isServing = false;
    const redisLog = log.child({ app: 'redis' });
    const onLine = (line: string) => logLine(line, redisLog, isServing);
    const [server, url] = await startOnFreePort(command, folder, onLine, signal);
    log.info({ redisPid: server.pid, folder }, 'started a Redis of its own');
    isServing = true;
    const lost = new Promise<string>((resolve) => {
      const unlessStopped = (reason: string) => isServing && resolve(reason);
      void server.exited.then((how) => unlessStopped(`Redis ended: ${how}\n${server.tail}`));
      void lockLost.then((reason) => unlessStopped(`the lock of ${folder} was lost: ${reason}`));
    });
    return {
      url,
      pid: server.pid,
      lost,
      async stop() {
        isServing = false;
        const end = await server.stop(STOP_DEADLINE_MS);
        await rm(configFile(folder), { force: true });
        await lock.release();
        return end;
      },
    };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function startOnFreePort(
  command: string,
  folder: string,
  onLine: (line: string) => void,
  signal: AbortSignal | undefined,
): Promise<[OwnProcess, string]> {
  for (let tries = 1; ; tries++) {
    const port = await getPort({ host: HOST });
    const password = randomBytes(PASSWORD_BYTES).toString('hex');
    await writeConfig(folder, port, password);
    const args = [configFile(folder)];
    const server = new OwnProcess({ name: 'redis', command, args, onLine });
    const url = `redis://:${password}@${HOST}:${port}`;
    try {
      await untilAnswers(server, url, signal);
      return [server, url];
    } catch (error) {
      await server.stop(STOP_DEADLINE_MS);
      if (tries === START_TRIES || !server.tail.includes('Address already in use')) throw error;
    }
  }
}

/**
 * Redis begins its lines with its process id, its role, the time and a mark; `#` stands for what is
 * important, of which there is much at the start and at the end that is not.
 */
function logLine(line: string, log: Logger, isServing: boolean): void {
  const [, mark = '', text = line] = /^\d+:\S+ .*? ([*#.-]) (.*)$/.exec(line) ?? [];
  const isWarning = mark === '#' && (isServing || /warning/i.test(text));
  log[isWarning ? 'warn' : 'debug'](text);
}

/** A file, not arguments: the arguments of a process are seen by everybody on the machine. */
async function writeConfig(folder: string, port: number, password: string): Promise<void> {
  const settings = {
    bind: HOST,
    port,
    'protected-mode': 'yes',
    requirepass: password,
    dir: JSON.stringify(folder),
    appendonly: 'yes',
    appendfsync: 'everysec',
    save: '""',
    'maxmemory-policy': 'noeviction',
    daemonize: 'no',
    logfile: '""',
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} ${value}\n`);
  await rm(configFile(folder), { force: true });
  await writeFile(configFile(folder), lines.join(''), { mode: 0o600, flag: 'wx' });
}

const configFile = (folder: string): string => join(folder, 'redis.conf');

async function untilAnswers(server: OwnProcess, url: string, signal?: AbortSignal): Promise<void> {
  const timer = new AbortController();
  const client = new Redis(url, {
    maxRetriesPerRequest: null,
    retryStrategy: () => CONNECT_RETRY_MS,
  });
  client.on('error', () => undefined); // it is not there yet
  try {
    await Promise.race([
      client.ping(),
      server.exited.then((how) => {
        throw new CliError(`Redis did not start: ${how}\n${server.tail}`);
      }),
      delay(START_DEADLINE_MS, undefined, { signal: timer.signal }).then(() => {
        throw new CliError(`Redis did not answer in ${START_DEADLINE_MS} ms\n${server.tail}`);
      }),
      ...(signal ? [rejectWhenAborted(signal, timer.signal)] : []),
    ]);
  } finally {
    timer.abort();
    client.disconnect();
  }
}

async function rejectWhenAborted(signal: AbortSignal, done: AbortSignal): Promise<never> {
  signal.throwIfAborted();
  await once(signal, 'abort', { signal: done });
  throw signal.reason;
}

/**
 * Where nothing ends children with a killed parent, its Redis still has the files open. Only that
 * one accepts the password of its configuration, so nobody else can be shut down by mistake.
 */
async function endOrphan(folder: string): Promise<void> {
  const config = await readFile(configFile(folder), 'utf8').catch(() => '');
  const [, port] = /^port (\d+)$/m.exec(config) ?? [];
  const [, password] = /^requirepass (\w+)$/m.exec(config) ?? [];
  if (port === undefined || password === undefined) return;
  const orphan = new Redis(Number(port), HOST, {
    password,
    lazyConnect: true,
    enableReadyCheck: false,
    retryStrategy: () => null,
    connectTimeout: ORPHAN_ANSWER_MS,
    commandTimeout: STOP_DEADLINE_MS,
  });
  orphan.on('error', () => undefined);
  try {
    await orphan.connect();
    await orphan.ping(); // refused without the right password
  } catch {
    orphan.disconnect();
    return; // nobody there, or somebody else
  }
  const signal = AbortSignal.timeout(STOP_DEADLINE_MS);
  try {
    await Promise.all([once(orphan, 'end', { signal }), orphan.shutdown().catch(() => undefined)]);
  } catch (error) {
    throw new CliError(`The Redis of an earlier run, on port ${port}, does not end.`, {
      cause: error,
    });
  } finally {
    orphan.disconnect();
  }
}
