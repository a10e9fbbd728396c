import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The checkout's folder. */
export const root = fileURLToPath(new URL("../..", import.meta.url));

/** Every page a reader may open, as a path from the checkout's folder. */
export const pages: readonly string[] = [
  "README.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  ...readdirSync(join(root, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

export function readPage(page: string): string {
  return readFileSync(join(root, page), "utf8");
}

/** A fenced block of a page. */
export interface Fence {
  readonly page: string;
  /** The line of the page on which the block's text begins. */
  readonly line: number;
  readonly language: string;
  readonly text: string;
}

/** The fenced blocks of a page, in order. Throws for one that is not closed. */
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

/** A page's text without its fenced blocks, line by line where it was. */
export function proseOf(page: string, text: string = readPage(page)): string {
  let inside = false;
  const outside = (line: string): string => {
    const mark = line.startsWith("```");
    if (mark) inside = !inside;
    return inside || mark ? "" : line;
  };
  return text.split("\n").map(outside).join("\n");
}

/** Every program of the README and of docs/. */
export function samples(): Fence[] {
  return pages.flatMap((page) => fencesOf(page)).filter(({ language }) => language === "ts");
}

/** The rows of the table below a heading, cell by cell, without the head. */
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
