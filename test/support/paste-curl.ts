/** Pastes a `curl` line into a shell, on machines without curl too. */

import { execFile } from 'node:child_process';
import { openAsBlob } from 'node:fs';
import { basename, resolve } from 'node:path';
import { promisify } from 'node:util';
import { findExecutable } from '../../apps/cli/src/find-executable.ts';
import { ROOT } from './paths.ts';

const TIMEOUT_MS = 30_000;
/** Takes the place of curl in the shell: prints its arguments. */
const PRINT_ARGUMENTS = `curl() { printf '%s\\0' "$@"; }`;

/**
 * Runs the line in the root of the checkout. Without curl, the shell still reads the line, and the
 * request that its arguments stand for is sent from here.
 *
 * @returns the body of the answer.
 */
export async function pasteCurl(line: string): Promise<string> {
  if (findExecutable('curl') !== null) return shell(line);
  const args = (await shell(`${PRINT_ARGUMENTS}\n${line}`)).split('\0').slice(0, -1);
  return request(args);
}

async function shell(script: string): Promise<string> {
  const options = { cwd: ROOT, timeout: TIMEOUT_MS };
  return (await promisify(execFile)('sh', ['-c', script], options)).stdout;
}

/** @throws Error at arguments that it does not know, so that no line passes untested. */
async function request(args: readonly string[]): Promise<string> {
  const urls: string[] = [];
  const form = new FormData();
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? '';
    if (arg === '-F') await appendField(form, args[++i] ?? '');
    else if (URL.canParse(arg)) urls.push(arg);
    else throw new Error(`curl's argument ${arg} is not known here`);
  }
  const [url] = urls;
  if (url === undefined || urls.length > 1) throw new Error(`not one URL: ${urls.join(' ')}`);
  const init = [...form].length > 0 ? { method: 'POST', body: form } : {};
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) });
  return response.text();
}

/** `name=@path` or `name=value`. */
async function appendField(form: FormData, field: string): Promise<void> {
  const [, name, at, value] = /^([^=]+)=(@?)(.*)$/s.exec(field) ?? [];
  if (name === undefined || value === undefined) throw new Error(`-F ${field} is not a field`);
  if (at === '') form.append(name, value);
  else form.append(name, await openAsBlob(resolve(ROOT, value)), basename(value));
}
