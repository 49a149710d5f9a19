/** How an app reads its configuration. */

export { ConfigError } from './config-error.ts';
export { type ConfigEntry, describeConfig } from './describe-config.ts';
export {
  type ConfigSource,
  type ConfigSpec,
  loadConfig,
  type Section,
  type SharedConfig,
} from './load-config.ts';
