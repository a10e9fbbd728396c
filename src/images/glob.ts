/** One step of a pattern: any run of characters, or one that passes. */
type Step = "any run" | ((character: string) => boolean);

/**
 * Whether a text fits a pattern of `*`, `?`, `[a-z]`, `[^a-z]` and a backslash before a character that means itself. A
 * pattern that is broken fits nothing. The time grows with the product of both lengths at most: patterns come from strangers.
 */
export function globMatches(pattern: string, text: string): boolean {
  const steps = stepsOf(pattern);
  if (steps === undefined) return false;
  const characters = [...text];
  let [step, at, star, starAt] = [0, 0, -1, 0];
  while (at < characters.length) {
    const here = steps[step];
    if (here === "any run") {
      [star, starAt] = [step, at];
      step++;
    } else if (here?.(characters[at] ?? "")) {
      step++;
      at++;
    } else if (star >= 0) {
      // The last star takes one more; an earlier one never has to.
      step = star + 1;
      at = ++starAt;
    } else return false;
  }
  return steps.slice(step).every((rest) => rest === "any run");
}

function stepsOf(pattern: string): Step[] | undefined {
  const parts = pattern.match(/\*|\?|\[\^?(?:\\.|[^\]\\])+\]|\\.|[^*?[\\]/gsu) ?? [];
  // What is left over is a bracket without its end, or a backslash with nothing behind it.
  if (parts.join("") !== pattern) return undefined;
  const steps = parts.map((part): Step | undefined => {
    if (part === "*") return "any run";
    if (part === "?") return () => true;
    return part.startsWith("[") ? oneOf(part) : (character) => character === part.replace(/^\\/, "");
  });
  const good = steps.filter((step) => step !== undefined);
  return good.length === steps.length ? good : undefined;
}

/** `[abc]`, `[a-z]`, `[^a-z]`; undefined for a range that runs backwards. */
function oneOf(part: string): Step | undefined {
  const negated = part.startsWith("[^");
  const items = [...part.slice(negated ? 2 : 1, -1).matchAll(/(\\.|[^\\])(?:-(\\.|[^\\]))?/gsu)];
  const ranges = items.map(([, from = "", to = from]) => ({ from: codePoint(from), to: codePoint(to) }));
  if (ranges.some(({ from, to }) => from > to)) return undefined;
  return (character) => {
    const code = codePoint(character);
    return ranges.some(({ from, to }) => from <= code && code <= to) !== negated;
  };
}

function codePoint(character: string): number {
  return character.replace(/^\\(?=.)/su, "").codePointAt(0) ?? 0;
}
