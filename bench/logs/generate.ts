import { closeSync, openSync, writeSync } from "node:fs";

const filler = "the quick brown fox jumps over the lazy dog 0123456789 abcdefghijklmnopqrstuvwxyz ABCDEFGH";

/** Writes a CRI log of `bytes` bytes: 118 bytes per record on average, 10 % on stderr, 2 % partial. */
export function generateLog(path: string, bytes: number): void {
  const file = openSync(path, "w");
  let written = 0;
  for (let number = 0, block = ""; written < bytes; block = "") {
    for (const last = number + 5_000; number < last; number++) block += lineOf(number);
    written += writeSync(file, block);
  }
  closeSync(file);
}

function lineOf(number: number): string {
  // 17,000 lines per second.
  const nanos = number * 58_700;
  const second = new Date(1_764_000_000_000 + Math.floor(nanos / 1e9) * 1_000).toISOString().slice(0, 19);
  const fraction = String(nanos % 1e9).padStart(9, "0");
  const stream = number % 10 === 0 ? "stderr" : "stdout";
  const tag = number % 50 === 49 ? "P" : "F";
  return `${second}.${fraction}Z ${stream} ${tag} ${number} ${filler.slice(0, 54 + (number % 31))}\n`;
}
