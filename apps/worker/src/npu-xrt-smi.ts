/** What AMD's own tool says of the NPUs, where it is installed. */

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';

const DEADLINE_MS = 10_000;
/** Where XRT installs itself; its set-up script puts that on the PATH. */
const XRT_FOLDER = '/opt/xilinx/xrt/bin';

const text = z.string().nullish();
/** `xrt-smi examine -f JSON`; it holds much more. */
const reportSchema = z.looseObject({
  system: z.looseObject({
    host: z.looseObject({
      xrt: z.looseObject({ version: text }).nullish(),
      devices: z.array(z.looseObject({ bdf: z.string(), name: text, firmware_version: text })),
    }),
  }),
});

export interface XrtReport {
  readonly version: string | null;
  /** By PCI address. */
  readonly npus: ReadonlyMap<string, { readonly name?: string; readonly firmware?: string }>;
}

/**
 * Null where the tool is not installed.
 *
 * @param path folders to look for it in.
 * @throws Error where it fails, does not answer in time or says what is not understood.
 */
export async function examineByXrtSmi(
  path = process.env.PATH ?? '',
  timeoutMs = DEADLINE_MS,
): Promise<XrtReport | null> {
  const folder = await mkdtemp(join(tmpdir(), 'amanuensis-xrt-'));
  const file = join(folder, 'examine.json');
  try {
    // It writes JSON into files alone.
    const args = ['examine', '-f', 'JSON', '-o', file];
    const env = { ...process.env, PATH: [path, XRT_FOLDER].join(delimiter) };
    const options = { env, timeout: timeoutMs, killSignal: 'SIGKILL' } as const;
    await promisify(execFile)('xrt-smi', args, options);
    return parseXrtReport(await readFile(file, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === 'spawn xrt-smi') return null;
    throw new Error(`xrt-smi tells nothing: ${reasonOf(error)}`, { cause: error });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** @throws Error where it is not understood. */
export function parseXrtReport(json: string): XrtReport {
  const { host } = reportSchema.parse(JSON.parse(json)).system;
  const npus = host.devices.map(({ bdf, name, firmware_version: firmware }) => {
    // Some releases write it in brackets, as their table does.
    const address = bdf.replaceAll(/[[\]]/g, '');
    return [address, { ...(name && { name }), ...(firmware && { firmware }) }] as const;
  });
  return { version: host.xrt?.version ?? null, npus: new Map(npus) };
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if ('killed' in error && error.killed === true) return 'it did not answer in time';
  return error instanceof z.ZodError ? z.prettifyError(error) : error.message;
}
