import type { Fence } from "./pages.js";

/** A sample as a program, and its expected output. */
export interface PromisingProgram {
  /** With the line numbers of the page. */
  readonly code: string;
  readonly promised: readonly string[];
}

/**
 * Reads the comments `// => text` of a sample. After `console.log(…)`, and on a line of its own, the text is a line of the
 * expected output. After another expression it is the value as `console.log` prints it on one line; the expression is
 * then wrapped in such a call. Throws if a statement has no value.
 */
export function programOf({ page, line: begin, text }: Fence): PromisingProgram {
  const promised: string[] = [];
  const lines = text.split("\n").map((line, index) => {
    const [, indent = "", statement, wanted] = /^(\s*)(.*?)\s*\/\/ =>(?: (.*))?$/.exec(line) ?? [];
    if (statement === undefined) return line;
    promised.push((wanted ?? "").trimEnd());
    if (statement === "" || statement.includes("console.log(")) return line;
    if (!statement.endsWith(";") || noExpression.test(statement))
      throw new Error(`${page}:${begin + index}: "// =>" follows a statement without a value`);
    return `${indent}console.log(${statement.slice(0, -1)});`;
  });
  return { code: `${"\n".repeat(begin - 1)}${lines.join("\n")}`, promised };
}

const noExpression =
  /^(?:const|let|var|(?:await )?using|return|throw|if|for|while|do|try|import|export|[})\]])\b|^[})\]]/;

/** Compares output with the expected lines, in which `…` matches anything. Returns undefined if they match. */
export function brokenPromise(promised: readonly string[], stdout: string): string | undefined {
  if (promised.length === 0) return undefined;
  const printed = stdout.trimEnd().split("\n");
  const kept =
    promised.length === printed.length && promised.every((wanted, at) => fits(wanted, printed[at]));
  return kept ? undefined : `it should print\n${promised.join("\n")}\nbut prints\n${printed.join("\n")}`;
}

function fits(wanted: string, got = ""): boolean {
  return new RegExp(`^${wanted.split("…").map(escaped).join(".*")}$`, "u").test(got.trimEnd());
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}
