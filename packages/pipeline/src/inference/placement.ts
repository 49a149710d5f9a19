/** Which nodes of a graph an execution provider really took, as VitisAI's own report tells it. */

import { readFileSync } from 'node:fs';
import { z } from 'zod';

/**
 * Counts of graph nodes. ONNX Runtime loads a session happily when the provider took none of them:
 * only this tells an NPU that works from one that is idle.
 */
export const placementSchema = z.object({
  /** Nodes by the device that runs them, in the report's words: `CPU`, `NPU`. */
  nodesByDevice: z.record(z.string(), z.int().min(0)),
  /** Nodes that are not on the CPU. */
  acceleratedNodes: z.int().min(0),
  nodes: z.int().min(0),
  /** Parts of the graph that the device runs as one; null where the report does not tell. */
  acceleratedSubgraphs: z.int().min(0).nullable(),
});
export type Placement = Readonly<z.infer<typeof placementSchema>>;

const ALL = 'all';
const CPU = 'CPU';

/** Of `XLNX_ONNX_EP_REPORT_FILE`; it holds much more, which differs from release to release. */
const reportSchema = z.looseObject({
  deviceStat: z.array(z.looseObject({ name: z.string(), nodeNum: z.int().min(0) })),
  subgraphStat: z.array(z.looseObject({ device: z.string(), count: z.int().min(0) })).optional(),
});

/**
 * Releases call the NPU differently (`NPU`, `VAIML`, and `DPU` of old): whatever is not the CPU counts.
 *
 * @throws Error when `file` cannot be read or is no such report.
 */
export function readPlacement(file: string): Placement {
  const { deviceStat, subgraphStat } = reportSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  const devices = deviceStat.filter(({ name }) => name !== ALL);
  const accelerated = devices.filter(({ name }) => name !== CPU);
  const subgraphs = subgraphStat?.filter(({ device }) => device !== CPU);
  return {
    nodesByDevice: Object.fromEntries(devices.map(({ name, nodeNum }) => [name, nodeNum])),
    acceleratedNodes: sum(accelerated.map(({ nodeNum }) => nodeNum)),
    nodes: sum(devices.map(({ nodeNum }) => nodeNum)),
    acceleratedSubgraphs: subgraphs ? sum(subgraphs.map(({ count }) => count)) : null,
  };
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
