// The sizes of terminals, and the keys that the engine must not act on.

/** The size of a terminal, in characters. */
export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/**
 * The engine ends the session of a terminal when these keys are typed, which cannot be switched off. The default, ^P ^Q, is what shells
 * and editors use. Its first key is held back until the next one; ^@ sets a mark in the few programs that know it, which does not show.
 */
export const detachKeys = "ctrl-@,ctrl-^,ctrl-@,ctrl-_,ctrl-@,ctrl-]";

/** Calls back with each size of a client's terminal, one after the other, until the session ends. */
export async function followSizes(
  sizes: AsyncIterable<Size>,
  resize: (size: Size) => Promise<void>,
): Promise<void> {
  for await (const size of sizes) await resize(size);
}
