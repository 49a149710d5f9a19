/** Parts of the pool that its package does not export, for what they cost alone. */

const DIST = new URL('../../packages/pool/dist/', import.meta.url);

type FreeListModule = typeof import('../packages/pool/src/free-list.ts');
type LeaseModule = typeof import('../packages/pool/src/lease.ts');

/** A free list like a pool's own, full. */
export async function createFreeList(max: number) {
  const { FreeList } = (await import(new URL('free-list.js', DIST).href)) as FreeListModule;
  const words = new Int32Array(new SharedArrayBuffer(FreeList.words(max) * 4));
  const list = new FreeList(words, max);
  for (let slot = max - 1; slot >= 0; slot--) list.push(slot);
  return list;
}

/** Makes leases as a pool does, of nothing. */
export async function createLease(view: Float32Array<SharedArrayBuffer>) {
  const { SlotLease } = (await import(new URL('lease.js', DIST).href)) as LeaseModule;
  const lessor = { name: 'none', isLeased: () => true, giveBack: () => true };
  return () => new SlotLease<'float32'>(lessor, 0, 1, view, 'bench');
}
