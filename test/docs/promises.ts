import type { Fence } from "./pages.js";

/** A sample as a program, and what it promises to print. */
export interface PromisingProgram {
  /** Each line of the sample is where it is on the page. */
  readonly code: string;
  readonly promised: readonly string[];
}

/**
 * Reads the comments `// => text` of a sample. After `console.log(…)`, and on a line of its own, the text is what is
 * printed. After any other expression it is the expression's value as `console.log` would print it, on one line; here
 * the expression becomes such a call. Throws where there is no value to print.
 */
export function programOf({ page, line: begin, text }: Fence): PromisingProgram {
  const promised: string[] = [];
  const lines = text.split("\n").map((line, index) => {
    const [, indent = "", statement, wanted] = /^(\s*)(.*?)\s*\/\/ =>(?: (.*))?$/.exec(line) ?? [];
    if (statement === undefined) return line;
    promised.push((wanted ?? "").trimEnd());
    if (statement === "" || statement.includes("console.log(")) return line;
    if (!statement.endsWith(";") || noExpression.test(statement))
      throw new Error(`${page}:${begin + index}: "// =>" follows something that has no value`);
    return `${indent}console.log(${statement.slice(0, -1)});`;
  });
  return { code: `${"\n".repeat(begin - 1)}${lines.join("\n")}`, promised };
}

const noExpression =
  /^(?:const|let|var|(?:await )?using|return|throw|if|for|while|do|try|import|export|[})\]])\b|^[})\]]/;

/** What is wrong with the lines that were printed; undefined where they are as promised. `…` stands for anything. */
export function brokenPromise(promised: readonly string[], stdout: string): string | undefined {
  if (promised.length === 0) return undefined;
  const printed = stdout.trimEnd().split("\n");
  const kept =
    promised.length === printed.length && promised.every((wanted, at) => fits(wanted, printed[at]));
  return kept ? undefined : `it promises\n${promised.join("\n")}\nand prints\n${printed.join("\n")}`;
}

function fits(wanted: string, got = ""): boolean {
  return new RegExp(`^${wanted.split("…").map(escaped).join(".*")}$`, "u").test(got.trimEnd());
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}
