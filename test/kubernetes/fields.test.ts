// The tables of what becomes of each field, against the types that manifests are checked against.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type FieldInput, type FieldSupport, fieldTables } from "../../src/kubernetes/fields.js";
import { type AnyType, type ObjectType, podType } from "../../src/kubernetes/schema/index.js";
import type { Pod } from "../../src/kubernetes.js";
import { validatePod } from "../../src/kubernetes.js";

/** The types of objects in a Pod, by name. */
function objectTypes(): ReadonlyMap<string, ObjectType> {
  const found = new Map<string, ObjectType>();
  const visit = (type: AnyType): void => {
    if (type.kind === "list" || type.kind === "map") visit(type.item);
    if (type.kind !== "object") return;
    found.set(type.name, type);
    for (const field of Object.values(type.fields)) visit(field);
  };
  visit(podType);
  return found;
}

const types = objectTypes();
const rows = Object.entries(fieldTables).flatMap(([type, table]) =>
  Object.entries(table).map(([field, row]): [type: string, field: string, row: FieldSupport] => [
    type,
    field,
    row,
  ]),
);

test("each table has a row for every field of its type, and no other", () => {
  for (const [name, table] of Object.entries(fieldTables))
    assert.deepEqual(Object.keys(table).sort(), Object.keys(types.get(name)?.fields ?? {}).sort(), name);
});

test("every row has a text that fits a table, and an input only where one may be given", () => {
  for (const [type, field, { support, text, input }] of rows) {
    assert.match(text, /^[^|\n.]{3,140}[^|\n.]$|^[^|\n]+\.[a-zA-Z]+[^|\n]*$/, `${type}.${field}`);
    assert.doesNotMatch(text, /\.$/, `${type}.${field}`);
    if (input !== undefined) assert.equal(support, "needs-api-server", `${type}.${field}`);
  }
});

/** The parts of a good Pod around an object of a type. */
const around: Readonly<Record<string, (object: object) => object>> = {
  PodSpec: (object) => object,
  Container: (object) => ({ containers: [{ name: "c", image: "i", ...object }] }),
  Volume: (object) => ({ volumes: [{ name: "v", ...object }] }),
  VolumeProjection: (object) => ({ volumes: [{ name: "v", projected: { sources: [object] } }] }),
  EnvVarSource: (object) => ({
    containers: [{ name: "c", image: "i", env: [{ name: "E", valueFrom: object }] }],
  }),
  EnvFromSource: (object) => ({ containers: [{ name: "c", image: "i", envFrom: [object] }] }),
  EphemeralContainer: (object) => ({ ephemeralContainers: [{ name: "e", image: "i", ...object }] }),
  SecurityContext: (object) => ({ containers: [{ name: "c", image: "i", securityContext: object }] }),
  PodSecurityContext: (object) => ({ securityContext: object }),
  ResourceRequirements: (object) => ({ containers: [{ name: "c", image: "i", resources: object }] }),
  LifecycleHandler: (object) => ({ containers: [{ name: "c", image: "i", lifecycle: { preStop: object } }] }),
};

/** A value of a type that asks for something. */
function sampleOf(type: AnyType): unknown {
  switch (type.kind) {
    case "object":
      if (type.name === "ResourceRequirements") return { limits: { cpu: 1 } };
      return Object.fromEntries(
        Object.entries(type.fields)
          .filter(([, field]) => field.isRequired)
          .map(([name, field]) => [name, sampleOf(field)]),
      );
    case "list":
      return [sampleOf(type.item)];
    case "map":
      return { cpu: sampleOf(type.item) };
    case "boolean":
      return true;
    case "integer":
    case "quantity":
    case "port":
      return 1;
    case "opaque":
      return {};
    default:
      return "sample";
  }
}

/** The inputs whose objects are named in errors: other fields have a text of their own. */
const objectInputs: readonly FieldInput[] = ["configMaps", "secrets", "runtimeClasses"];

for (const [type, field, row] of rows.filter(
  ([, , { support }]) => support === "refused" || support === "needs-api-server",
))
  test(`${type}.${field} is refused with its reason`, () => {
    const fieldType = types.get(type)?.fields[field];
    const place = around[type];
    assert.ok(fieldType && place);
    const spec = { containers: [{ name: "c", image: "i" }], ...place({ [field]: sampleOf(fieldType) }) };
    const pod = { metadata: { name: "p" }, spec } as Pod;
    const refusals = validatePod(pod).filter(
      ({ kind, path }) => kind === "forbidden" && path.endsWith(`.${field}`),
    );
    assert.equal(refusals.length, 1, JSON.stringify(validatePod(pod)));
    assert.match(
      refusals[0]?.message ?? "",
      row.input && objectInputs.includes(row.input) ? /pass them in inputs\./ : /./,
    );
  });
