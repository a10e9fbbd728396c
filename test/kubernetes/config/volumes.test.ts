import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultPod, type PodInputs, type Volume, volumePlans } from "../../../src/kubernetes/index.js";
import { parseQuantity } from "../../../src/pods/index.js";
import { containerOf, podOf, vectorNode, vectorUid } from "../../support/pod-fixtures.js";

const base64 = (text: string) => Buffer.from(text).toString("base64");
const inputs: PodInputs = {
  configMaps: [
    { metadata: { name: "settings" }, data: { b: "2", a: "1" }, binaryData: { raw: base64("\0x") } },
  ],
  secrets: [{ metadata: { name: "keys" }, data: { k: base64("s") }, stringData: { t: "text" } }],
};
const metadata = { labels: { app: "web" } };

function plan(source: Omit<Volume, "name">, given: PodInputs = inputs) {
  const containers = [containerOf({ resources: { limits: { cpu: "1500m" } } })];
  const pod = defaultPod(podOf({ containers, volumes: [{ name: "v", ...source }] }, metadata));
  const [first] = volumePlans(pod, vectorNode, given);
  assert.ok(first);
  return first;
}

/** Returns path, content and mode of each file. */
function files(source: Omit<Volume, "name">, given?: PodInputs) {
  const planned = plan(source, given);
  assert.ok(planned.kind === "files");
  return planned.files.map(({ path, content, mode }) => [path, Buffer.from(content).toString(), mode]);
}

const folder = `/var/lib/kubelet/pods/${vectorUid}/volumes`;

/** Rows: a volume, its kind and its path. */
for (const [source, kind, hostPath] of [
  [{}, "emptyDir", `${folder}/kubernetes.io~empty-dir/v`],
  [{ emptyDir: { medium: "Memory" } }, "emptyDir", `${folder}/kubernetes.io~empty-dir/v`],
  [{ hostPath: { path: "/srv" } }, "hostPath", "/srv"],
  [{ configMap: { name: "settings" } }, "files", `${folder}/kubernetes.io~configmap/v`],
  [{ secret: { secretName: "keys" } }, "files", `${folder}/kubernetes.io~secret/v`],
  [{ downwardAPI: {} }, "files", `${folder}/kubernetes.io~downward-api/v`],
  [{ projected: {} }, "files", `${folder}/kubernetes.io~projected/v`],
  [{ image: { reference: "art:1" } }, "image", ""],
  [{ persistentVolumeClaim: { claimName: "x" } }, "plugin", `${folder}/cri-sdk~plugin/v`],
  [{ csi: { driver: "d" } }, "plugin", `${folder}/cri-sdk~plugin/v`],
] as const)
  test(`volume of ${JSON.stringify(source)}`, () => {
    const planned = plan(source);
    assert.equal(planned.kind, kind);
    assert.equal(planned.hostPath, hostPath);
    assert.equal(planned.name, "v");
  });

test("the files of ConfigMaps and Secrets", () => {
  assert.deepEqual(files({ configMap: { name: "settings" } }), [
    ["a", "1", 0o644],
    ["b", "2", 0o644],
    ["raw", "\0x", 0o644],
  ]);
  const items = [
    { key: "b", path: "dir/b.txt", mode: 0o600 },
    { key: "a", path: "a" },
  ];
  assert.deepEqual(files({ configMap: { name: "settings", items, defaultMode: 0o400 } }), [
    ["dir/b.txt", "2", 0o600],
    ["a", "1", 0o400],
  ]);
  assert.deepEqual(files({ secret: { secretName: "keys" } }), [
    ["k", "s", 0o644],
    ["t", "text", 0o644],
  ]);
  assert.deepEqual(files({ secret: { secretName: "none", optional: true } }), []);
  const some = [{ key: "zz", path: "zz" }];
  assert.deepEqual(files({ configMap: { name: "settings", items: some, optional: true } }), []);
});

