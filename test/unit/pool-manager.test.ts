/** All pools of a process: configured, planned, lent together, shut down. */

import { expect, onTestFinished, test } from 'vitest';
import {
  BufferManager,
  type ManagerConfig,
  planMemory,
  Slab,
} from '../../packages/pool/src/index.ts';
import { catchError } from '../support/pools.ts';

const DEADLINE_MS = 10_000;
const POOLS = {
  audio: { elementType: 'float32', shape: [480_000], initial: 1, max: 2 },
  mel: { elementType: 'float32', shape: [80, 3_000], initial: 1, max: 2 },
  tokens: { elementType: 'int32', shape: [448], initial: 0, max: 1, slab: 'small' },
} as const;

function open<const C extends ManagerConfig>(
  config: C,
  slabs?: Readonly<Record<string, Slab>>,
): BufferManager<C['pools']> {
  const manager = new BufferManager<C['pools']>(config, slabs);
  onTestFinished(() => manager[Symbol.dispose]());
  return manager;
}

test('opens several pools over their slabs, under their names', () => {
  const manager = open({ pools: POOLS });
  expect(manager.all.map(({ name }) => name)).toEqual(['audio', 'mel', 'tokens']);
  const [audio, mel, tokens] = ['audio', 'mel', 'tokens'] as const;
  using a = manager.pool(audio).acquire('me');
  using m = manager.pool(mel).acquire('me');
  using t = manager.pool(tokens).acquire('me');
  expect(a.view).toBeInstanceOf(Float32Array);
  expect(t.view).toBeInstanceOf(Int32Array);
  expect(a.view.buffer).toBe(manager.slab('main').buffer);
  expect(m.view.buffer).toBe(manager.slab('main').buffer);
  expect(t.view.buffer).toBe(manager.slab('small').buffer);
  expect(manager.stats()).toMatchObject([
    { name: 'audio', inUse: 1 },
    { name: 'mel', inUse: 1 },
    { name: 'tokens', inUse: 1, misses: 1 },
  ]);
});

test('says what it will take before anything is allocated, and takes no more', () => {
  const plan = planMemory({ pools: POOLS, extraBytes: { main: 1_000, model: 70_000 } });
  expect(plan.bytesInitial).toBe(1_921_024 + 962_560);
  const { main = 0, small = 0, model } = plan.slabs;
  expect(model).toBe(70_000);
  expect(main).toBeGreaterThanOrEqual(2 * (1_921_024 + 962_560) + 1_000);
  expect(small).toBeGreaterThanOrEqual(1_792);
  expect(plan.bytesMax).toBe(main + small + 70_000);
  const config = { pools: POOLS, extraBytes: { main: 1_000, model: 70_000 } };
  const manager = open({ ...config, maxBytes: plan.bytesMax });
  expect(manager.plan).toEqual(plan);
  expect(manager.slab('main').bytesTotal - manager.slab('main').bytesReserved).toBeGreaterThan(999);
  expect(catchError(() => planMemory({ ...config, maxBytes: plan.bytesMax - 1 }))).toMatchObject({
    code: 'invalid_option',
    message: expect.stringContaining('more than maxBytes'),
  });
});

test.each([
  [{ size: 3 }, /no option 'size'/],
  [{ pools: { mel: { ...POOLS.mel, size: 3 } } }, /no option 'size'/],
  [{ pools: { mel: { ...POOLS.mel, max: 0 } } }, /mel: max/],
  [{ maxBytes: Number.NaN }, /maxBytes/],
  [{ idleMs: 0 }, /idleMs/],
  [{ tickMs: -1 }, /tickMs/],
  [{ watchMs: 0 }, /watchMs/],
  [{ extraBytes: { main: -1 } }, /extraBytes.main/],
  [{ extraBytes: { main: 1.5 } }, /extraBytes.main/],
])('refuses the configuration %j', (wrong, reason) => {
  const config = { pools: POOLS, ...wrong } as unknown as ManagerConfig;
  for (const action of [() => planMemory(config), () => new BufferManager(config)]) {
    expect(catchError(action)).toMatchObject({
      code: 'invalid_option',
      message: expect.stringMatching(reason),
    });
  }
});

test('knows no other pool and no other slab', () => {
  const manager = open({ pools: POOLS });
  const unknown = expect.objectContaining({ code: 'unknown_pool' });
  expect(() => manager.pool('mal' as 'mel')).toThrow(unknown);
  expect(() => manager.slab('mane')).toThrow(unknown);
  expect(() => manager.acquireAll('me', ['mel', 'mal' as 'mel'])).toThrow(unknown);
  expect(manager.pool('mel').stats()).toMatchObject({ acquires: 1, inUse: 0 });
});

test('lends slots of several pools together, and ends them together', () => {
  const manager = open({ pools: POOLS });
  {
    using leases = manager.acquireAll('job', ['audio', 'tokens']);
    expect(leases.audio.view.length).toBe(480_000);
    expect(leases.tokens.owner).toBe('job');
    expect(manager.stats().map(({ inUse }) => inUse)).toEqual([1, 0, 1]);
  }
  expect(manager.stats().map(({ inUse }) => inUse)).toEqual([0, 0, 0]);
});

