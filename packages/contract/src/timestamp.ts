/** Times of subtitles. */

/** Seconds → `HH:MM:SS.mmm`, the separator before the milliseconds as the format wants it. */
export function formatTimestamp(seconds: number, decimalMark: ',' | '.'): string {
  const totalMs = Math.round(seconds * 1000);
  const ms = totalMs % 1000;
  const totalSeconds = (totalMs - ms) / 1000;
  const [h, m, s] = [
    Math.floor(totalSeconds / 3600),
    Math.floor(totalSeconds / 60) % 60,
    totalSeconds % 60,
  ];
  return `${two(h)}:${two(m)}:${two(s)}${decimalMark}${String(ms).padStart(3, '0')}`;
}

const two = (value: number): string => String(value).padStart(2, '0');
