// The public names of each door, against the list in doors.json: a name appears or disappears on purpose.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { checkout } from "./support/checkout.js";

const read = (path: string): string => readFileSync(join(checkout, path), "utf8");

const { exports } = JSON.parse(read("package.json")) as {
  readonly exports: Readonly<Record<string, string | { readonly "cri-sdk-source": string }>>;
};
const expected = JSON.parse(read("test/doors.json")) as Readonly<Record<string, readonly string[]>>;
const doors = new Map(
  Object.entries(exports).flatMap(([path, target]) =>
    typeof target === "string" ? [] : [[path.replace(/^\./, "cri-sdk"), namesOf(target["cri-sdk-source"])]],
  ),
);

/** The names that a door file exports, types as "type Name", each with its origin: the module, and the name there. */
function namesOf(file: string): Map<string, string> {
  const text = read(file);
  if (file === "./src/v1.ts") return generatedNames();
  assert.doesNotMatch(text, /export \*/, `${file} must list its names`);
  const lists = text.matchAll(/^export (type )?\{([^}]*)\} from "([^"]+)";/gm);
  const names = [...lists].flatMap(([, type = "", list = "", module = ""]) =>
    list
      .split(",")
      .map((name) => name.trim())
      .filter((name) => name !== "")
      .map((name): [string, string] => [`${type}${name}`, `${module} ${name.replace(/^type /, "")}`]),
  );
  assert.equal(new Set(names.map(([name]) => name)).size, names.length, `${file} lists a name twice`);
  return new Map(names);
}

function generatedNames(): Map<string, string> {
  const module = "gen/runtime/v1/api_pb.ts";
  const declarations = read(module).matchAll(/^export (?:declare )?(?:type|const|enum|interface) (\w+)/gm);
  return new Map([...declarations].map(([, name = ""]) => [name, module]));
}

test("each door exports the names in test/doors.json", () => {
  const actual = [...doors].filter(([door]) => door !== "cri-sdk/v1");
  assert.deepEqual(
    Object.fromEntries(actual.map(([door, names]) => [door, [...names.keys()].sort()])),
    expected,
  );
});

// Following the logs of many pods added four types, which belong to a method of `Cri` and to no other door.
test("the root exports at most 125 names", () => {
  const count = doors.get("cri-sdk")?.size ?? 0;
  assert.ok(count > 50 && count <= 125, `the root exports ${count} names`);
});

/** Names of core/v1 in cri-sdk/kubernetes, which the handles, the specs or CRI have as well. */
const coreNames: ReadonlySet<string> = new Set([
  "ContainerState",
  "ContainerStatus",
  "ContainerUser",
  "LinuxContainerUser",
  "Pod",
  "PodCondition",
  "PodIP",
  "PodSpec",
  "Quantity",
]);

test("no name has two meanings in two doors", () => {
  const origins = new Map<string, Set<string>>();
  for (const names of doors.values())
    for (const [entry, origin] of names) {
      const name = entry.replace(/^type /, "");
      origins.set(name, (origins.get(name) ?? new Set()).add(origin));
    }
  const ambiguous = [...origins].filter(([, { size }]) => size > 1).map(([name]) => name);
  // cri-sdk/v1 has CRI's own names, and cri-sdk/kubernetes those of core/v1. `Container` is a handle, CRI's message and a part of a Pod.
  assert.deepEqual(
    ambiguous.filter((name) => !coreNames.has(name)),
    ["Container"],
  );
});
