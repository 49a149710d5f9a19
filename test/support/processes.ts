/** What runs on this machine, read from /proc: a machine with only Node may have no `ps`. */

import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** Systems without it, macOS for instance, all come with `ps`. */
const hasProc = existsSync('/proc/self/stat');

/** A zombie has ended: only its parent has not asked yet. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  return !hasProc || (statOf(pid)?.state ?? 'Z') !== 'Z';
}

/** Process ids of the children, their children and so on. */
export function descendantsOf(pid: number | undefined): number[] {
  const parents = hasProc ? parentsOfProc() : parentsOfPs();
  const childrenOf = (parent: number | undefined): number[] =>
    parents.flatMap(([child, ppid]) => (ppid === parent ? [child, ...childrenOf(child)] : []));
  return childrenOf(pid);
}

/** Its program and arguments, one space between them; empty when it is gone. */
export function commandOf(pid: number): string {
  if (!hasProc) return ps('-o', 'args=', '-p', String(pid));
  return read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ');
}

type Parent = readonly [pid: number, ppid: number];

function parentsOfProc(): Parent[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name): Parent[] => {
      const stat = statOf(Number(name));
      return stat === null ? [] : [[Number(name), stat.ppid]];
    });
}

function parentsOfPs(): Parent[] {
  return ps('-A', '-o', 'pid=,ppid=')
    .trim()
    .split('\n')
    .map((line): Parent => {
      const [pid = -1, ppid = -1] = line.trim().split(/\s+/).map(Number);
      return [pid, ppid];
    });
}

/** `pid (name) state ppid ...`, where the name may hold blanks and brackets. */
function statOf(pid: number): { state: string; ppid: number } | null {
  const [, state, ppid] = /.*\) (\S) (\d+)/s.exec(read(`/proc/${pid}/stat`)) ?? [];
  return state === undefined ? null : { state, ppid: Number(ppid) };
}

/** Empty where the process is gone. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function ps(...args: readonly string[]): string {
  return execFileSync('ps', args, { encoding: 'utf8' });
}