test("the files of fields", () => {
  const items = [
    { path: "labels", fieldRef: { fieldPath: "metadata.labels" } },
    {
      path: "x/cpu",
      mode: 0o600,
      resourceFieldRef: { containerName: "c", resource: "limits.cpu", divisor: "1m" },
    },
  ];
  assert.deepEqual(files({ downwardAPI: { items } }), [
    ["labels", 'app="web"', 0o644],
    ["x/cpu", "1500", 0o600],
  ]);
});

test("projected volumes: later sources replace files of earlier ones; one with a Secret is secret", () => {
  const projected = {
    defaultMode: 0o440,
    sources: [
      { configMap: { name: "settings", items: [{ key: "a", path: "a" }] } },
      { secret: { name: "keys", items: [{ key: "k", path: "a", mode: 0o400 }] } },
      { downwardAPI: { items: [{ path: "uid", fieldRef: { fieldPath: "metadata.uid" } }] } },
    ],
  };
  assert.deepEqual(files({ projected }), [
    ["a", "s", 0o400],
    ["uid", vectorUid, 0o440],
  ]);
  const isSecret = (source: Omit<Volume, "name">) => {
    const planned = plan(source);
    return planned.kind === "files" && planned.isSecret;
  };
  assert.equal(isSecret({ projected }), true);
  assert.equal(isSecret({ projected: { sources: projected.sources.slice(0, 1) } }), false);
  assert.equal(isSecret({ secret: { secretName: "keys" } }), true);
  assert.equal(isSecret({ configMap: { name: "settings" } }), false);
});

/** Rows: a volume, and the error about it. */
for (const [source, message] of [
  [{ configMap: { name: "none" } }, 'configmap "none" not found'],
  [{ secret: { secretName: "none" } }, 'secret "none" not found'],
  [
    { configMap: { name: "settings", items: [{ key: "zz", path: "zz" }] } },
    "configmap references non-existent config key: zz",
  ],
  [
    { configMap: { name: "settings", items: [{ key: "a", path: "../a" }] } },
    'spec.volumes[0].configMap.items[0].path: must be a relative path that does not begin with "..", got "../a"',
  ],
  [
    { downwardAPI: { items: [{ path: "/a", fieldRef: { fieldPath: "metadata.uid" } }] } },
    'spec.volumes[0].downwardAPI.items[0].path: must be a relative path that does not begin with "..", got "/a"',
  ],
  [
    { downwardAPI: { items: [{ path: "a", resourceFieldRef: { resource: "limits.cpu" } }] } },
    "spec.volumes[0].downwardAPI.items[0].resourceFieldRef.containerName: is required",
  ],
  [
    { projected: { sources: [{ serviceAccountToken: { path: "token" } }] } },
    "spec.volumes[0].projected.sources[0].serviceAccountToken: needs an API server",
  ],
  [
    { hostPath: { path: "/a/../b" } },
    'spec.volumes[0].hostPath.path: must be an absolute path without "..", got "/a/../b"',
  ],
  [{ image: {} }, "spec.volumes[0].image.reference: is required"],
] as const)
  test(`volume: ${message}`, () => {
    assert.throws(() => plan(source), {
      waitingReason: "FailedMount",
      rawMessage: `MountVolume.SetUp failed for volume "v" : ${message}`,
    });
  });

/** Rows: a quantity, its value, and its thousandths. */
for (const [text, value, milli] of [
  ["100m", 1n, 100n],
  ["0.5m", 1n, 1n],
  ["1.5", 2n, 1500n],
  ["1.5Gi", 1_610_612_736n, undefined],
  ["129e6", 129_000_000n, undefined],
  ["0.1Mi", 104_858n, undefined],
  ["1E3", 1000n, undefined],
] as const)
  test(`quantity ${text}`, () => {
    assert.equal(parseQuantity(text).value(), value);
    if (milli !== undefined) assert.equal(parseQuantity(text).milliValue(), milli);
  });

for (const text of ["1K", "5mi", "1 Gi", "1e"])
  test(`${text} is not a quantity`, () => {
    assert.throws(() => parseQuantity(text), { reason: "invalid_spec" });
  });
