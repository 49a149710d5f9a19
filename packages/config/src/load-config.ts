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
const DEFAULT_FILE = 'amanuensis.yaml';

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

/** What an app knows beyond the shared keys: what it gives to {@link loadConfig}. */
export interface ConfigSpec {
  readonly section: Section | null;
  readonly shape: z.ZodRawShape;
  /** Variables that others have named, and the key of the section that each sets. */
  readonly aliases?: Readonly<Record<string, string>>;
}

/** What was set, before it is validated and defaults join it. */
export interface GivenConfig {
  /** The file that was read; it may have had nothing to say. */
  readonly file: string;
  readonly ofFile: Readonly<Record<string, unknown>>;
  readonly ofVariables: Readonly<Record<string, unknown>>;
  /** The variable that set each key of `ofVariables`. */
  readonly variables: ReadonlyMap<string, string>;
  readonly problems: readonly string[];
}

/**
 * The validated, deeply frozen configuration: shared keys and those of `shape`, flat.
 *
 * `REDIS_URL` is read as `AMANUENSIS_REDIS_URL`; `AMANUENSIS_CONFIG` names another file.
 *
 * @param aliases variables that others have named, and the key of the section that each sets.
 * @throws ConfigError that names every key that is unknown or has a wrong value.
 */
export function loadConfig<Shape extends z.ZodRawShape>(
  section: Section | null,
  shape: Shape,
  source: ConfigSource,
  aliases: Readonly<Record<string, string>> = {},
): Readonly<SharedConfig & z.infer<z.ZodObject<Shape>>> {
  const given = readGivenConfig({ section, shape, aliases }, source);
  const schema = z.strictObject({ ...sharedShape, ...shape });
  const parsed = schema.safeParse({ ...given.ofFile, ...given.ofVariables });
  const problems = [
    ...given.problems,
    ...(parsed.error?.issues ?? []).map(
      ({ path, message }) => `${path.join('.') || 'file'}: ${message}`,
    ),
  ];
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems);
  const config = parsed.data as unknown as SharedConfig & z.infer<z.ZodObject<Shape>>;
  return deepFreeze({ ...config, dataFolder: resolve(source.cwd, config.dataFolder) });
}

export const isShared = (key: string): boolean => key in sharedShape;

/** @throws ConfigError where the file cannot be read or is no mapping. */
export function readGivenConfig(
  { section, shape, aliases }: ConfigSpec,
  { env, cwd }: ConfigSource,
): GivenConfig {
  const file = resolve(cwd, env[CONFIG_VARIABLE] ?? DEFAULT_FILE);
  const content = readFile(file, { isOptional: env[CONFIG_VARIABLE] === undefined });
  const ofSection = section === null ? {} : asRecord(content[section] ?? {}, section);
  const shared = Object.entries(content).filter(([key]) => !SECTIONS.some((name) => name === key));
  const ofEnv = readVariables(env, {
    shared: Object.keys(sharedShape),
    own: Object.keys(shape),
    ownPrefix: section ?? '',
    foreignPrefixes: SECTIONS.filter((name) => name !== section),
    aliases: aliases ?? {},
  });
  const misplaced = Object.keys(ofSection)
    .filter(isShared)
    .map((key) => `${section}.${key}: stands at the top level`);
  return {
    file,
    ofFile: { ...Object.fromEntries(shared), ...ofSection },
    ofVariables: ofEnv.values,
    variables: ofEnv.variables,
    problems: [...misplaced, ...ofEnv.problems],
  };
}

function readFile(
  file: string,
  { isOptional }: { readonly isOptional: boolean },
): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (isOptional && (error as NodeJS.ErrnoException).code === 'ENOENT') return {};
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
