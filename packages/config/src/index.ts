/** How an app reads its configuration. */

export { ConfigError } from './config-error.ts';
export { type ConfigSource, loadConfig, type Section, type SharedConfig } from './load-config.ts';
