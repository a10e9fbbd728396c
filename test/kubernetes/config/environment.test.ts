import assert from "node:assert/strict";
import { test } from "node:test";
import { readEnvFile } from "../../../src/kubernetes/config/env-file.js";
import type { EnvVar, NodeFacts, PodInputs, PodSpec } from "../../../src/kubernetes/index.js";
import { containerOf, plannedOf, podOf, variablesOf, vectorUid } from "../../support/pod-fixtures.js";

const base64 = (text: string | Uint8Array) => Buffer.from(text).toString("base64");

test("$(VAR) in values, command and args", () => {
  const env: EnvVar[] = [
    { name: "X", value: "$(YY)" },
    { name: "YY", value: "y" },
    { name: "Z", value: "$(X)/$(YY)/$(UNSET)/$$(YY)/$YY/$/$(YY" },
    { name: "YY", value: "y2" },
    { name: "W", value: "$(YY)" },
  ];
  const planned = plannedOf(
    podOf(containerOf({ env, command: ["$(YY)", "$(NO)"], args: ["$$(W)-$(W)", "$(EMPTY)"] })),
  );
  assert.deepEqual(variablesOf(planned), {
    X: "$(YY)",
    YY: "y2",
    Z: "$(YY)/y/$(UNSET)/$(YY)/$YY/$/$(YY",
    W: "y2",
  });
  // Each variable once, in the order of the first definition.
  assert.deepEqual(
    planned.config.envs.map(({ key }) => key),
    ["X", "YY", "Z", "W"],
  );
  assert.deepEqual(planned.config.command, ["y2", "$(NO)"]);
  assert.deepEqual(planned.config.args, ["$(W)-y2", "$(EMPTY)"]);
  const empty = plannedOf(podOf(containerOf({ env: [{ name: "E" }, { name: "F", value: "<$(E)>" }] })));
  assert.deepEqual(variablesOf(empty), { E: "", F: "<>" });
});

const inputs: PodInputs = {
  configMaps: [
    { metadata: { name: "settings", namespace: "other" }, data: { a: "wrong" } },
    {
      metadata: { name: "settings", namespace: "prod" },
      data: { b: "2", a: "1" },
      // Only files have these keys.
      binaryData: { raw: "AP8=" },
    },
  ],
  secrets: [{ metadata: { name: "keys" }, data: { a: base64("s1") }, stringData: { t: "text" } }],
};

test("envFrom: keys with a prefix; later sources win, and env wins over them", () => {
  const planned = plannedOf(
    podOf(
      containerOf({
        envFrom: [
          { configMapRef: { name: "settings" } },
          { secretRef: { name: "keys" } },
          { prefix: "P_", configMapRef: { name: "settings" } },
          { configMapRef: { name: "none", optional: true } },
        ],
        env: [
          { name: "b", value: "own" },
          { name: "c", value: "$(a)$(P_a)" },
        ],
      }),
    ),
    {},
    inputs,
  );
  assert.deepEqual(variablesOf(planned), { a: "s1", b: "own", t: "text", P_a: "1", P_b: "2", c: "s11" });
});

test("keys of ConfigMaps and Secrets; bytes of a Secret stay as they are", () => {
  const bytes = Uint8Array.of(0xff, 0x00, 0xc3, 0xa4);
  const secrets = [{ metadata: { name: "keys", namespace: "prod" }, data: { raw: base64(bytes) } }];
  const env: EnvVar[] = [
    { name: "A", valueFrom: { configMapKeyRef: { name: "settings", key: "a" } } },
    { name: "RAW", valueFrom: { secretKeyRef: { name: "keys", key: "raw" } } },
    { name: "COPY", value: "ä$(RAW)" },
    { name: "NO", valueFrom: { configMapKeyRef: { name: "settings", key: "zz", optional: true } } },
    { name: "NO2", valueFrom: { secretKeyRef: { name: "none", key: "a", optional: true } } },
  ];
  const { envs } = plannedOf(podOf(containerOf({ env })), {}, { ...inputs, secrets }).config;
  assert.deepEqual(
    envs.map(({ key, value }) => [key, Buffer.from(value).toString("hex")]),
    [
      ["A", "31"],
      ["RAW", "ff00c3a4"],
      ["COPY", "c3a4ff00c3a4"],
    ],
  );
});

