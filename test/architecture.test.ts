// Checks the rules of docs/architecture.md: which room imports which, no cycles, no output, no `any`.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { test } from "node:test";
import { checkout } from "./support/checkout.js";

const maxFiles = 915;
/** Longer files are reported, not refused: a file holds one whole idea. */
const longFileLines = 300;

/** The rooms that each room may import. A room is a folder of src/, or a file directly in src/. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  gen: ["descriptors.ts", "wire-reader.ts", "wire-writer.ts"],
  "descriptors.ts": [],
  "wire-reader.ts": [],
  "wire-writer.ts": [],
  core: [],
  http2: [],
  transport: ["core", "gen", "http2", "wire-reader.ts", "wire-writer.ts"],
  observe: ["core", "gen", "transport"],
  streaming: ["core"],
  clients: ["core", "gen", "transport", "observe"],
  sessions: ["core", "gen", "clients", "streaming"],
  logs: ["core"],
  "yaml-text": ["core"],
  crictl: ["core", "gen", "yaml-text"],
  images: ["core", "gen", "clients"],
  events: ["core", "gen", "clients"],
  stats: ["core", "gen", "clients"],
  pods: ["core", "gen", "clients", "streaming", "sessions", "logs", "crictl", "images", "events", "stats"],
  "connect-options.ts": ["core", "transport", "clients", "sessions", "images", "events", "pods"],
  "cri.ts": [
    "core",
    "gen",
    "transport",
    "clients",
    "streaming",
    "sessions",
    "logs",
    "images",
    "events",
    "stats",
    "pods",
    "connect-options.ts",
  ],
  "connect.ts": ["core", "transport", "clients", "connect-options.ts", "cri.ts"],
  kubernetes: [
    "core",
    "yaml-text",
    "gen",
    "transport",
    "clients",
    "sessions",
    "logs",
    "images",
    "events",
    "stats",
    "pods",
    "cri.ts",
  ],
  kubelet: [
    "core",
    "gen",
    "clients",
    "streaming",
    "sessions",
    "logs",
    "images",
    "events",
    "stats",
    "pods",
    "cri.ts",
    "kubernetes",
    "server",
  ],
  server: ["core", "gen", "http2", "transport", "streaming"],
  testing: ["core", "gen", "transport", "observe", "streaming", "logs", "crictl", "server"],
  // The doors of the package, one per entry of `exports` in package.json.
  "index.ts": [
    "core",
    "transport",
    "clients",
    "streaming",
    "sessions",
    "logs",
    "images",
    "events",
    "stats",
    "pods",
    "connect-options.ts",
    "cri.ts",
    "connect.ts",
  ],
  "configs.ts": ["pods"],
  "crictl.ts": ["crictl"],
  "kubelet.ts": ["kubelet"],
  "kubernetes.ts": ["kubernetes"],
  "logs.ts": ["logs"],
  "observe.ts": ["observe", "events", "stats"],
  "server.ts": ["server"],
  "streaming.ts": ["streaming", "sessions"],
  "testing.ts": ["testing"],
  "transport.ts": ["core", "clients", "transport"],
  "v1.ts": ["gen"],
};

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

const sources = new Map([...readSources("src"), ...readSources("gen")]);
const ownSources = [...sources].filter(([file]) => file.startsWith("src/"));
const imports = [...sources].flatMap(([file, text]) => importsOf(file, text));

function readSources(folder: string): [file: string, text: string][] {
  return readdirSync(join(checkout, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => join(folder, file))
    .map((file) => [file, readFileSync(join(checkout, file), "utf8")]);
}

/** The relative imports of a file, dynamic ones and types in `import("…")` included. */
function importsOf(from: string, text: string): Import[] {
  const statements = text.matchAll(
    /^(?:import|export)\s+(type\s+)?(?:[^"';]*?from\s+)?"(\.[^"]+)";|\bimport\("(\.[^"]+)"\)/gm,
  );
  return [...statements].map(([, type, path, dynamicPath]) => ({
    from,
    to: relative(
      checkout,
      resolve(checkout, dirname(from), (path ?? dynamicPath ?? "").replace(/\.js$/, ".ts")),
    ),
    typeOnly: type !== undefined,
  }));
}

function roomOf(file: string): string {
  const [top, room = ""] = file.split("/");
  return top === "gen" ? "gen" : room;
}

test("a room imports only the rooms that it may import, and through their index.ts", () => {
  assert.ok(imports.length > 50, "the imports were not found");
  const wrong = imports.flatMap(({ from, to, typeOnly }) => {
    const [here, there] = [roomOf(from), roomOf(to)];
    if (here === there) return [];
    // The table of RPCs also says which RPCs a profile of the embedded runtime lacks.
    if (here === "testing" && to === "src/clients/rpcs.ts") return [];
    // The caller of the conformance suite connects its target, so the suite needs only the type.
    if (here === "testing" && there === "cri.ts" && typeOnly) return [];
    const problems = [];
    if (!(mayImport[here] ?? []).includes(there)) problems.push(`${from} may not import ${to}`);
    const isDoor = there === "gen" || there.endsWith(".ts") || to === `src/${there}/index.ts`;
    if (!isDoor) problems.push(`${from} must import src/${there}/index.ts instead of ${to}`);
    return problems;
  });
  assert.deepEqual(wrong, []);
});

test("every room has an entry in mayImport, and every import leads to a file", () => {
  const rooms = new Set([...sources.keys()].map(roomOf));
  assert.deepEqual(
    [...rooms].filter((room) => !(room in mayImport)),
    [],
  );
  assert.deepEqual(
    imports.filter(({ to }) => !sources.has(to)),
    [],
  );
});

test("files do not import each other in a cycle, not even types", () => {
  const targets = new Map<string, string[]>();
  for (const { from, to } of imports) targets.set(from, [...(targets.get(from) ?? []), to]);
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file].join(" -> "));
    if (done.has(file) || path.includes(file)) return;
    for (const next of targets.get(file) ?? []) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of sources.keys()) visit(file, []);
  assert.deepEqual(cycles, []);
});

