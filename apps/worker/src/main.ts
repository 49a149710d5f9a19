#!/usr/bin/env node
/** The command of this machine's worker: serves its devices, lists them, or prints its settings. */

import { ConfigError } from '@amanuensis/config';
import { DeviceError } from './device.ts';
import { printDevices } from './devices-table.ts';
import { printConfig } from './print-config.ts';
import { serve } from './serve.ts';

const USAGE = `Usage: amanuensis-worker                serve the devices of this machine
       amanuensis-worker devices        list them, and what each will run
       amanuensis-worker config print   print every setting with where it comes from
`;
/** What a shell calls a command that was used wrongly. */
const EXIT_USAGE = 2;

const source = { env: process.env, cwd: process.cwd() };
try {
  switch (process.argv.slice(2).join(' ')) {
    case '':
      await serve(source);
      break;
    case 'devices':
      process.stdout.write(await printDevices(source));
      break;
    case 'config print':
      process.stdout.write(printConfig(source));
      break;
    case '--help':
      process.stdout.write(USAGE);
      break;
    default:
      process.stderr.write(USAGE);
      process.exitCode = EXIT_USAGE;
  }
} catch (error) {
  if (!(error instanceof ConfigError || error instanceof DeviceError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = error instanceof ConfigError ? EXIT_USAGE : 1;
}
