/**
 * Reads the configuration of one app: `amanuensis.yaml`, then `AMANUENSIS_*` variables over it.
 *
 * The file has keys that all apps share and one section an app. Variable names follow from the
 * keys: `redisUrl` is `AMANUENSIS_REDIS_URL`, `maxUploadBytes` of the section `api` is
 * `AMANUENSIS_API_MAX_UPLOAD_BYTES`. Values of variables are YAML, so `[a, b]` is a list.
 */

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { ConfigError } from './config-error.ts';
import { CONFIG_VARIABLE, readVariables } from './read-variables.ts';

/** Sections of the file; each app reads its own and leaves the others alone. */
const SECTIONS = ['api', 'worker'] as const;
export type Section = (typeof SECTIONS)[number];

const sharedShape = {
  /** Redis of the queue; `amanuensis up` starts its own where it is not set. */
  redisUrl: z
    .string()
    .regex(/^rediss?:\/\//, 'must begin with redis:// or rediss://')
    .optional(),
  /** Where recordings, transcripts and the embedded Redis lie. */
  dataFolder: z.string().default('.amanuensis'),
  logLevel: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
};

export interface SharedConfig {
  readonly redisUrl?: string | undefined;
  readonly dataFolder: string;
  readonly logLevel: string;
}

export interface ConfigSource {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Folder that relative paths start from, and where `amanuensis.yaml` is looked for. */
  readonly cwd: string;
}

/**
 * The validated, deeply frozen configuration: shared keys and those of `shape`, flat.
 *
 * `REDIS_URL` is read as `AMANUENSIS_REDIS_URL`; `AMANUENSIS_CONFIG` names another file.
 *
 * @throws ConfigError that names every key that is unknown or has a wrong value.
 */
export function loadConfig<Shape extends z.ZodRawShape>(
  section: Section | null,
  shape: Shape,
  { env, cwd }: ConfigSource,
): Readonly<SharedConfig & z.infer<z.ZodObject<Shape>>> {
  const file = readFile(env[CONFIG_VARIABLE], cwd);
  const ofSection = section === null ? {} : asRecord(file[section] ?? {}, section);
  const ofFile = Object.fromEntries(
    Object.entries(file).filter(([key]) => !SECTIONS.some((name) => name === key)),
  );
  const ofEnv = readVariables(env, {
    shared: Object.keys(sharedShape),
    own: Object.keys(shape),
    ownPrefix: section ?? '',
    foreignPrefixes: SECTIONS.filter((name) => name !== section),
  });
  const schema = z.strictObject({ ...sharedShape, ...shape });
  const parsed = schema.safeParse({ ...ofFile, ...ofSection, ...ofEnv.values });
  const problems = [
    ...Object.keys(ofSection)
      .filter((key) => key in sharedShape)
      .map((key) => `${section}.${key}: stands at the top level`),
    ...ofEnv.problems,
    ...(parsed.error?.issues ?? []).map(
      ({ path, message }) => `${path.join('.') || 'file'}: ${message}`,
    ),
  ];
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems);
  const config = parsed.data as unknown as SharedConfig & z.infer<z.ZodObject<Shape>>;
  return deepFreeze({ ...config, dataFolder: resolve(cwd, config.dataFolder) });
}

function readFile(path: string | undefined, cwd: string): Record<string, unknown> {
  const file = resolve(cwd, path ?? 'amanuensis.yaml');
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (path === undefined && (error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new ConfigError([`${file}: cannot be read`], { cause: error });
  }
  try {
    return asRecord(parse(text) ?? {}, file);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError([`${file}: ${(error as Error).message}`], { cause: error });
  }
}

function asRecord(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new ConfigError([`${what}: must be a mapping`]);
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const part of Object.values(value)) deepFreeze(part);
    Object.freeze(value);
  }
  return value;
}
