// Compiles the sources, the tests and the programs of the tests into .build/, a mirror of the checkout that Node runs
// without a TypeScript loader. Only files that changed since the last build are compiled. Types are not checked.
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const output = join(root, ".build");
const mirrored = ["src", "gen", "test", "examples", "scripts"];
/** Files that tests and scripts read by their path in the checkout. */
const linked = ["docs", "proto", "schemas"];
/** A change of these files recompiles everything. */
const settings = ["package-lock.json", "tsconfig.json", "scripts/build-tests.mjs"];

const outputOf = (source) => source.replace(/(?<!\.d)\.ts$/, ".js");

export async function buildTests() {
  const sources = mirrored.flatMap((folder) => filesBelow(root, folder));
  removeStale(new Set(sources.map(outputOf)));
  const newest = Math.max(...settings.map((file) => modified(join(root, file))));
  const changed = sources.filter((source) => {
    const from = modified(join(root, source));
    return modified(join(output, outputOf(source))) < Math.max(from, newest);
  });
  const programs = changed.filter((source) => outputOf(source) !== source);
  if (programs.length > 0)
    await build({
      ...{ absWorkingDir: root, entryPoints: programs, outdir: output, outbase: root },
      ...{ format: "esm", platform: "node", target: "node20.19", sourcemap: true, logLevel: "warning" },
    });
  for (const source of changed.filter((source) => !programs.includes(source))) {
    mkdirSync(dirname(join(output, source)), { recursive: true });
    copyFileSync(join(root, source), join(output, source));
  }
  for (const name of linked)
    if (modified(join(output, name)) === 0) symlinkSync(join(root, name), join(output, name));
  writeFileSync(join(output, "package.json"), JSON.stringify(manifest(), undefined, 2));
}

/** Returns the package's manifest with the entry points of the mirror, so that `cri-sdk` resolves to the compiled sources. */
function manifest() {
  const { name, version, type, exports, imports } = JSON.parse(
    readFileSync(join(root, "package.json"), "utf8"),
  );
  const compiled = (target) => {
    if (typeof target !== "object" || target === null) return target;
    if ("cri-sdk-source" in target) return outputOf(target["cri-sdk-source"]);
    return Object.fromEntries(Object.entries(target).map(([key, value]) => [key, compiled(value)]));
  };
  return { name, version, type, exports: compiled(exports), imports: compiled(imports) };
}

function removeStale(wanted) {
  for (const folder of mirrored)
    for (const file of filesBelow(output, folder))
      if (!wanted.has(file.replace(/\.map$/, ""))) rmSync(join(output, file));
}

function filesBelow(base, folder) {
  if (modified(join(base, folder)) === 0) return [];
  return readdirSync(join(base, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(base.length).replace(/^\//, ""));
}

/** Returns the modification time of a file, or 0 if it does not exist. */
function modified(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildTests();