/** Rows: a variable, and the message of its error. */
const wrong: readonly (readonly [env: Partial<EnvVar>, message: string])[] = [
  [{ valueFrom: { configMapKeyRef: { name: "none", key: "a" } } }, 'configmap "none" not found'],
  [
    { valueFrom: { configMapKeyRef: { name: "settings", key: "zz" } } },
    "couldn't find key zz in ConfigMap prod/settings",
  ],
  [{ valueFrom: { secretKeyRef: { name: "none", key: "a" } } }, 'secret "none" not found'],
  [
    { valueFrom: { fieldRef: { fieldPath: "spec.hostname" } } },
    "spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: must be one of metadata.name, metadata.namespace, metadata.uid, metadata.labels, metadata.annotations, spec.nodeName, spec.serviceAccountName, status.hostIP, status.hostIPs, status.podIP, status.podIPs, metadata.labels['key'], metadata.annotations['key'], got \"spec.hostname\"",
  ],
  [
    { valueFrom: { resourceFieldRef: { resource: "limits.gpu" } } },
    'spec.containers[0].env[0].valueFrom.resourceFieldRef.resource: must be limits or requests of cpu, memory, ephemeral-storage or hugepages-<size>, got "limits.gpu"',
  ],
  [
    { valueFrom: { resourceFieldRef: { resource: "limits.cpu", containerName: "x" } } },
    'spec.containers[0].env[0].valueFrom.resourceFieldRef.containerName: no container "x"',
  ],
  [
    { valueFrom: { fileKeyRef: { volumeName: "x", path: "f", key: "K" } } },
    'spec.containers[0].env[0].valueFrom.fileKeyRef: the pod has no volume "x"',
  ],
];

for (const [variable, message] of wrong)
  test(`error: ${message.slice(0, 90)}`, () => {
    const pod = podOf(containerOf({ env: [{ name: "X", ...variable }] }));
    assert.throws(() => plannedOf(pod, {}, inputs), {
      name: "CriError",
      reason: "pod_start_failed",
      waitingReason: "CreateContainerConfigError",
      rawMessage: message,
    });
  });

test("an error about a Secret does not show its value", () => {
  const secrets = [{ metadata: { name: "keys" }, data: { a: "not base64!" } }];
  const pod = podOf(containerOf({ envFrom: [{ secretRef: { name: "keys" } }] }));
  assert.throws(() => plannedOf(pod, {}, { secrets }), {
    rawMessage: 'spec.containers[0].envFrom[0].secretRef: Secret "keys", key "a": must be base64',
  });
});

/** Rows: a field, and its value. */
const fields: readonly (readonly [fieldPath: string, value: string])[] = [
  ["metadata.name", "web-0"],
  ["metadata.namespace", "prod"],
  ["metadata.uid", vectorUid],
  ["metadata.labels['app']", "web"],
  ["metadata.labels['none']", ""],
  ["metadata.annotations['a.b/c']", 'x"\n\u00e4\u0001\u200b'],
  ["metadata.labels", 'app="web"\nz="1"'],
  ["metadata.annotations", 'a.b/c="x\\"\\nä\\x01\\u200b"'],
  ["spec.nodeName", "node-1"],
  ["spec.serviceAccountName", "robot"],
  ["status.hostIP", "192.0.2.10"],
  ["status.hostIPs", "192.0.2.10,2001:db8::10"],
  ["status.podIP", "10.244.0.5"],
  ["status.podIPs", "10.244.0.5,fd00::5"],
];
const fieldPod = (fieldPath: string, spec: Partial<PodSpec> = {}) =>
  podOf(
    {
      serviceAccountName: "robot",
      ...spec,
      containers: [containerOf({ env: [{ name: "F", valueFrom: { fieldRef: { fieldPath } } }] })],
    },
    { labels: { z: "1", app: "web" }, annotations: { "a.b/c": 'x"\n\u00e4\u0001\u200b' } },
  );

