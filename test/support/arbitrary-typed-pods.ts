// Arbitrary Pods for fast-check, from the types of values that manifests are checked against.
import fc from "fast-check";
import type { Pod } from "../../src/kubernetes/api/index.js";
import { type AnyType, podType } from "../../src/kubernetes/schema/index.js";

/** Words that rules and YAML treat in different ways. */
const words = [
  "",
  "a",
  "web-0",
  "A_b",
  "y",
  "on",
  "no",
  "null",
  "~",
  "0644",
  "1e3",
  "1_000",
  "12:30",
  "2001-12-14",
  "<<",
  "__proto__",
  "constructor",
  "..",
  "../x",
  "/a/b",
  "a: b # c",
  "- x",
  "two\nlines\n",
  "\ttab",
  " space ",
  "日本 😀",
  '"quoted"',
  "Always",
  "OnFailure",
  "Localhost",
  "nginx:latest",
  "docker.io/library/busybox:1.37",
  "metadata.name",
  "limits.cpu",
  "10.0.0.1",
];
const amounts = ["100m", "1.5", "64Mi", "0", "1e3", "-1", 0.5, 2, 0, "129e6"];
const keys = ["cpu", "memory", "hugepages-2Mi", "ephemeral-storage", "example.com/gpu", ...words];

const text = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...words) },
  // Half of a surrogate pair has no encoding.
  fc.string({ unit: "grapheme", maxLength: 12 }).filter((one) => !/\p{Surrogate}/u.test(one)),
);
const json = fc.jsonValue({ maxDepth: 3 }).filter((value) => isPlain(value));

/** Numbers that JSON and YAML print alike; strings that have an encoding. */
function isPlain(value: unknown): value is object {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !/\p{Surrogate}/u.test(JSON.stringify(value)) &&
    !/-0[,}\]]|[eE]|\d{16}|\\ud/.test(JSON.stringify(value))
  );
}

/** Returns values of a type: each field may be absent. */
export function arbitraryOf(type: AnyType): fc.Arbitrary<unknown> {
  switch (type.kind) {
    case "object": {
      const fields = Object.entries(type.fields);
      const required = fields.filter(([, field]) => field.isRequired).map(([name]) => name);
      const optional = fields.map(([name]) => name).filter((name) => !required.includes(name));
      // Few fields at a time: a Pod with all of them is refused for the first rule.
      return fc
        .subarray(optional, { maxLength: Math.min(4, optional.length) })
        .chain((chosen) =>
          fc.record(
            Object.fromEntries(
              fields
                .filter(([name]) => required.includes(name) || chosen.includes(name))
                .map(([name, field]) => [name, arbitraryOf(field)]),
            ),
          ),
        );
    }
    case "list":
      return fc.array(arbitraryOf(type.item), { maxLength: 3 });
    case "map":
      return fc
        .uniqueArray(fc.tuple(fc.constantFrom(...keys), arbitraryOf(type.item)), {
          maxLength: 3,
          selector: ([key]) => key,
        })
        .map((entries) => Object.fromEntries(entries));
    case "string":
      return text;
    case "boolean":
      return fc.boolean();
    case "integer":
      return type.bits === 32
        ? fc.oneof(fc.constantFrom(0, 1, 30, 80, -1), fc.integer())
        : fc.oneof(fc.constantFrom(0, 1, 65_534, -1), fc.maxSafeInteger());
    case "quantity":
      return fc.constantFrom<string | number>(...amounts);
    case "port":
      return fc.oneof(fc.constantFrom<string | number>(80, 0, 70_000, "http", "A"));
    case "time":
      return fc.constantFrom("2026-01-31T12:00:00Z");
    case "opaque":
      return json;
  }
}

/** Pods of the right types, most of them not valid. */
export const typedPod = arbitraryOf(podType).map((pod): Pod => {
  // The values follow the type of a Pod.
  const typed = pod as Pod;
  return { ...typed, apiVersion: "v1", kind: "Pod" };
});

/** A Pod in which one value, at any depth, is replaced by any JSON. */
export const brokenPod = fc
  .tuple(typedPod, fc.array(fc.nat(), { minLength: 1, maxLength: 8 }), fc.jsonValue({ maxDepth: 2 }))
  .map(([pod, steps, value]) => replaceAt(pod, steps, value));

function replaceAt(value: unknown, [step, ...rest]: readonly number[], by: unknown): unknown {
  if (step === undefined || typeof value !== "object" || value === null) return by;
  const names = Object.keys(value);
  const name = names[step % Math.max(1, names.length)];
  if (name === undefined) return by;
  const entries = Object.entries(value).map(([key, inner]): [string, unknown] => [
    key,
    key === name ? replaceAt(inner, rest, by) : inner,
  ]);
  return Array.isArray(value) ? entries.map(([, inner]) => inner) : Object.fromEntries(entries);
}
