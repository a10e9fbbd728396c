/** A step of a pattern: any run of characters, or one character that satisfies the predicate. */
type Step = "any run" | ((character: string) => boolean);

/**
 * Returns whether a text matches a pattern with `*`, `?`, `[a-z]`, `[^a-z]` and backslash escapes. An invalid pattern matches nothing.
 * The cost is at most the product of both lengths, since patterns come from untrusted files.
 */
export function globMatches(pattern: string, text: string): boolean {
  const steps = stepsOf(pattern);
  if (steps === undefined) return false;
  const characters = [...text];
  let [step, at, star, starAt] = [0, 0, -1, 0];
  while (at < characters.length) {
    const current = steps[step];
    if (current === "any run") {
      [star, starAt] = [step, at];
      step++;
    } else if (current?.(characters[at] ?? "")) {
      step++;
      at++;
    } else if (star >= 0) {
      // Backtracking to the last star is enough.
      step = star + 1;
      at = ++starAt;
    } else return false;
  }
  return steps.slice(step).every((rest) => rest === "any run");
}

function stepsOf(pattern: string): Step[] | undefined {
  const parts = pattern.match(/\*|\?|\[\^?(?:\\.|[^\]\\])+\]|\\.|[^*?[\\]/gsu) ?? [];
  // The remainder is an unclosed bracket or a trailing backslash.
  if (parts.join("") !== pattern) return undefined;
  const steps = parts.map((part): Step | undefined => {
    if (part === "*") return "any run";
    if (part === "?") return () => true;
    return part.startsWith("[") ? characterClass(part) : (character) => character === part.replace(/^\\/, "");
  });
  const valid = steps.filter((step) => step !== undefined);
  return valid.length === steps.length ? valid : undefined;
}

/** Compiles `[abc]`, `[a-z]` or `[^a-z]`; undefined for a descending range. */
function characterClass(part: string): Step | undefined {
  const isNegated = part.startsWith("[^");
  const items = [...part.slice(isNegated ? 2 : 1, -1).matchAll(/(\\.|[^\\])(?:-(\\.|[^\\]))?/gsu)];
  const ranges = items.map(([, from = "", to = from]) => ({ from: codePoint(from), to: codePoint(to) }));
  if (ranges.some(({ from, to }) => from > to)) return undefined;
  return (character) => {
    const code = codePoint(character);
    return ranges.some(({ from, to }) => from <= code && code <= to) !== isNegated;
  };
}

function codePoint(character: string): number {
  return character.replace(/^\\(?=.)/su, "").codePointAt(0) ?? 0;
}