for (const [fieldPath, value] of fields)
  test(`fieldRef ${fieldPath}`, () => {
    // IPv6 first, and one more address: the node's family comes first, with one address of each.
    const podIPs = ["fd00::5", "10.244.0.5", "10.244.0.6"];
    assert.equal(variablesOf(plannedOf(fieldPod(fieldPath), {}, { podIPs })).F, value);
  });

test("the addresses of a pod in the host's network are the node's", () => {
  const of = (fieldPath: string, node: Partial<NodeFacts> = {}) =>
    variablesOf(plannedOf(fieldPod(fieldPath, { hostNetwork: true }), node)).F;
  assert.equal(of("status.podIPs"), "192.0.2.10,2001:db8::10");
  assert.equal(of("status.podIP", { nodeIPs: ["2001:db8::1", "192.0.2.1"] }), "2001:db8::1");
  assert.equal(variablesOf(plannedOf(fieldPod("status.podIP"))).F, "");
  assert.equal(variablesOf(plannedOf(fieldPod("spec.nodeName", { nodeName: "other" }))).F, "other");
});

/** Rows: a resource, the divisor, and the value. */
const amounts: readonly (readonly [resource: string, divisor: string | undefined, value: string])[] = [
  ["limits.cpu", undefined, "1"],
  ["limits.cpu", "1m", "250"],
  ["requests.cpu", "1m", "100"],
  ["limits.memory", undefined, "67108864"],
  ["limits.memory", "1Mi", "64"],
  ["limits.memory", "1Gi", "1"],
  ["limits.ephemeral-storage", "1Gi", "50"],
  ["requests.ephemeral-storage", "0", "0"],
  ["limits.hugepages-2Mi", undefined, "4194304"],
];
for (const [resource, divisor, value] of amounts)
  test(`resourceFieldRef ${resource} in ${divisor}`, () => {
    const resourceFieldRef = { resource, ...(divisor && { divisor }) };
    const pod = podOf(
      containerOf({
        env: [{ name: "R", valueFrom: { resourceFieldRef } }],
        resources: {
          requests: { cpu: "100m" },
          limits: { cpu: "250m", memory: "64Mi", "hugepages-2Mi": "4Mi" },
        },
      }),
    );
    assert.equal(variablesOf(plannedOf(pod)).R, value);
  });

test("resourceFieldRef without a limit: that of the pod, or the node's", () => {
  const env = [
    { name: "C", valueFrom: { resourceFieldRef: { resource: "limits.cpu" } } },
    { name: "M", valueFrom: { resourceFieldRef: { resource: "limits.memory", divisor: "1Mi" } } },
    { name: "D", valueFrom: { resourceFieldRef: { resource: "limits.cpu", containerName: "d" } } },
  ];
  const containers = [containerOf({ env }), containerOf({ name: "d", resources: { limits: { cpu: 3 } } })];
  assert.deepEqual(variablesOf(plannedOf(podOf({ containers }))), { C: "4", M: "7168", D: "3" });
  const resources = { limits: { memory: "1Gi" } };
  assert.deepEqual(variablesOf(plannedOf(podOf({ containers, resources }))), { C: "4", M: "1024", D: "3" });
});

const services = [
  {
    name: "kubernetes",
    namespace: "default",
    clusterIP: "10.96.0.1",
    ports: [{ name: "https", port: 443, protocol: "TCP" }],
  },
  { name: "my-db", namespace: "prod", clusterIP: "fd00::1", ports: [{ port: 53, protocol: "UDP" }] },
  { name: "headless", namespace: "prod", clusterIP: "None", ports: [{ port: 1 }] },
  { name: "far", namespace: "other", clusterIP: "10.96.0.9", ports: [{ port: 1 }] },
];

