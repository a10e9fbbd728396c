// Holds the floors of docs/architecture.md: who may import whom, no cycles, no console, one door a room.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/** What each room may import of ours. A room is a folder of src/; the files directly in src/ are rooms by name. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  gen: [],
  core: [],
  transport: ["core", "gen"],
  observe: ["core", "gen", "transport"],
  streaming: ["core"],
  clients: ["core", "gen", "transport", "observe"],
  sessions: ["core", "clients", "streaming"],
  logs: ["core"],
  crictl: ["core", "gen"],
  images: ["core", "gen", "clients"],
  events: ["core", "gen", "clients"],
  stats: ["core", "gen", "clients"],
  pods: ["core", "gen", "clients", "streaming", "sessions", "logs", "crictl", "images", "events", "stats"],
  "connect-options.ts": ["transport", "sessions", "images", "events", "pods"],
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
  server: ["core", "gen", "transport", "streaming"],
  testing: ["core", "gen", "transport", "streaming", "logs", "crictl", "server"],
  "index.ts": [
    "core",
    "transport",
    "observe",
    "clients",
    "streaming",
    "sessions",
    "logs",
    "crictl",
    "images",
    "events",
    "stats",
    "pods",
    "connect-options.ts",
    "cri.ts",
    "connect.ts",
  ],
  "v1.ts": ["gen"],
};

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

const files = ["src", "gen"].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => join(folder, file)),
);
const sources = new Map(files.map((file) => [file, readFileSync(join(root, file), "utf8")]));
const imports = [...sources].flatMap(([file, text]) => importsOf(file, text));

function importsOf(from: string, text: string): Import[] {
  const statements = text.matchAll(/^(?:import|export)\s+(type\s+)?(?:[^"';]*?from\s+)?"(\.[^"]+)";/gm);
  return [...statements].map(([, type, path = ""]) => ({
    from,
    to: relative(root, resolve(root, dirname(from), path.replace(/\.js$/, ".ts"))),
    typeOnly: type !== undefined,
  }));
}

function roomOf(file: string): string {
  const [top, room = ""] = file.split("/");
  return top === "gen" ? "gen" : room;
}

test("imports point down, and enter a room by its door", () => {
  assert.ok(imports.length > 50, "the imports were not found");
  const wrong = imports.flatMap(({ from, to, typeOnly }) => {
    const [here, there] = [roomOf(from), roomOf(to)];
    if (here === there) return [];
    // A target of the conformance suite is connected by somebody else; only the type of it is needed.
    if (here === "testing" && there === "cri.ts" && typeOnly) return [];
    const problems = [];
    if (!(mayImport[here] ?? []).includes(there)) problems.push(`${from} may not import ${to}`);
    const isDoor = there === "gen" || there.endsWith(".ts") || to === `src/${there}/index.ts`;
    if (!isDoor) problems.push(`${from} imports ${to} past the door src/${there}/index.ts`);
    return problems;
  });
  assert.deepEqual(wrong, []);
});

test("every room has a line in the ladder, and every import leads to a file", () => {
  assert.deepEqual(
    [...new Set(files.map(roomOf))].filter((room) => !(room in mayImport)),
    [],
  );
  assert.deepEqual(
    imports.filter(({ to }) => !sources.has(to)),
    [],
  );
});

test("no cycles among values", () => {
  const graph = new Map<string, string[]>();
  for (const { from, to, typeOnly } of imports)
    if (!typeOnly) graph.set(from, [...(graph.get(from) ?? []), to]);
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    assert.ok(!path.includes(file), `a cycle: ${[...path, file].join(" -> ")}`);
    if (done.has(file)) return;
    for (const next of graph.get(file) ?? []) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
});

test("src/ never prints, never reads ../shared, and importing it does nothing", () => {
  for (const [file, text] of sources) {
    assert.doesNotMatch(text, /\bconsole\./, `${file} prints`);
    assert.doesNotMatch(text, /\.\.\/shared/, `${file} reads the neighbours' files`);
    assert.doesNotMatch(text, /^(?:await|setTimeout|process\.on)\b/m, `${file} does something when imported`);
  }
});

test("files stay readable in one sitting", () => {
  const long = [...sources].filter(
    // The door is a list: it has no ideas that could have names of their own.
    ([file, text]) => !file.startsWith("gen") && file !== "src/index.ts" && text.split("\n").length > 250,
  );
  assert.deepEqual(
    long.map(([file]) => file),
    [],
  );
});

test("nobody writes any", () => {
  for (const [file, text] of sources)
    if (!file.startsWith("gen"))
      assert.doesNotMatch(withoutComments(text), /(?::|\bas|<)\s*any\b/, `${file} has an any`);
});

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
}
