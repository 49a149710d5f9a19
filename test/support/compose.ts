/**
 * Starts the services of a compose file as processes of this machine, by their very commands.
 *
 * Each service's `name:port` becomes a free loopback port, each volume a folder that is removed in
 * the end; a service is started when the health checks of those that it depends on succeed.
 */

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type ComposeFile, type ComposeService, portsOf } from './compose-file.ts';
import { freePort } from './free-port.ts';
import { ROOT } from './paths.ts';

const HEALTHY_DEADLINE_MS = 60_000;
const CHECK_TIMEOUT_MS = 5_000;
const POLL_MS = 200;
const LOG_TAIL_CHARS = 4_000;

const run = promisify(execFile);

export interface RunningCompose {
  /** Where a service's port is reached: `127.0.0.1:4711`. */
  address(service: string, port: string): string;
  /** Ends all services, the last started first, and tells how each of them ended. */
  stop(): Promise<Record<string, Exit>>;
}

type Exit = number | NodeJS.Signals | null;

/** Waits until every service is healthy; what it has started by then is ended when one is not. */
export async function startCompose({ services, volumes }: ComposeFile): Promise<RunningCompose> {
  const folders = new Map<string, string>();
  const running: [name: string, service: ServiceProcess][] = [];
  const exits: Record<string, Exit> = {};
  const stop = async () => {
    for (const [name, service] of running.splice(0).reverse()) exits[name] = await service.stop();
    for (const folder of folders.values()) await rm(folder, { recursive: true, force: true });
    return exits;
  };
  try {
    for (const volume of Object.keys(volumes)) {
      folders.set(volume, await mkdtemp(join(tmpdir(), `amanuensis-${volume}-`)));
    }
    const places = await findPlaces(services);
    for (const name of inOrder(services)) {
      const service = start(name, localized(services, name, places, folders));
      running.push([name, service]);
      await service.untilHealthy();
    }
    return { address: (service, port) => places.get(`${service}:${port}`) ?? '', stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A free loopback address for each `service:port`. */
async function findPlaces(services: ComposeFile['services']): Promise<Map<string, string>> {
  const places = new Map<string, string>();
  for (const [name, service] of Object.entries(services)) {
    for (const port of portsOf(service)) {
      places.set(`${name}:${port}`, `127.0.0.1:${await freePort()}`);
    }
  }
  return places;
}

function inOrder(services: ComposeFile['services']): string[] {
  const ordered: string[] = [];
  const add = (name: string): void => {
    if (ordered.includes(name)) return;
    for (const dependency of Object.keys(services[name]?.depends_on ?? {})) add(dependency);
    ordered.push(name);
  };
  for (const name of Object.keys(services)) add(name);
  return ordered;
}

/** The service with this machine's addresses, ports and folders in its texts. */
function localized(
  services: ComposeFile['services'],
  name: string,
  places: ReadonlyMap<string, string>,
  folders: ReadonlyMap<string, string>,
): ComposeService {
  const service = services[name];
  if (service === undefined) throw new RangeError(`no service ${name}`);
  const own = new Map(portsOf(service).map((port) => [port, placedPort(places, name, port)]));
  const texts = new Map([...places, ['0.0.0.0', '127.0.0.1']]);
  for (const mount of service.volumes) {
    const [volume = '', folder = ''] = mount.split(':');
    texts.set(folder, folders.get(volume) ?? folder);
  }
  const here = (text: string): string => {
    if (own.has(text)) return own.get(text) ?? text;
    return [...texts].reduce((result, [from, to]) => result.replaceAll(from, to), text);
  };
  const [cmd, program, ...args] = service.healthcheck.test;
  return {
    ...service,
    command: service.command.map(here),
    environment: Object.fromEntries(
      Object.entries(service.environment).map(([key, value]) => [key, here(value)]),
    ),
    healthcheck: { test: [cmd, program, ...args.map(here)] },
  };
}

function placedPort(places: ReadonlyMap<string, string>, name: string, port: string): string {
  return places.get(`${name}:${port}`)?.split(':').at(-1) ?? port;
}

interface ServiceProcess {
  untilHealthy(): Promise<void>;
  stop(): Promise<Exit>;
}

function start(name: string, service: ComposeService): ServiceProcess {
  const { PATH = '', HOME = '' } = process.env;
  const [program = '', ...args] = service.command;
  const env = { PATH, HOME, ...service.environment };
  const child = spawn(program, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(child, 'exit').then(([code, signal]): Exit => code ?? signal);
  exited.catch(() => undefined);
  const killWithUs = () => child.kill('SIGKILL');
  process.once('exit', killWithUs);
  const tail = keepTail(child);
  return {
    async untilHealthy() {
      const [, check, ...checkArgs] = service.healthcheck.test;
      const endsAt = performance.now() + HEALTHY_DEADLINE_MS;
      const options = { env, timeout: CHECK_TIMEOUT_MS };
      for (;;) {
        const healthy = run(check, checkArgs, options).then(
          () => true,
          () => false,
        );
        const ended = exited.then((exit) => {
          throw new Error(`${name} ended (${exit}):\n${tail()}`);
        });
        if (await Promise.race([healthy, ended])) return;
        if (performance.now() > endsAt) throw new Error(`${name} is not healthy:\n${tail()}`);
        await delay(POLL_MS);
      }
    },
    async stop() {
      const graceMs = Number.parseInt(service.stop_grace_period, 10) * 1_000;
      const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
      child.kill('SIGTERM');
      const exit = await exited;
      clearTimeout(timer);
      process.off('exit', killWithUs);
      return exit;
    },
  };
}

/** The end of what a process says, for the message when it fails. */
function keepTail({ stdout, stderr }: ChildProcess): () => string {
  let tail = '';
  for (const stream of [stdout, stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      tail = (tail + text).slice(-LOG_TAIL_CHARS);
    });
  }
  return () => tail;
}
