/** Times of subtitles, to the millisecond. */

/** Seconds → `HH:MM:SS,mmm`. */
export function srtTimestamp(seconds: number): string {
  const { hours, rest, ms } = split(seconds);
  return `${hours}:${rest},${ms}`;
}

/** Seconds → `MM:SS.mmm`, from one hour on `HH:MM:SS.mmm`. */
export function vttTimestamp(seconds: number): string {
  const { hours, rest, ms } = split(seconds);
  return hours === '00' ? `${rest}.${ms}` : `${hours}:${rest}.${ms}`;
}

export function toMilliseconds(seconds: number): number {
  return Math.round(seconds * 1000);
}

function split(seconds: number): { hours: string; rest: string; ms: string } {
  const totalMs = toMilliseconds(seconds);
  const totalSeconds = Math.floor(totalMs / 1000);
  const minutes = Math.floor(totalSeconds / 60) % 60;
  return {
    hours: digits(2, Math.floor(totalSeconds / 3600)),
    rest: `${digits(2, minutes)}:${digits(2, totalSeconds % 60)}`,
    ms: digits(3, totalMs % 1000),
  };
}

const digits = (count: number, value: number): string => String(value).padStart(count, '0');
