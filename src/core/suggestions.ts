/**
 * Returns the candidate that a mistyped word most likely means: the one with the smallest edit distance (insert, delete, replace, swap
 * two neighbours), ignoring case. Up to a third of the letters may differ, and always two. Undefined when no candidate is that close.
 */
export function closestMatch(word: string, candidates: Iterable<string>): string | undefined {
  // Skips long words: the cost is quadratic.
  if (word.length > 64) return undefined;
  let best: string | undefined;
  let least = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - word.length) >= least) continue;
    const edits = editDistance(word.toLowerCase(), candidate.toLowerCase());
    // With as many edits as letters, every word would match every other.
    if (edits >= least || edits >= Math.max(word.length, candidate.length)) continue;
    best = candidate;
    least = edits;
  }
  return best;
}

/** Returns the edit distance of two words: insert, delete or replace a letter, or swap two neighbours. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let edits = Math.min(at(above, j) + 1, at(row, j - 1) + 1, at(above, j - 1) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        edits = Math.min(edits, at(before, j - 2) + 1);
      row.push(edits);
    }
    before = above;
    above = row;
  }
  return at(above, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY;
}
