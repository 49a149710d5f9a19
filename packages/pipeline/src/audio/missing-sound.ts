/** After the last sample: whether that was all of the recording, and what of it is missing. */

import type { Warning } from '@amanuensis/contract';
import type { ChildExit } from './confined-child.ts';
import { leadingSilenceSeconds } from './decoder-args.ts';
import type { DecoderLog } from './decoder-log.ts';
import { lastWords } from './last-words.ts';
import type { Probe } from './probe.ts';

/** Encoders fill their last block, and their delay is part of what some formats declare. */
const SHORTFALL_SECONDS = 0.6;
/** Gaps that are shorter are no gaps: so exact are the times in files. */
const GAP_SECONDS = 0.1;

export interface Decoding {
  readonly path: string;
  readonly found: Probe;
  readonly log: DecoderLog;
  readonly exit: ChildExit;
  /** Of what was decoded. */
  readonly durationSeconds: number;
}

/** What a user should know about a recording that was decoded to its end, or as far as it went. */
export function missingSound({ path, found, log, exit, durationSeconds }: Decoding): Warning[] {
  const warnings: Warning[] = [];
  const warn = (code: string, message: string): void => void warnings.push({ code, message });
  const words = lastWords(log.errors, path);
  const reason = words === '' ? '' : ` (${words})`;
  const declared = found.isEstimated ? null : found.durationSeconds;
  if (exit.code !== 0) {
    const how = words || exit.signal || `the decoder ended with code ${exit.code}`;
    warn('truncated_audio', `The recording was decoded up to an error: ${how}.`);
  } else if (declared !== null && declared - durationSeconds > SHORTFALL_SECONDS) {
    const [wished, decoded] = [declared.toFixed(1), durationSeconds.toFixed(1)];
    const message = `declares ${wished} s, but only ${decoded} s of it could be decoded`;
    warn('truncated_audio', `The recording ${message}${reason}.`);
  } else if (found.isCutOff) {
    warn('truncated_audio', `The recording has no proper end: its last part may be missing.`);
  } else if (log.errors !== '') {
    warn('damaged_audio', `Parts of the recording could not be decoded${reason}.`);
  }
  const gapSeconds = log.silenceSamples / found.sampleRateHz - leadingSilenceSeconds(found);
  if (gapSeconds > GAP_SECONDS) {
    const message = `${gapSeconds.toFixed(1)} s of sound are missing within the recording`;
    warn('missing_audio', `${message}; silence stands in their place.`);
  }
  if (found.nTracks > 1) {
    const message = `The recording holds ${found.nTracks} audio tracks; only the first was read.`;
    warn('further_tracks', message);
  }
  return warnings;
}
