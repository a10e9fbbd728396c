import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { checkout } from "../checkout.js";

export const root = checkout;

/** All pages, as paths in the checkout. */
export const pages: readonly string[] = [
  "README.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  "SECURITY.md",
  ...readdirSync(join(root, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

export function readPage(page: string): string {
  return readFileSync(join(root, page), "utf8");
}

/** A fenced code block of a page. */
export interface Fence {
  readonly page: string;
  /** The number of its first line on the page. */
  readonly line: number;
  readonly language: string;
  readonly text: string;
}

/** The fenced code blocks of a page, in order. Throws for a block that is not closed. */
export function fencesOf(page: string, text: string = readPage(page)): Fence[] {
  const found: Fence[] = [];
  let open: { readonly line: number; readonly language: string; readonly lines: string[] } | undefined;
  for (const [index, line] of text.split("\n").entries()) {
    const language = /^```(\S*)\s*$/.exec(line)?.[1];
    if (open && language === "") {
      const { lines, ...rest } = open;
      found.push({ page, ...rest, text: `${lines.join("\n")}\n` });
      open = undefined;
    } else if (open) open.lines.push(line);
    else if (language !== undefined) open = { line: index + 2, language, lines: [] };
  }
  if (open) throw new Error(`${page}:${open.line}: the block is not closed`);
  return found;
}

/** The text of a page with empty lines instead of fenced code blocks. */
export function proseOf(page: string, text: string = readPage(page)): string {
  let inside = false;
  const outside = (line: string): string => {
    const mark = line.startsWith("```");
    if (mark) inside = !inside;
    return inside || mark ? "" : line;
  };
  return text.split("\n").map(outside).join("\n");
}

/** All programs of the README and of docs/. */
export function samples(): Fence[] {
  return pages.flatMap((page) => fencesOf(page)).filter(({ language }) => language === "ts");
}

/** The cells of the table below a heading, row by row, without the header row. */
export function tableBelow(page: string, heading: string): string[][] {
  const lines = proseOf(page).split("\n");
  const at = lines.findIndex((line) => /^#+ /.test(line) && line.replace(/^#+ /, "") === heading);
  if (at < 0) throw new Error(`${page} has no heading "${heading}"`);
  const begin = lines.findIndex((line, index) => index > at && line.startsWith("|"));
  const rows: string[][] = [];
  for (let index = begin; lines[index]?.startsWith("|"); index++)
    rows.push(
      (lines[index] ?? "")
        .slice(1, -1)
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim()),
    );
  return rows.slice(2);
}
