/**
 * Returns the value of a variable in a file of lines `NAME='value'`; undefined when the file does not define it. Values are literal
 * and may have several lines; lines that are empty or begin with `#`, and comments after a value, are skipped. The first definition counts.
 *
 * @param failWith creates the error to throw for a line of another form: `line 3 has no "="`
 */
export function readEnvFile(
  text: string,
  name: string,
  failWith: (why: string) => Error,
): string | undefined {
  const lines = text.split(/\r?\n/);
  for (let index = 0; index < lines.length; index++) {
    const number = index + 1;
    const fail = (why: string) => failWith(`line ${number} ${why}`);
    const line = (lines[index] ?? "").replace(/^[ \t]+/, "");
    if (line === "" || line.startsWith("#")) continue;
    const equals = line.indexOf("=");
    if (equals < 0) throw fail('has no "="');
    const variable = line.slice(0, equals);
    if (variable === "") throw fail("has no name before =");
    if (/[ \t]$/.test(variable)) throw fail("has a space before =");
    let rest = line.slice(equals + 1);
    // As in a shell, a space after the `=` ends the value.
    if (/^[ \t]/.test(rest)) {
      if (variable === name) return "";
      continue;
    }
    if (!rest.startsWith("'")) throw fail("has a value that is not in single quotes");
    rest = rest.slice(1);
    const parts: string[] = [];
    for (; !rest.includes("'"); rest = lines[++index] ?? "") {
      if (index + 1 >= lines.length) throw fail("has a single quote without an end");
      parts.push(rest);
    }
    const [last = "", ...after] = rest.split("'");
    if (!/^[ \t]*(?:#.*)?$/.test(after.join("'"))) throw fail("has text after the closing quote");
    if (variable === name) return [...parts, last].join("\n");
  }
  return undefined;
}
