/** A service whose requests take the three buffers of a window, and wait for what is not ours. */

import { setTimeout as sleep } from 'node:timers/promises';
import { BufferManager } from '@amanuensis/pool';
import { printFigures, printFiguresHead, printTitle, rounded } from './pool-printing.ts';
import { figuresOf } from './pool-sampling.ts';
import { WINDOW_POOLS, type WindowPool } from './pool-window-pools.ts';

const REQUESTS = 600;
const WARM_UP_REQUESTS = 60;
const CONCURRENCY = 15;
/** Of a request that is not buffers: what the original's requests took at best. */
const REST_MS = 60;
const NS_PER_MS = 1e6;
const MS_PER_S = 1_000;
const ELEMENTS_PER_PAGE = 1_024;
const NAMES = Object.keys(WINDOW_POOLS) as WindowPool[];

export async function benchService(): Promise<void> {
  printTitle(
    `5. Service: ${REQUESTS} requests, ${CONCURRENCY} at once, ${REST_MS} ms each beside the buffers`,
  );
  console.log('  the original: 64 ms a request before, 60 to 62 after; 733 requests a second');
  printFiguresHead('ms a request');
  using manager = new BufferManager({ pools: WINDOW_POOLS });
  const pooled = async (): Promise<void> => {
    using leases = manager.acquireAll('request', NAMES);
    for (const name of NAMES) touch(leases[name].view);
    await sleep(REST_MS);
  };
  const allocating = async (): Promise<void> => {
    const views = NAMES.map((name) => new Float32Array(elementsOf(WINDOW_POOLS[name].shape)));
    for (const view of views) touch(view);
    await sleep(REST_MS);
  };
  for (const request of [pooled, allocating]) await serve(WARM_UP_REQUESTS, request);
  const withPools = await serve(REQUESTS, pooled);
  const without = await serve(REQUESTS, allocating);
  printFigures('with pools', withPools.latency, NS_PER_MS);
  printFigures('without pools', without.latency, NS_PER_MS);
  console.log(
    `  requests a second: ${rounded(withPools.perSecond)} with pools, ${rounded(without.perSecond)} without (at most ${(CONCURRENCY * MS_PER_S) / REST_MS})`,
  );
}

async function serve(requests: number, request: () => Promise<void>) {
  const latenciesNs: number[] = [];
  let left = requests;
  const startMs = performance.now();
  const client = async (): Promise<void> => {
    while (left-- > 0) {
      const requestedAtMs = performance.now();
      await request();
      latenciesNs.push((performance.now() - requestedAtMs) * NS_PER_MS);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, client));
  const perSecond = (requests * MS_PER_S) / (performance.now() - startMs);
  return { latency: figuresOf(latenciesNs), perSecond };
}

function touch(view: Float32Array): void {
  for (let at = 0; at < view.length; at += ELEMENTS_PER_PAGE) view[at] = 1;
}

function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
