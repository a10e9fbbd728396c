import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The content of a response. */
export interface PageFile {
  readonly contentType: string;
  readonly body: Buffer;
}

const contentTypes: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** The files of the libraries that the page uses, by their package. */
const libraries: Readonly<Record<string, readonly string[]>> = {
  "lit-html": ["lit-html.js", "directive.js", "directive-helpers.js", "directives/repeat.js"],
  uplot: ["dist/uPlot.esm.js", "dist/uPlot.min.css"],
  "@xterm/xterm": ["lib/xterm.mjs", "css/xterm.css"],
  "@xterm/addon-fit": ["lib/addon-fit.mjs"],
};

/** Reads the page and its libraries into memory, by their paths. Nothing else of the disk can be requested. */
export function readPageFiles(): ReadonlyMap<string, PageFile> {
  const page = fileURLToPath(new URL("../page/", import.meta.url));
  const own = readdirSync(page)
    .filter((name) => extname(name) in contentTypes)
    .map((name) => [`/page/${name}`, readPageFile(join(page, name))] as const);
  const { resolve } = createRequire(import.meta.url);
  const theirs = Object.entries(libraries).flatMap(([name, paths]) => {
    const entry = resolve(name);
    const folder = entry.slice(0, entry.lastIndexOf(join("node_modules", name)));
    return paths.map(
      (path) => [`/lib/${name}/${path}`, readPageFile(join(folder, "node_modules", name, path))] as const,
    );
  });
  return new Map([...own, ...theirs]);
}

/** Reads the page itself, in which the server writes a new nonce for each request. */
export function readPage(): string {
  return readFileSync(new URL("../page/index.html", import.meta.url), "utf8");
}

function readPageFile(path: string): PageFile {
  return { contentType: contentTypes[extname(path)] ?? "", body: readFileSync(path) };
}
