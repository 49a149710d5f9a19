/** What the windows of a job are worked on with, one for each that is worked on at once. */

import type { TranscriptionOptions } from '@amanuensis/contract';
import { decodingRules } from './decoding/decoding-rules.ts';
import type { Device } from './device.ts';
import type { JobSlots } from './job-slots.ts';
import type { WindowContext } from './transcribe-window.ts';

/**
 * Side by side, each window has the lanes that its beam takes; in order, one window has all of the
 * job's. Slots and lanes are taken when they are first asked for.
 */
export function windowContexts(
  { model, pools }: Device,
  slots: JobSlots,
  options: TranscriptionOptions,
): readonly [WindowContext, ...WindowContext[]] {
  const rules = decodingRules(model, options);
  const { lanesPerJob } = slots;
  const maxLanes = options.mode === 'batched' ? options.beam_size : lanesPerJob;
  const contextOf = (index: number): WindowContext => ({
    model,
    pools,
    options,
    rules,
    get slots() {
      return slots.window(index);
    },
    lanes: { maxLanes, lane: (lane) => slots.lane(index * maxLanes + lane) },
  });
  const nMore = Math.floor(lanesPerJob / maxLanes) - 1;
  return [contextOf(0), ...Array.from({ length: nMore }, (_, index) => contextOf(index + 1))];
}
