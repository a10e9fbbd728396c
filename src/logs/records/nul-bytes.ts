// Runs of NUL bytes in the memory of a log.
/** What a file contains where nothing was written: blocks that a crash lost, or a hole below a writer whose file was truncated. */
export const nul = 0;

/** Returns where a byte is next, from `from` on; the length for nowhere. */
export function indexOrEnd(bytes: Buffer, byte: number, from: number): number {
  const at = bytes.indexOf(byte, from);
  return at < 0 ? bytes.length : at;
}

/** Returns where the run of NUL bytes at `at` ends. */
export function endOfRun(bytes: Buffer, at: number): number {
  let end = at;
  while (bytes[end] === nul) end++;
  return end;
}

/** Returns where the NUL bytes before `end` begin, but not less than `from`. */
export function endWithoutNuls(bytes: Buffer, end: number, from: number): number {
  let at = end;
  while (at > from && bytes[at - 1] === nul) at--;
  return at;
}

/** Returns a copy with a newline at its end. */
export function withNewline(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.of(10)]);
}
