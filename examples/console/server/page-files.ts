import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** A file that the server answers with. */
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

/** The files of the libraries: the name of each in the page's imports, and its path in the package. */
const libraries: readonly (readonly [imported: string, packageName: string, path: string])[] = [
  ["lit-html", "lit-html", "lit-html.js"],
  ["lit-html/directive.js", "lit-html", "directive.js"],
  ["lit-html/directives/repeat.js", "lit-html", "directives/repeat.js"],
  ["lit-html/directive-helpers.js", "lit-html", "directive-helpers.js"],
  ["uplot", "uplot", "dist/uPlot.esm.js"],
  ["uplot/style.css", "uplot", "dist/uPlot.min.css"],
  ["@xterm/xterm", "@xterm/xterm", "lib/xterm.mjs"],
  ["@xterm/xterm/style.css", "@xterm/xterm", "css/xterm.css"],
  ["@xterm/addon-fit", "@xterm/addon-fit", "lib/addon-fit.mjs"],
];

/** The module specifiers of the page, and the paths that the server has them at. */
export const importMap = JSON.stringify({
  imports: Object.fromEntries(
    libraries
      .filter(([, , path]) => !path.endsWith(".css"))
      .map(([imported, name, path]) => [imported, `/lib/${name}/${path}`]),
  ),
});

/** Reads the page and its libraries into memory, by their paths. Nothing else of the disk can be requested. */
export function readPageFiles(): ReadonlyMap<string, PageFile> {
  const page = fileURLToPath(new URL("../page/", import.meta.url));
  const own = readdirSync(page)
    .filter((name) => extname(name) in contentTypes)
    .map((name) => [`/page/${name}`, readPageFile(join(page, name))] as const);
  const { resolve } = createRequire(import.meta.url);
  const theirs = libraries.map(([, name, path]) => {
    const entry = resolve(name);
    const folder = entry.slice(0, entry.lastIndexOf(join("node_modules", name)));
    return [`/lib/${name}/${path}`, readPageFile(join(folder, "node_modules", name, path))] as const;
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
