// The patches of the tests' API server, compared with what a real one does.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { JsonObject, JsonValue } from "../../support/api-server/json.js";
import { jsonPatch } from "../../support/api-server/json-patch.js";
import { mergePatch } from "../../support/api-server/merge-patch.js";
import { patchTypeOf } from "../../support/api-server/patch-schema.js";
import { strategicPatch } from "../../support/api-server/strategic-patch.js";

interface Case {
  readonly name: string;
  readonly kind?: string;
  readonly target: JsonObject;
  readonly patch: JsonObject;
  readonly expected: JsonObject;
}

const containers = (...names: string[]): JsonObject => ({
  spec: { containers: names.map((name) => ({ name, image: `${name}:1` })) },
});

const strategic: readonly Case[] = [
  {
    name: "objects are merged, and null deletes",
    target: { metadata: { labels: { a: "1", b: "2" } }, spec: { nodeName: "n" } },
    patch: { metadata: { labels: { b: null, c: "3" } } },
    expected: { metadata: { labels: { a: "1", c: "3" } }, spec: { nodeName: "n" } },
  },
  {
    name: "containers are merged by name, and new ones are appended",
    target: containers("a", "b"),
    patch: { spec: { containers: [{ name: "b", image: "b:2" }, { name: "c" }] } },
    expected: {
      spec: { containers: [{ name: "a", image: "a:1" }, { name: "b", image: "b:2" }, { name: "c" }] },
    },
  },
  {
    name: "$setElementOrder orders what the patch names, and keeps the others among them",
    target: containers("a", "x", "b"),
    patch: { spec: { "$setElementOrder/containers": [{ name: "b" }, { name: "a" }] } },
    expected: {
      spec: {
        containers: [
          { name: "x", image: "x:1" },
          { name: "b", image: "b:1" },
          { name: "a", image: "a:1" },
        ],
      },
    },
  },
  {
    name: "an element that the order leaves out stays in front of those that it preceded",
    target: containers("x", "a", "b"),
    patch: {
      spec: {
        "$setElementOrder/containers": [{ name: "a" }, { name: "b" }, { name: "c" }],
        containers: [{ name: "c", image: "c:1" }],
      },
    },
    expected: containers("x", "a", "b", "c"),
  },
  {
    name: "$patch: delete removes an element",
    target: containers("a", "b"),
    patch: { spec: { containers: [{ name: "a", $patch: "delete" }] } },
    expected: containers("b"),
  },
  {
    name: "$patch: replace replaces an object",
    target: { spec: { nodeSelector: { a: "1" } } },
    patch: { spec: { nodeSelector: { $patch: "replace", b: "2" } } },
    expected: { spec: { nodeSelector: { b: "2" } } },
  },
  {
    name: "$patch: replace replaces a list",
    target: containers("a", "b"),
    patch: { spec: { containers: [{ $patch: "replace" }, { name: "c", image: "c:1" }] } },
    expected: containers("c"),
  },
  {
    name: "$patch: delete empties an object",
    target: { metadata: { annotations: { a: "1" } } },
    patch: { metadata: { annotations: { $patch: "delete" } } },
    expected: { metadata: { annotations: {} } },
  },
  {
    name: "$retainKeys drops the fields that it does not list: the source of a volume changes",
    target: { spec: { volumes: [{ name: "v", emptyDir: {} }] } },
    patch: {
      spec: { volumes: [{ $retainKeys: ["name", "hostPath"], name: "v", hostPath: { path: "/x" } }] },
    },
    expected: { spec: { volumes: [{ name: "v", hostPath: { path: "/x" } }] } },
  },
  {
    name: "without $retainKeys, a volume has both sources",
    target: { spec: { volumes: [{ name: "v", emptyDir: {} }] } },
    patch: { spec: { volumes: [{ name: "v", hostPath: { path: "/x" } }] } },
    expected: { spec: { volumes: [{ name: "v", emptyDir: {}, hostPath: { path: "/x" } }] } },
  },
  {
    name: "conditions are merged by type, and keep their order",
    target: {
      status: {
        conditions: [
          { type: "Ready", status: "False" },
          { type: "Mine", status: "True" },
        ],
      },
    },
    patch: { status: { conditions: [{ type: "Ready", status: "True" }] } },
    expected: {
      status: {
        conditions: [
          { type: "Ready", status: "True" },
          { type: "Mine", status: "True" },
        ],
      },
    },
  },
  {
    name: "container statuses are replaced as a whole",
    target: { status: { containerStatuses: [{ name: "a" }, { name: "b" }] } },
    patch: { status: { containerStatuses: [{ name: "b", ready: true }] } },
    expected: { status: { containerStatuses: [{ name: "b", ready: true }] } },
  },
  {
    name: "finalizers are a set of strings, from which $deleteFromPrimitiveList removes",
    target: { metadata: { finalizers: ["a", "b"] } },
    patch: { metadata: { finalizers: ["c", "a"], "$deleteFromPrimitiveList/finalizers": ["b"] } },
    expected: { metadata: { finalizers: ["c", "a"] } },
  },
  {
    name: "environment variables are merged in a container, a new one in front of those that the patch does not name",
    target: { spec: { containers: [{ name: "a", env: [{ name: "X", value: "1" }] }] } },
    patch: { spec: { containers: [{ name: "a", env: [{ name: "Y", value: "2" }] }] } },
    expected: {
      spec: {
        containers: [
          {
            name: "a",
            env: [
              { name: "Y", value: "2" },
              { name: "X", value: "1" },
            ],
          },
        ],
      },
    },
  },
  {
    name: "arguments are replaced",
    target: { spec: { containers: [{ name: "a", args: ["1", "2"] }] } },
    patch: { spec: { containers: [{ name: "a", args: ["3"] }] } },
    expected: { spec: { containers: [{ name: "a", args: ["3"] }] } },
  },
  {
    name: "an ephemeral container is added to none",
    target: containers("a"),
    patch: { spec: { ephemeralContainers: [{ name: "debugger", image: "busybox" }] } },
    expected: {
      spec: {
        containers: [{ name: "a", image: "a:1" }],
        ephemeralContainers: [{ name: "debugger", image: "busybox" }],
      },
    },
  },
  {
    name: "a node's taints are replaced, its addresses and conditions merged",
    kind: "Node",
    target: {
      spec: { taints: [{ key: "a", effect: "NoSchedule" }] },
      status: {
        addresses: [{ type: "Hostname", address: "n" }],
        conditions: [{ type: "Ready", status: "True" }],
      },
    },
    patch: {
      spec: { taints: [{ key: "b", effect: "NoExecute" }] },
      status: { addresses: [{ type: "InternalIP", address: "10.0.0.1" }] },
    },
    expected: {
      spec: { taints: [{ key: "b", effect: "NoExecute" }] },
      status: {
        addresses: [
          { type: "InternalIP", address: "10.0.0.1" },
          { type: "Hostname", address: "n" },
        ],
        conditions: [{ type: "Ready", status: "True" }],
      },
    },
  },
  {
    name: "addresses of a node are deleted by directive, as kubelets send it",
    kind: "Node",
    target: {
      status: {
        addresses: [
          { type: "InternalIP", address: "10.0.0.1" },
          { type: "Hostname", address: "n" },
        ],
      },
    },
    patch: {
      status: { addresses: [{ $patch: "replace" }, { type: "Hostname", address: "m" }] },
    },
    expected: { status: { addresses: [{ type: "Hostname", address: "m" }] } },
  },
];

