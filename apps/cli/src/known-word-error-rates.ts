/** How well the demonstration model understands the samples: `models/demo/README.md` says the same. */

const KNOWN_RATES: Readonly<Record<string, number>> = {
  'standup.wav': 0,
  'voicemail.wav': 0,
  'dictation.mp3': 0.026,
  'call.wav': 0.105,
};
/** Worse than known by more than this is a fault of ours: in the shortest sample, two words. */
const MARGIN = 0.05;

/** False for recordings of which nothing is known. */
export function isWorseThanKnown(name: string, rate: number): boolean {
  const known = KNOWN_RATES[name];
  return known !== undefined && rate > known + MARGIN;
}
