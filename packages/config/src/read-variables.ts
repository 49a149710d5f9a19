/** `AMANUENSIS_*` variables → values of configuration keys. */

import { parse } from 'yaml';

const PREFIX = 'AMANUENSIS_';
/** Names another file than `amanuensis.yaml`. */
export const CONFIG_VARIABLE = `${PREFIX}CONFIG`;

export interface KnownKeys {
  /** Keys of all apps: `redisUrl` is `AMANUENSIS_REDIS_URL`. */
  readonly shared: readonly string[];
  /** Keys of this app, behind its prefix: `port` of `api` is `AMANUENSIS_API_PORT`. */
  readonly own: readonly string[];
  readonly ownPrefix: string;
  /** Prefixes of other apps, whose variables are theirs to check. */
  readonly foreignPrefixes: readonly string[];
  /** Variables that others have named, and the key that each sets. */
  readonly aliases: Readonly<Record<string, string>>;
}

export interface VariableValues {
  readonly values: Readonly<Record<string, unknown>>;
  /** The variable that set each key of `values`. */
  readonly variables: ReadonlyMap<string, string>;
  /** What is wrong, a line for each variable; values are not quoted, they may be secrets. */
  readonly problems: readonly string[];
}

/**
 * An empty variable counts as not set. `REDIS_URL` is read as `AMANUENSIS_REDIS_URL`, as it stands;
 * an `AMANUENSIS_*` variable wins over its alias.
 */
export function readVariables(
  env: Readonly<Record<string, string | undefined>>,
  { shared, own, ownPrefix, foreignPrefixes, aliases }: KnownKeys,
): VariableValues {
  const keyOf = new Map<string, string>();
  for (const key of shared) keyOf.set(variableOf(key), key);
  for (const key of own) keyOf.set(variableOf(ownPrefix, key), key);
  const foreign = foreignPrefixes.map((prefix) => `${variableOf(prefix)}_`);

  const values: Record<string, unknown> = {};
  const variables = new Map<string, string>();
  const problems: string[] = [];
  const read = (name: string, key: string, value: string): void => {
    try {
      values[key] = parse(value);
      variables.set(key, name);
    } catch {
      problems.push(`${name}: is no YAML value; text with special characters needs quotes`);
    }
  };
  if (env.REDIS_URL) {
    values.redisUrl = env.REDIS_URL;
    variables.set('redisUrl', 'REDIS_URL');
  }
  for (const [name, key] of Object.entries(aliases)) {
    const value = env[name];
    if (value) read(name, key, value);
  }
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith(PREFIX) || !value || name === CONFIG_VARIABLE) continue;
    const key = keyOf.get(name);
    if (key !== undefined) {
      read(name, key, value);
    } else if (!foreign.some((prefix) => name.startsWith(prefix))) {
      problems.push(`${name}: there is no such setting`);
    }
  }
  return { values, variables, problems };
}

/** `api`, `maxUploadBytes` → `AMANUENSIS_API_MAX_UPLOAD_BYTES`. */
function variableOf(...parts: readonly string[]): string {
  const words = parts.filter((part) => part !== '');
  return PREFIX + words.map((word) => word.replaceAll(/[A-Z]/g, '_$&').toUpperCase()).join('_');
}
