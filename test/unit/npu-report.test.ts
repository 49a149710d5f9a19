/** What AMD's tools write of an NPU, read: the placement report, and `xrt-smi`. */

import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { memoryLockLimit } from '../../apps/worker/src/npu-sysfs.ts';
import { examineByXrtSmi, parseXrtReport } from '../../apps/worker/src/npu-xrt-smi.ts';
import { readPlacement } from '../../packages/pipeline/src/inference/placement.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'amanuensis-npu-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

describe('the placement report', () => {
  const read = (report: unknown) => readPlacement(write('report.json', JSON.stringify(report)));
  const stat = (name: string, nodeNum: number) => ({ name, nodeNum, supportedOpType: ['::Add'] });

  test.each(['NPU', 'VAIML', 'DPU'])('counts what runs on %s', (name) => {
    const report = {
      deviceStat: [stat('all', 538), stat('CPU', 122), stat(name, 416)],
      subgraphStat: [
        { device: name, count: 21 },
        { device: 'CPU', count: 4 },
      ],
      nodeStat: [{ anything: 'else' }],
    };
    expect(read(report)).toEqual({
      nodesByDevice: { CPU: 122, [name]: 416 },
      acceleratedNodes: 416,
      nodes: 538,
      acceleratedSubgraphs: 21,
    });
  });

  test('of a graph that stayed on the CPU says so', () => {
    expect(read({ deviceStat: [stat('all', 934), stat('CPU', 934)] })).toEqual({
      nodesByDevice: { CPU: 934 },
      acceleratedNodes: 0,
      nodes: 934,
      acceleratedSubgraphs: null,
    });
  });

  test.each([
    ['no JSON', 'not {'],
    ['no such report', '{"deviceStat": [{"name": 1}]}'],
  ])('that is %s is refused', (_what, text) => {
    expect(() => readPlacement(write('report.json', text))).toThrow();
  });
});

describe('xrt-smi', () => {
  const report = {
    schema_version: { schema: 'JSON' },
    system: {
      host: {
        os: {},
        xrt: { version: '2.21.75', branch: 'HEAD', drivers: [] },
        devices: [
          { bdf: '[0000:c5:00.1]', name: 'NPU Strix', firmware_version: '1.1.2.64' },
          { bdf: '0000:c6:00.1', name: null },
        ],
      },
    },
  };

  /** A program of that name on a PATH of its own. */
  function install(script: string): string {
    chmodSync(write('xrt-smi', `#!/bin/sh\n${script}\n`), 0o755);
    return `${folder}:/usr/bin:/bin`;
  }

  test('names NPUs by their address', () => {
    expect(parseXrtReport(JSON.stringify(report))).toEqual({
      version: '2.21.75',
      npus: new Map([
        ['0000:c5:00.1', { name: 'NPU Strix', firmware: '1.1.2.64' }],
        ['0000:c6:00.1', {}],
      ]),
    });
  });

  test('is asked for JSON in a file', async () => {
    const answer = write('answer.json', JSON.stringify(report));
    const path = install(
      `[ "$1 $2 $3 $4" = "examine -f JSON -o" ] || exit 1\ncat ${answer} > "$5"`,
    );
    expect((await examineByXrtSmi(path))?.npus.size).toBe(2);
  });

  test('that hangs is ended', async () => {
    const examine = examineByXrtSmi(install('exec sleep 60'), 300);
    await expect(examine).rejects.toThrow('xrt-smi tells nothing: it did not answer in time');
  });

  test('that is not installed tells nothing', async () => {
    expect(await examineByXrtSmi(folder)).toBeNull();
  });

  test.each([
    ['fails', 'echo no driver >&2; exit 1', /xrt-smi tells nothing: .*no driver/s],
    ['writes nothing', 'exit 0', /xrt-smi tells nothing: ENOENT/],
    ['writes something else', 'echo "{}" > "$5"', /xrt-smi tells nothing: .*system/s],
  ])('that %s is no reason to fail without a word', async (_what, script, message) => {
    await expect(examineByXrtSmi(install(script))).rejects.toThrow(message);
  });
});

test('the limit of locked memory is told where it is one', () => {
  const limits = (soft: string) => {
    mkdirSync(join(folder, 'proc/self'), { recursive: true });
    write('proc/self/limits', `Limit  Soft  Hard\nMax locked memory    ${soft}  ${soft}  bytes\n`);
    return memoryLockLimit(folder);
  };
  expect(limits('8388608')).toBe('8388608');
  expect(limits('unlimited')).toBeNull();
  expect(memoryLockLimit('/nowhere')).toBeNull();
});
