/** All pools of a process: configured, planned, lent together. */

import { expect, test } from 'vitest';
import { BufferManager, type ManagerConfig, planMemory } from '../../packages/pool/src/index.ts';
import { openManager as open, MANAGED_POOLS as POOLS } from '../support/pool-managers.ts';
import { catchError } from '../support/pools.ts';

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
  expect(planMemory({ pools: POOLS, extraBytes: { main: 0 } })).toEqual(
    planMemory({ pools: POOLS }),
  );
  const plan = planMemory({ pools: POOLS, extraBytes: { main: 1_000, model: 70_000 } });
  expect(plan.bytesInitial).toBe(1_921_024 + 962_560);
  const { main = 0, small = 0, model } = plan.slabs;
  expect(model).toBe(131_072);
  expect(main).toBeGreaterThanOrEqual(2 * (1_921_024 + 962_560) + 1_000);
  expect(small).toBeGreaterThanOrEqual(1_792);
  expect(plan.bytesMax).toBe(main + small + 131_072);
  const config = { pools: POOLS, extraBytes: { main: 1_000, model: 70_000 } };
  const manager = open({ ...config, maxBytes: plan.bytesMax });
  expect(manager.plan).toEqual(plan);
  const allocated = Object.values(manager.slabs).map(({ bytesTotal }) => bytesTotal);
  expect(allocated).toEqual(Object.values(plan.slabs));
  expect(allocated.reduce((sum, bytes) => sum + bytes)).toBe(plan.bytesMax);
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
  [{ pools: { mel: { ...POOLS.mel, now: 3 } } }, /mel: now is the manager's/],
  [{ pools: { mel: { ...POOLS.mel, onLeak: 3 } } }, /mel: onLeak is the manager's/],
  [{ pools: { mel: { ...POOLS.mel, onRelease: 'burn' } } }, /mel: onRelease/],
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
  expect(() => manager.slab('toString')).toThrow(unknown);
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