test('lends none when one of them is exhausted', () => {
  const manager = open({ pools: POOLS });
  manager.pool('tokens').acquire('holder');
  const error = catchError(() => manager.acquireAll('job', ['audio', 'mel', 'tokens']));
  expect(error).toMatchObject({ code: 'exhausted', pool: 'tokens' });
  expect(manager.stats().map(({ inUse }) => inUse)).toEqual([0, 0, 1]);
});

test('ends the others when one was released before, and says so', () => {
  const manager = open({ pools: POOLS });
  const leases = manager.acquireAll('job', ['audio', 'mel', 'tokens']);
  leases.audio.release();
  expect(catchError(() => leases[Symbol.dispose]())).toMatchObject({ code: 'already_released' });
  expect(manager.stats().map(({ inUse }) => inUse)).toEqual([0, 0, 0]);
});

test('is the only one over a slab', () => {
  const slab = Slab.allocate(20_000_000);
  open({ pools: { mel: POOLS.mel } }, { main: slab });
  expect(catchError(() => open({ pools: { mel: POOLS.mel } }, { main: slab }))).toMatchObject({
    code: 'invalid_option',
    message: 'another manager has this slab',
  });
  const sameMemory = new Slab(slab.buffer);
  expect(catchError(() => sameMemory.claim())).toMatchObject({ code: 'invalid_option' });
});

test('lends to many jobs at once from several pools', async () => {
  const manager = open({ pools: POOLS });
  const job = async (owner: string): Promise<void> => {
    using audio = await manager.pool('audio').acquireAsync(owner);
    using mel = await manager.pool('mel').acquireAsync(owner);
    audio.view[0] = mel.slot;
    await null;
  };
  await Promise.all(Array.from({ length: 50 }, (_, i) => job(`job ${i}`)));
  expect(manager.stats()).toMatchObject([
    { acquires: 50, releases: 50, highWaterMark: 2, exhaustions: 0 },
    { acquires: 50, releases: 50, inUse: 0, exhaustions: 0 },
    { acquires: 0 },
  ]);
});

test('waits for leases at its shutdown, then reports and frees', async () => {
  const manager = open({ pools: POOLS });
  const mel = manager.pool('mel');
  const lease = mel.acquire('slow');
  const end = manager.shutdown({ deadlineMs: DEADLINE_MS });
  expect(catchError(() => manager.pool('mel'))).toMatchObject({ code: 'shut_down' });
  expect(catchError(() => manager.acquireAll('late', ['mel']))).toMatchObject({
    code: 'shut_down',
  });
  lease.release();
  const { stats, leaks } = await end;
  expect(leaks).toEqual([]);
  expect(stats).toMatchObject([{}, { name: 'mel', acquires: 1, releases: 1, inUse: 0 }, {}]);
  expect(manager.stats().map(({ allocations }) => allocations)).toEqual([0, 0, 0]);
});

test('names at its shutdown what was not released in time, and rejects who waits', async () => {
  const manager = open({ pools: POOLS });
  const tokens = manager.pool('tokens');
  const lease = tokens.acquire('lost');
  const waiter = tokens.acquireAsync('waiter');
  const rejected = expect(waiter).rejects.toMatchObject({ code: 'shut_down' });
  const { stats, leaks } = await manager.shutdown({ deadlineMs: 20 });
  await rejected;
  expect(leaks).toEqual([{ pool: 'tokens', slot: 0, holder: 'lost' }]);
  expect(stats[2]).toMatchObject({ name: 'tokens', inUse: 1, allocations: 1 });
  lease.release();
  expect(tokens.stats()).toMatchObject({ inUse: 0, allocations: 0 });
});

test('gives back what is idle, when it is told to', async () => {
  const pools = { mel: { ...POOLS.mel, max: 4 } };
  const keeping = open({ pools, watchMs: 1, tickMs: 1 });
  const giving = open({ pools, watchMs: 1, tickMs: 1, idleMs: 10 });
  for (const manager of [keeping, giving]) {
    const leases = Array.from({ length: 4 }, () => manager.pool('mel').acquire('me'));
    for (const lease of leases) lease.release();
    expect(manager.pool('mel').stats().allocations).toBe(4);
  }
  const endsAtMs = performance.now() + DEADLINE_MS;
  while (giving.pool('mel').stats().allocations > 1 && performance.now() < endsAtMs) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  expect(giving.pool('mel').stats().allocations).toBe(1);
  expect(keeping.pool('mel').stats().allocations).toBe(4);
});

test('holds the original three pools in sizes that follow from their shapes', () => {
  const spec = (shape: readonly number[], initial: number, max: number) =>
    ({ elementType: 'float32', shape, initial, max }) as const;
  const manager = open({
    pools: {
      mel: spec([128, 3_000], 10, 20),
      audio: spec([480_000], 5, 15),
      encoder_output: spec([1_500, 512], 5, 15),
    },
  });
  expect(manager.all.map(({ slotBytes }) => slotBytes)).toEqual([1_536_000, 1_920_000, 3_072_000]);
  expect(manager.stats().map(({ allocations }) => allocations)).toEqual([10, 5, 5]);
});