test("src/ prints nothing, reads nothing outside the checkout, and has no effect when it is imported", () => {
  for (const [file, text] of sources) {
    assert.doesNotMatch(text, /\bconsole\./, `${file} prints`);
    assert.doesNotMatch(text, /\.\.\/shared/, `${file} reads files outside the checkout`);
    assert.doesNotMatch(text, /^(?:await|setTimeout|process\.on)\b/m, `${file} has an effect when imported`);
  }
});

test(`src/ has at most ${maxFiles} files; files of more than ${longFileLines} lines are reported`, (t) => {
  assert.ok(ownSources.length <= maxFiles, `it has ${ownSources.length}: merge files that are one idea`);
  for (const [file, text] of ownSources) {
    const lines = text.split("\n").length;
    if (lines > longFileLines) t.diagnostic(`warning: ${file} has ${lines} lines`);
  }
});

test("src/ does not use `any`", () => {
  for (const [file, text] of ownSources)
    assert.doesNotMatch(withoutComments(text), /(?::|\bas|<)\s*any\b/, `${file} uses any`);
});

test("src/ recognizes values of every realm: `instanceof` is only for our own classes and those of Node's modules", () => {
  const builtin =
    /\binstanceof\s+(?:[A-Z]\w*Error|Error|Uint8Array|Array(?:Buffer)?|Buffer|Date|Promise|Map|Set|RegExp|Object|Function|URL\w*|Blob|Abort\w+|DOMException|Readable\w*|Headers|Request|Response)\b/g;
  const own = new Set(
    [...sources.values()].flatMap((text) => [...text.matchAll(/\bclass (\w+)/g)].map(([, name]) => name)),
  );
  const wrong = ownSources.flatMap(([file, text]) =>
    [...withoutComments(text).matchAll(builtin)]
      .map(([match]) => match)
      .filter(
        (match) =>
          !own.has(match.replace(/^.*\s/, "")) &&
          !allowedInstanceof.has(match.replace(/^.*\s/, "")) &&
          file !== "src/core/realms.ts",
      )
      .map((match) => `${file}: ${match}: use src/core/realms.ts`),
  );
  assert.deepEqual(wrong, []);
});

/** Classes that node: modules and libraries export, which exist once. */
const allowedInstanceof = new Set(["AssertionError", "ConnectError"]);

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
}

test("rooms of test/ share code through test/support only", () => {
  const wrong = readSources("test")
    .flatMap(([file, text]) => importsOf(file, text))
    .filter(({ from, to }) => to.startsWith("test/") && ![roomOf(from), "support"].includes(roomOf(to)));
  assert.deepEqual(wrong, []);
});
