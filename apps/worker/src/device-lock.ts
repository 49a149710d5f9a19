/** One owner per device: two workers on one NPU would compute garbage or crash each other. */

import { accessSync, constants } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Logger } from '@amanuensis/log';
import { type FileLock, lockFile } from '@amanuensis/pipeline';
import { DeviceRefused } from './device-refused.ts';

/** Where Linux keeps locks of devices: every user may write there, and it is empty after a boot. */
const SYSTEM_FOLDER = '/run/lock';

/** The same for all workers of a machine, whoever runs them. */
export function lockFolder(): string {
  try {
    accessSync(SYSTEM_FOLDER, constants.W_OK);
    return SYSTEM_FOLDER;
  } catch {
    return tmpdir();
  }
}

export interface DeviceLockOptions {
  readonly folder: string;
  readonly timeoutMs: number;
  readonly log: Logger;
}

/**
 * Takes the device for this process, until it ends.
 *
 * Accelerators alone are locked. A CPU is shared by all processes anyway: the system divides its
 * cores, and two workers on it are slower, not wrong.
 *
 * @param key names the device on this machine: `npu-0000:c5:00.1`.
 * @throws DeviceRefused when another process keeps it for longer than `timeoutMs`.
 */
export async function lockDevice(
  key: string,
  { folder, timeoutMs, log }: DeviceLockOptions,
): Promise<FileLock> {
  await mkdir(folder, { recursive: true });
  const file = join(folder, `amanuensis-${key}.lock`);
  const timeout = AbortSignal.timeout(timeoutMs);
  let holder: number | null = null;
  let isTold = false;
  const onWait = (holderPid: number | null): void => {
    holder = holderPid;
    if (!isTold)
      log.warn({ file, holderPid, timeoutMs }, 'another process holds the device: waits');
    isTold = true;
  };
  try {
    return await lockFile(file, { signal: timeout, onWait });
  } catch (cause) {
    if (!timeout.aborted) throw cause;
    const who = holder === null ? 'another process' : `process ${holder}`;
    throw new DeviceRefused(`${who} holds it (${file})`, { cause });
  }
}
