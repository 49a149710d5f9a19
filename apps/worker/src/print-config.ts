/** `amanuensis-worker config print`: every setting with where it comes from. */

import type { ConfigSource } from '@amanuensis/config';
import Table from 'cli-table3';
import { describeWorkerSettings } from './config.ts';

/** @throws ConfigError. */
export function printConfig(source: ConfigSource): string {
  const table = new Table({
    head: ['setting', 'value', 'from'],
    style: { head: [], border: [], compact: true },
  });
  for (const { key, value, origin } of describeWorkerSettings(source)) {
    table.push([key, value, origin]);
  }
  return `${table.toString()}\n`;
}