test("variables of Services", () => {
  const kubernetes = {
    KUBERNETES_SERVICE_HOST: "10.96.0.1",
    KUBERNETES_SERVICE_PORT: "443",
    KUBERNETES_SERVICE_PORT_HTTPS: "443",
    KUBERNETES_PORT: "tcp://10.96.0.1:443",
    KUBERNETES_PORT_443_TCP: "tcp://10.96.0.1:443",
    KUBERNETES_PORT_443_TCP_PROTO: "tcp",
    KUBERNETES_PORT_443_TCP_PORT: "443",
    KUBERNETES_PORT_443_TCP_ADDR: "10.96.0.1",
  };
  const database = {
    MY_DB_SERVICE_HOST: "fd00::1",
    MY_DB_SERVICE_PORT: "53",
    MY_DB_PORT: "udp://[fd00::1]:53",
    MY_DB_PORT_53_UDP: "udp://[fd00::1]:53",
    MY_DB_PORT_53_UDP_PROTO: "udp",
    MY_DB_PORT_53_UDP_PORT: "53",
    MY_DB_PORT_53_UDP_ADDR: "fd00::1",
  };
  const env = [
    { name: "URL", value: "$(KUBERNETES_PORT)" },
    { name: "MY_DB_SERVICE_HOST", value: "own" },
  ];
  const args = ["$(MY_DB_SERVICE_PORT)"];
  const linked = plannedOf(podOf(containerOf({ env, args })), {}, { services });
  assert.deepEqual(variablesOf(linked), {
    URL: "tcp://10.96.0.1:443",
    ...kubernetes,
    ...database,
    MY_DB_SERVICE_HOST: "own",
  });
  assert.deepEqual(linked.config.args, ["53"]);
  const unlinked = plannedOf(podOf({ enableServiceLinks: false }), {}, { services });
  assert.deepEqual(variablesOf(unlinked), kubernetes);
  assert.deepEqual(variablesOf(plannedOf(podOf({}))), {});
});

test("fileKeyRef", () => {
  const file = "# comment\n\n  A='one'\nB='two\nlines' # more\nC= 'x'\n";
  const env = (key: string, more: object = {}) => [
    { name: "X", valueFrom: { fileKeyRef: { volumeName: "v", path: "dir/env", key, ...more } } },
  ];
  const of = (variables: EnvVar[], text: string | undefined = file) =>
    variablesOf(
      plannedOf(
        podOf({ volumes: [{ name: "v", emptyDir: {} }], containers: [containerOf({ env: variables })] }),
        {},
        { readVolumeFile: (name, path) => (name === "v" && path === "dir/env" ? text : undefined) },
      ),
    );
  assert.deepEqual(of(env("A")), { X: "one" });
  assert.deepEqual(of(env("B")), { X: "two\nlines" });
  assert.deepEqual(of(env("C")), { X: "" });
  assert.deepEqual(of(env("D", { optional: true })), {});
  assert.deepEqual(of(env("A", { path: "none", optional: true })), {});
  const where = "spec.containers[0].env[0].valueFrom.fileKeyRef: ";
  assert.throws(() => of(env("D")), {
    rawMessage: `${where}the file "dir/env" of the volume "v" does not define D`,
  });
  assert.throws(() => of(env("A", { path: "none" })), {
    rawMessage: `${where}the file "none" of the volume "v" does not exist`,
  });
  assert.throws(() => of(env("A", { path: "../env" })), {
    rawMessage: `${where}path must be relative and without "..", got "../env"`,
  });
  assert.throws(() => of(env("A"), "A=one"), {
    rawMessage: `${where}the file "dir/env" of the volume "v": line 1 has a value that is not in single quotes`,
  });
});

/** Rows: a file, and the error about it. */
const badFiles: readonly (readonly [text: string, message: string])[] = [
  ["A", 'line 1 has no "="'],
  ["\n='x'", "line 2 has no name before ="],
  ["A ='x'", "line 1 has a space before ="],
  ['A="x"', "line 1 has a value that is not in single quotes"],
  ["A='x\ny", "line 1 has a single quote without an end"],
  ["A='x' y", "line 1 has text after the closing quote"],
];
for (const [text, message] of badFiles)
  test(`file of variables: ${message}`, () => {
    assert.throws(() => readEnvFile(text, "Z", (why) => new Error(why)), { message });
  });
