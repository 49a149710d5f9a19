/** How the pool's benchmark prints: tables, and what is held to beside what was found. */

import type { Figures } from './pool-sampling.ts';

const NAME_WIDTH = 34;
const WIDTH = 12;

export function printTitle(title: string): void {
  console.log(`\n${title}`);
}

export function printRow(name: string, cells: readonly string[]): void {
  console.log(`  ${name.padEnd(NAME_WIDTH)}${cells.map((cell) => cell.padStart(WIDTH)).join('')}`);
}

export function printFiguresHead(unit: string): void {
  printRow(unit, ['mean', 'sd', 'median', 'p99']);
}

export function printFigures(name: string, figures: Figures, nsPerUnit = 1): void {
  const { mean, deviation, median, p99 } = figures;
  printRow(
    name,
    [mean, deviation, median, p99].map((ns) => rounded(ns / nsPerUnit)),
  );
}

/** Three digits that count, without exponents. */
export function rounded(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString('en', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/** Prints a target and whether it was met; a missed one makes the process fail. */
export function hold(what: string, found: string, isMet: boolean): void {
  console.log(`  ${isMet ? 'met   ' : 'MISSED'}  ${what}: ${found}`);
  if (!isMet) process.exitCode = 1;
}
