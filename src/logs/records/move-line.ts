const newline = 10;
const newlines = 0x0a0a0a0a;
/** Longer lines are moved as Node does it, which is faster then. */
const shortBytes = 512;
/** How far beyond a newline `moveLine` looks. */
const beyondBytes = 3;

/**
 * Moves what stands before the next newline to `to`, four bytes before it or more, and gives where that newline is. There must be
 * one before `movableEnd`. Up to three bytes after what was moved are written over, too.
 */
export function moveLine(bytes: Buffer, view: DataView, from: number, to: number): number {
  const far = from + shortBytes;
  const shift = to - from;
  let at = from;
  for (; at < far; at += 4) {
    const four = view.getInt32(at, true);
    view.setInt32(at + shift, four, true);
    // A byte of these is 0 where there is a newline; only below such a one does a subtraction borrow.
    const others = four ^ newlines;
    if (((others - 0x01010101) & ~others & 0x80808080) !== 0) return newlineIn(view, at);
  }
  const end = bytes.indexOf(newline, at);
  bytes.copyWithin(at + shift, at, end);
  return end;
}

/** The end of the lines that `moveLine` can move, of lines that end at `end`. */
export function movableEnd(bytes: Buffer, end: number): number {
  return bytes.lastIndexOf(newline, Math.max(0, end - 2 - beyondBytes)) + 1;
}

/** Where the newline is in four bytes that have one. */
function newlineIn(view: DataView, at: number): number {
  if (view.getUint8(at) === newline) return at;
  if (view.getUint8(at + 1) === newline) return at + 1;
  return view.getUint8(at + 2) === newline ? at + 2 : at + 3;
}
