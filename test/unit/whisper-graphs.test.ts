/** What the graphs of a model are made of; `test/integration` holds what they compute. */

import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { writeWeights } from '../../bench/whisper-weights.ts';
import { alignmentHeads } from '../../packages/pipeline/src/alignment/alignment-heads.ts';
import { decodeModel, readExternalTensors } from '../../packages/pipeline/src/model/onnx-schema.ts';
import {
  readDimensions,
  readGenerationConfig,
} from '../../packages/pipeline/src/model/whisper-config.ts';
import {
  cachedGraphs,
  GRAPH_NAMES,
  GRAPH_VERSION,
  type WhisperShape,
  writtenGraphs,
} from '../../packages/pipeline/src/model/whisper-graphs.ts';
import { LARGE_MODELS } from '../support/large-models.ts';
import { DEMO_MODEL } from '../support/paths.ts';

const END_OF_TEXT = 1000;
const GIB = 2 ** 30;
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'amanuensis-graphs-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function demoShape(): Promise<WhisperShape> {
  const dimensions = await readDimensions(DEMO_MODEL);
  const { alignment_heads } = await readGenerationConfig(DEMO_MODEL);
  const heads = alignmentHeads(alignment_heads, dimensions);
  return { dimensions, alignmentHeads: heads, endOfText: END_OF_TEXT };
}

const cached = async (precision: 'float32' | 'int8') =>
  cachedGraphs(DEMO_MODEL, await demoShape(), {
    cacheFolder: folder,
    fingerprint: 'demo',
    precision,
  });

test.each(['written', 'cached'])(
  'the %s encoder in float32 is opset 17, standard operators and static shapes',
  async (kind) => {
    const read = await (kind === 'written'
      ? writtenGraphs(DEMO_MODEL, await demoShape())
      : cached('float32'));
    const { opset_import, graph } = decodeModel((await read('encoder')).bytes);
    expect(opset_import).toEqual([{ domain: '', version: 17 }]);
    expect(graph?.node.filter(({ domain }) => domain !== '')).toEqual([]);
    const values = [...(graph?.input ?? []), ...(graph?.output ?? [])];
    expect(values.map(({ name }) => name)).toEqual(['mel', 'hidden_states']);
    for (const { type } of values) {
      for (const { dim_value } of type.tensor_type.shape.dim) expect(dim_value).toBeGreaterThan(0);
    }
  },
);

/** Raise GRAPH_VERSION with every change of these: caches would go on with what they have. */
test('graphs and converted weights are those of GRAPH_VERSION', async () => {
  const hashes: Record<string, string> = {};
  for (const precision of ['float32', 'int8'] as const) {
    const hash = createHash('sha256');
    const read = await cached(precision);
    for (const name of GRAPH_NAMES) hash.update((await read(name)).bytes);
    const { weightsFolder } = await read('encoder');
    hash.update(readFileSync(join(weightsFolder, 'model.safetensors')));
    hashes[precision] = hash.digest('hex').slice(0, 16);
  }
  expect({ version: GRAPH_VERSION, ...hashes }).toEqual({
    version: 1,
    float32: 'a0c9ffd39c218019',
    int8: 'ad4ed7f56a82de31',
  });
});

describe.each(Object.entries(LARGE_MODELS))('%s', (_, dimensions) => {
  test('has small graphs, whose weights lie anywhere in its file', async () => {
    const fileBytes = await writeWeights(join(folder, 'model.safetensors'), dimensions);
    const heads = alignmentHeads(null, dimensions);
    const shape = { dimensions, alignmentHeads: heads, endOfText: END_OF_TEXT };
    const read = await writtenGraphs(folder, shape);
    let end = 0;
    for (const name of GRAPH_NAMES) {
      const { bytes } = await read(name);
      expect(bytes.length).toBeLessThan(dimensions.decoderLayers > 8 ? 700_000 : 250_000);
      for (const { offset, length, shape: sizes } of readExternalTensors(bytes)) {
        expect(length).toBe(2 * sizes.reduce((product, size) => product * size, 1));
        end = Math.max(end, offset + length);
      }
    }
    expect(end).toBe(fileBytes);
    if (dimensions.decoderLayers > 8) expect(end).toBeGreaterThan(2 * GIB);
  });
});
