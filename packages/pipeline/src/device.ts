/** What a device lends to each of its jobs. */

import type { WhisperModel } from './model/load-whisper.ts';
import type { VoiceActivityModel } from './voice-activity/voice-activity-detector.ts';
import type { WindowPools } from './window-pools.ts';

export interface Device {
  readonly model: WhisperModel;
  readonly pools: WindowPools;
  readonly voiceActivity: VoiceActivityModel;
}
