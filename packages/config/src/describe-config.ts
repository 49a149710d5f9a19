/** Every value of a configuration with where it comes from, for an operator to read. */

import { type ConfigSource, type ConfigSpec, isShared, readGivenConfig } from './load-config.ts';
import { maskSecrets } from './mask-secrets.ts';

export interface ConfigEntry {
  /** As the file has it: `redisUrl`, `worker.pools.audio.max`. */
  readonly key: string;
  /** Secrets are masked. */
  readonly value: string;
  /** `default`, the path of the file, or the name of the variable. */
  readonly origin: string;
}

const NOT_SET = '(not set)';

/**
 * @param config what `loadConfig` made of the same spec and source, or what an app made of that.
 * @throws ConfigError where the file cannot be read.
 */
export function describeConfig(
  config: Readonly<Record<string, unknown>>,
  spec: ConfigSpec,
  source: ConfigSource,
): readonly ConfigEntry[] {
  const { file, ofFile, ofVariables, variables } = readGivenConfig(spec, source);
  const originOf = (path: readonly string[]): string => {
    const [key = ''] = path;
    // A variable sets its key as a whole, whatever the file says of it.
    if (variables.has(key)) return has(ofVariables, path) ? (variables.get(key) ?? '') : 'default';
    return has(ofFile, path) ? file : 'default';
  };
  return Object.entries(config).flatMap(([key, value]) =>
    leavesOf(value, [key]).map(([path, leaf]) => ({
      key: [...(isShared(key) || spec.section === null ? [] : [spec.section]), ...path].join('.'),
      value: leaf === undefined ? NOT_SET : maskSecrets(path.join('.'), toText(leaf)),
      origin: originOf(path),
    })),
  );
}

type Leaf = readonly [path: readonly string[], value: unknown];

/** Mappings are looked into; lists are one value. */
function leavesOf(value: unknown, path: readonly string[]): readonly Leaf[] {
  if (!isMapping(value) || Object.keys(value).length === 0) return [[path, value]];
  return Object.entries(value).flatMap(([key, part]) => leavesOf(part, [...path, key]));
}

/** Whether what was given has a value there, or had one that stands for all below. */
function has(given: unknown, path: readonly string[]): boolean {
  let value = given;
  for (const key of path) {
    if (!isMapping(value)) return value !== undefined;
    if (!Object.hasOwn(value, key)) return false;
    value = value[key];
  }
  return true;
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function toText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