describe("strategic merge patch", () => {
  for (const { name, kind = "Pod", target, patch, expected } of strategic)
    test(name, () => {
      const before = structuredClone(target);
      assert.deepEqual(strategicPatch(target, patch, patchTypeOf(kind)), expected);
      assert.deepEqual(target, before, "the target was changed in place");
    });

  for (const [name, patch, message] of [
    ["an unknown directive", { $patch: "no" }, /unknown patch directive: "no"/],
    [
      "an element without its key",
      { spec: { containers: [{ image: "x" }] } },
      /does not contain declared merge key: name/,
    ],
  ] as const)
    test(`${name} is refused`, () => {
      assert.throws(() => strategicPatch(containers("a"), patch, patchTypeOf("Pod")), { code: 400, message });
    });
});

describe("JSON merge patch: the examples of RFC 7386", () => {
  const examples: readonly [target: JsonValue, patch: JsonValue, expected: JsonValue][] = [
    [{ a: "b" }, { a: "c" }, { a: "c" }],
    [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
    [{ a: "b" }, { a: null }, {}],
    [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
    [{ a: ["b"] }, { a: "c" }, { a: "c" }],
    [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
    [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
    [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
    [
      ["a", "b"],
      ["c", "d"],
      ["c", "d"],
    ],
    [{ a: "b" }, ["c"], ["c"]],
    [{ a: "foo" }, null, null],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: "b", c: null }, { a: "b" }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ];
  for (const [target, patch, expected] of examples)
    test(`${JSON.stringify(target)} and ${JSON.stringify(patch)}`, () => {
      assert.deepEqual(mergePatch(target, patch), expected);
    });
});

describe("JSON patch", () => {
  const examples: readonly [name: string, target: JsonValue, patch: JsonValue, expected: JsonValue][] = [
    ["add to an object", { a: 1 }, [{ op: "add", path: "/b", value: 2 }], { a: 1, b: 2 }],
    ["insert into a list", { a: [1, 3] }, [{ op: "add", path: "/a/1", value: 2 }], { a: [1, 2, 3] }],
    ["append to a list", { a: [1] }, [{ op: "add", path: "/a/-", value: 2 }], { a: [1, 2] }],
    [
      "remove",
      { a: [1, 2], b: 1 },
      [
        { op: "remove", path: "/a/0" },
        { op: "remove", path: "/b" },
      ],
      { a: [2] },
    ],
    ["replace", { a: { b: 1 } }, [{ op: "replace", path: "/a/b", value: 2 }], { a: { b: 2 } }],
    [
      "escapes",
      { "a/b": 1, "c~d": 2 },
      [
        { op: "remove", path: "/a~1b" },
        { op: "remove", path: "/c~0d" },
      ],
      {},
    ],
    [
      "test, copy, move",
      { a: 1 },
      [
        { op: "test", path: "/a", value: 1 },
        { op: "copy", from: "/a", path: "/b" },
        { op: "move", from: "/a", path: "/c" },
      ],
      { b: 1, c: 1 },
    ],
  ];
  for (const [name, target, patch, expected] of examples)
    test(name, () => {
      assert.deepEqual(jsonPatch(target, patch), expected);
    });

  for (const [name, patch, code] of [
    ["a failed test", [{ op: "test", path: "/a", value: 2 }], 422],
    ["a missing member", [{ op: "remove", path: "/x" }], 422],
    ["an index out of bounds", [{ op: "add", path: "/l/5", value: 1 }], 422],
    ["an unknown operation", [{ op: "merge", path: "/a", value: 1 }], 400],
    ["an object", { op: "add" }, 400],
  ] as const)
    test(`refused: ${name}`, () => {
      assert.throws(() => jsonPatch({ a: 1, l: [] }, patch), { code });
    });
});
