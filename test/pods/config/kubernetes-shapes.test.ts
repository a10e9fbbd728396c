// Specs in the shape of a Kubernetes Pod, and one place in two spellings: the error says what is meant.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type CriError, isCriError } from "../../../src/core/index.js";
import { containerConfig, parseQuantity, sandboxConfig } from "../../../src/pods/config/index.js";
import { kubernetesNames } from "../../../src/pods/config/kubernetes-names.js";
import { busybox, scripted } from "../../support/embedded.js";
import { failure } from "../../support/failure.js";

const pod = sandboxConfig({ name: "p" });
// The casts stand for callers without a compiler.
const podProblems = (spec: object) => problems(() => sandboxConfig({ name: "p", ...spec } as never));
const containerProblems = (spec: object) =>
  problems(() => containerConfig({ name: "c", image: "i", ...spec } as never, { pod }));

function problems(work: () => unknown): CriError["problems"] {
  try {
    work();
  } catch (error) {
    if (isCriError(error)) return error.problems;
    throw error;
  }
  return [];
}

type Row = readonly [spec: object, path: string, message: RegExp];

const podRows: readonly Row[] = [
  [{ apiVersion: "v1" }, "apiVersion", /a spec is not a manifest/],
  [{ metadata: {} }, "metadata", /here name, namespace, uid, labels and annotations are fields of the spec/],
  [{ spec: {} }, "spec", /here its fields are fields of the spec itself/],
  [{ containers: [] }, "containers", /pod\.runContainer\(spec\)/],
  [{ hostNetwork: true }, "hostNetwork", /namespaces: \{ hostNetwork: true \}$/],
  [{ hostPID: true }, "hostPID", /namespaces: \{ pid: "host" \}$/],
  [{ securityContext: { runAsUser: 1 } }, "securityContext", /here it is called security;/],
  [{ security: { runAsUser: 1 } }, "security.runAsUser", /here it is called user$/],
  [{ security: { sysctls: [] } }, "security.sysctls", /field of the spec itself/],
  [{ security: { seccomp: { type: "Unconfined" } } }, "security.seccomp.type", /the value itself/],
  [{ sysctls: [{ name: "a.b", value: "1" }] }, "sysctls", /keys and values, \{ "net\.core/],
  [{ dnsConfig: {} }, "dnsConfig", /called dns:/],
  [{ dns: { nameservers: [] } }, "dns.nameservers", /called servers$/],
  [{ ports: [{ containerPort: 1, hostIP: "127.0.0.1" }] }, "ports[0].hostIP", /called hostIp$/],
  [{ overhead: { limits: {} } }, "overhead.limits", /fields of the resources themselves/],
];
const containerRows: readonly Row[] = [
  [
    { volumeMounts: [{}] },
    "volumeMounts",
    /^is not a known field; here it is called mounts: \[\{ hostPath, containerPath \}\]$/,
  ],
  [{ ports: [{ containerPort: 80 }] }, "ports", /field of the pod's spec: ports: \[\{ containerPort,/],
  [{ metadata: {} }, "metadata", /fields of the spec itself/],
  [{ imagePullPolicy: "Never" }, "imagePullPolicy", /called pullPolicy$/],
  [{ securityContext: {} }, "securityContext", /called security$/],
  [{ security: { runAsGroup: 1 } }, "security.runAsGroup", /called group$/],
  [{ resources: { limits: { cpu: 1 } } }, "resources.limits", /resources themselves: \{ cpu, memory \}$/],
  [
    { resources: { requests: { "ephemeral-storage": 1 } } },
    'resources.requests["ephemeral-storage"]',
    /disk/,
  ],
  [{ mounts: [{ name: "v", mountPath: "/a" }] }, "mounts[0].mountPath", /called containerPath$/],
  [
    { env: [{ name: "A", value: "secret" }] },
    "env",
    /keys and values, \{ NAME: "value" \}, got an array of 1$/,
  ],
  [{ hostNetwork: true }, "hostNetwork", /field of the pod's spec/],
  [{ readinessProbe: {} }, "readinessProbe", /CRI has no such field/],
];

for (const [kind, rows, find] of [
  ["pod", podRows, podProblems],
  ["container", containerRows, containerProblems],
] as const)
  for (const [spec, path, message] of rows)
    test(`${kind}: ${path} of Kubernetes has a hint`, () => {
      const problem = find(spec).find((one) => one.path === path);
      assert.match(problem?.message ?? "no problem", message);
    });

test("no name of the table is the name of a field here", () => {
  for (const [kind, find] of [
    ["pod", podProblems],
    ["container", containerProblems],
  ] as const)
    for (const [name, text] of Object.entries(kubernetesNames[kind]))
      assert.deepEqual(
        find({ [name]: {} }).map(({ message }) => message),
        [`is not a known field; ${text}`],
      );
});

test("a quantity as other tools write it has a suggestion, which is valid", () => {
  for (const [text, meant] of [
    ["64MB", ["64M", "64Mi"]],
    ["64mb", ["64M", "64Mi"]],
    ["1.5 GB", ["1.5G", "1.5Gi"]],
    ["64KB", ["64k", "64Ki"]],
    ["64K", ["64k", "64Ki"]],
    ["1g", ["1G", "1Gi"]],
    ["64MiB", ["64Mi"]],
    ["64mi", ["64Mi"]],
  ] as const) {
    const [problem] = containerProblems({ resources: { memory: text } });
    assert.equal(problem?.path, "resources.memory");
    const [, suggestion = ""] = /did you mean ([^?]*)\?/.exec(problem.message) ?? [];
    assert.deepEqual(suggestion.match(/(?<=")[^" ]+(?=")/g), meant, problem.message);
    for (const one of meant) assert.ok(parseQuantity(one).value() > 0n);
  }
  for (const text of ["64XB", "MB", "1 core", ""])
    assert.doesNotMatch(containerProblems({ resources: { memory: text } })[0]?.message ?? "", /did you mean/);
});

const mounts = (...paths: string[]) => ({
  mounts: paths.map((containerPath) => ({ hostPath: "/h", containerPath })),
});

test("one mount point in two spellings is refused", () => {
  for (const other of ["/a/b", "/a/b/", "//a/b", "/a//b", "/a/./b/.", "/a/c/../b"]) {
    const found = containerProblems(mounts("/a/b", "/x", other));
    assert.deepEqual(
      found.map(({ path }) => path),
      ["mounts[2].containerPath"],
      other,
    );
    assert.match(found[0]?.message ?? "", /is already the mount point of mounts\[0\], got /);
  }
  for (const other of ["c:\\A", "C:/a", "C:\\a\\"])
    assert.equal(containerProblems(mounts("C:\\a", other)).length, 1, other);
  for (const root of ["/", "//", "/.", "/./", "/a/.."])
    assert.match(containerProblems(mounts(root))[0]?.message ?? "", /root directory/, root);
  assert.deepEqual(containerProblems(mounts("/a", "/A", "/a/b", "/ab", "/a /b")), []);
});

const ports = (...mappings: object[]) => podProblems({ ports: mappings }).map(({ path }) => path);

test("one host port in two spellings is refused", () => {
  const first = { containerPort: 80, hostPort: 8080 };
  const on = (hostIp: string, containerPort = 81) => ({ hostPort: 8080, containerPort, hostIp });
  for (const [a, b] of [
    ["", "0.0.0.0"],
    ["", "127.0.0.1"],
    ["", "::1"],
    ["0.0.0.0", "10.0.0.1"],
    ["::", "::1"],
    ["::1", "0:0:0:0:0:0:0:1"],
    ["fd00::A", "fd00:0::a"],
    ["127.0.0.1", "::ffff:127.0.0.1"],
    ["127.0.0.1", "::ffff:7f00:1"],
    ["127.0.0.1", "127.0.0.1"],
  ] as const)
    for (const pair of [[a, b] as const, [b, a] as const]) {
      assert.deepEqual(ports(on(pair[0], 80), on(pair[1])), ["ports[1].hostPort"], pair.join(" "));
      // In two spellings, it is refused for one container port, too.
      if (a !== b) assert.deepEqual(ports(on(pair[0]), on(pair[1])), ["ports[1].hostPort"], pair.join(" "));
    }
  for (const [a, b] of [
    ["127.0.0.1", "127.0.0.2"],
    ["127.0.0.1", "::1"],
    ["0.0.0.0", "::"],
    ["fe80::1%eth0", "fe80::1%eth1"],
  ] as const)
    assert.deepEqual(ports(on(a, 80), on(b)), [], `${a} ${b}`);
  assert.deepEqual(ports(first, { ...first, protocol: "UDP" }, { ...first, hostPort: 8081 }), []);
  assert.deepEqual(ports({ containerPort: 80 }, { containerPort: 80, hostIp: "127.0.0.1" }), []);
  assert.equal(
    sandboxConfig({ name: "p", ports: [first, { ...first, protocol: "TCP" }] }).portMappings.length,
    1,
  );
  assert.match(
    podProblems({ ports: [first, on("127.0.0.1")] })[0]?.message ?? "",
    /^is already mapped to container port 80 by ports\[0\] on every address, got 8080$/,
  );
});

test("the embedded runtime gets no request for such specs", async (t) => {
  const { runtime, cri } = await scripted(t);
  const manifest = { apiVersion: "v1", kind: "Pod", metadata: { name: "web" }, spec: { containers: [] } };
  const refused = await failure(cri.pods.run(manifest as never));
  assert.equal(refused.reason, "invalid_spec");
  assert.deepEqual(
    refused.problems.map(({ path }) => path),
    ["name", "apiVersion", "kind", "metadata", "spec"],
  );
  assert.equal(runtime.calls.of("runPodSandbox").length, 0);
  await using web = await cri.pods.run({ name: "web", logDirectory: false });
  const spec = { name: "c", image: busybox, ...mounts("/a", "/a/"), volumeMounts: [] };
  const invalid = await failure(web.runContainer(spec));
  assert.deepEqual(
    invalid.problems.map(({ path }) => path),
    ["mounts[1].containerPath", "volumeMounts"],
  );
  assert.match((await failure(web.runContainer({ ...spec, mounts: [] } as never))).message, /called mounts/);
  assert.equal(runtime.calls.of("createContainer").length, 0);
});
