/** The word of a list that was probably meant by another one; undefined when none is close. */
export function nearest(word: string, words: readonly string[]): string | undefined {
  const bare = plain(word);
  const [best] = words
    .map((candidate) => ({ candidate, far: distance(bare, plain(candidate)) }))
    // Two slips, or one in a short word.
    .filter(({ candidate, far }) => far <= (Math.min(bare.length, candidate.length) < 5 ? 1 : 2))
    .sort((one, other) => one.far - other.far);
  return best?.candidate;
}

/** `size_bytes`, `SizeBytes` and `sizeBytes` are one word in three spellings. */
function plain(word: string): string {
  return word.toLowerCase().replace(/[-_]/g, "");
}

/** How many letters have to be put in, taken out or replaced (Levenshtein). */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (const [index, letter] of [...from].entries()) {
    const next = [index + 1];
    for (let column = 1; column <= to.length; column++) {
      const replaced = (row[column - 1] ?? 0) + (letter === to[column - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
