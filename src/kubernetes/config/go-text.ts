// Texts that other programs compare byte by byte, as Go's standard library writes them.

/** Returns JSON as Go's encoding/json writes it: without spaces, and with `<`, `>`, `&` and line separators escaped. */
export function goJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

const shortEscapes: Readonly<Record<string, string>> = {
  "\x07": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
  '"': '\\"',
  "\\": "\\\\",
};
/** What Go's `%q` prints as it is. */
const printable = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;

/** Returns a text in double quotes as Go's `%q` writes it. */
export function goQuote(text: string): string {
  const escaped = Array.from(text, (char) => {
    const short = shortEscapes[char];
    if (short !== undefined) return short;
    if (printable.test(char)) return char;
    const code = char.codePointAt(0) ?? 0;
    if (code < 0x80) return `\\x${code.toString(16).padStart(2, "0")}`;
    if (code >= 0xd800 && code < 0xe000) return "\\ufffd";
    return code < 0x10000
      ? `\\u${code.toString(16).padStart(4, "0")}`
      : `\\U${code.toString(16).padStart(8, "0")}`;
  });
  return `"${escaped.join("")}"`;
}
