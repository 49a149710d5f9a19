/** Sizes as people read them. */

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** Three digits and a decimal unit: `290 MB`, `3.09 GB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}
