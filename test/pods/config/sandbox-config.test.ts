// PodSandboxConfig from a pod's spec, field by field.
import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import {
  NamespaceMode,
  type PodSandboxConfig,
  PodSandboxConfigSchema,
  SecurityProfile_ProfileType as ProfileType,
  Protocol,
  SupplementalGroupsPolicy,
} from "../../../gen/runtime/v1/api_pb.js";
import { isCriError } from "../../../src/core/index.js";
import {
  type PodSpec,
  podLogDirectory,
  podResources,
  podUid,
  sandboxConfig,
} from "../../../src/pods/config/index.js";
import { dottedSysctl, truncateHostname } from "../../../src/pods/config/sandbox-fields.js";

const uid = "11111111-2222-3333-4444-555555555555";
const make = (spec: Partial<PodSpec> = {}) => sandboxConfig({ name: "web-0", uid, ...spec } as PodSpec);
const security = (config: PodSandboxConfig) => config.linux?.securityContext;

test("the defaults of a pod with only a name", () => {
  const config = sandboxConfig({ name: "web-0" });
  const ownUid = config.metadata?.uid ?? "";
  assert.match(ownUid, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.deepEqual(
    config,
    create(PodSandboxConfigSchema, {
      metadata: { name: "web-0", namespace: "default", uid: ownUid, attempt: 0 },
      hostname: "web-0",
      logDirectory: `/var/log/pods/default_web-0_${ownUid}`,
      labels: {
        "io.kubernetes.pod.name": "web-0",
        "io.kubernetes.pod.namespace": "default",
        "io.kubernetes.pod.uid": ownUid,
      },
      linux: {
        securityContext: {
          namespaceOptions: {
            network: NamespaceMode.POD,
            pid: NamespaceMode.CONTAINER,
            ipc: NamespaceMode.POD,
            usernsOptions: { mode: NamespaceMode.NODE },
          },
          seccomp: { profileType: ProfileType.RuntimeDefault },
        },
      },
    }),
  );
  assert.notEqual(sandboxConfig({ name: "web-0" }).metadata?.uid, ownUid);
});

test("identity, labels and log directory, as in the kubelet", () => {
  const config = make({
    namespace: "prod",
    labels: { app: "web" },
    attempt: 2,
    annotations: { "A.b/c": "d\n" },
  });
  assert.equal(config.metadata?.attempt, 2);
  assert.equal(config.logDirectory, `/var/log/pods/prod_web-0_${uid}`);
  assert.deepEqual(config.labels, {
    app: "web",
    "io.kubernetes.pod.name": "web-0",
    "io.kubernetes.pod.namespace": "prod",
    "io.kubernetes.pod.uid": uid,
  });
  assert.deepEqual(config.annotations, { "A.b/c": "d\n" });
  // Labels read from a pod can be passed again.
  assert.deepEqual(make({ namespace: "prod", labels: config.labels }).labels, config.labels);
});

test("the log directory: below another root, elsewhere, or none", () => {
  const under = (logRoot: string) => sandboxConfig({ name: "a", uid: "u" }, { logRoot }).logDirectory;
  assert.equal(under("/tmp/logs"), "/tmp/logs/default_a_u");
  assert.equal(under("/tmp/logs//"), "/tmp/logs/default_a_u");
  assert.equal(under("/"), "/default_a_u");
  assert.equal(podLogDirectory("/x", { namespace: "n", name: "a", uid: "u" }), "/x/n_a_u");
  assert.equal(make({ logDirectory: "/elsewhere" }).logDirectory, "/elsewhere");
  assert.equal(make({ logDirectory: false }).logDirectory, "");
  for (const logRoot of ["logs", "/a/../b", "", 5])
    assert.throws(
      () => under(logRoot as string),
      (error) =>
        isCriError(error) && error.reason === "invalid_option" && error.problems[0]?.path === "logRoot",
    );
  // A directory name has at most 255 bytes, and a pod's name alone may have 253.
  const name = `a${".b".repeat(126)}`;
  assert.equal(sandboxConfig({ name, logDirectory: false }).metadata?.name, name);
  assert.throws(() => sandboxConfig({ name }), /logDirectory: is required: .* 298 characters/);
});

test("hostnames: truncated, with a domain, none on the host network", () => {
  const tens = ["a", "b", "c", "d", "e", "f"].map((letter) => letter.repeat(10)).join("");
  // The first 63 characters end with the hyphen.
  assert.equal(truncateHostname(`${tens}12-.gggggg`), `${tens}12`);
  assert.equal(make({ name: `${tens}12-3.gg` }).hostname, `${tens}12`);
  assert.equal(make({ name: `${tens}1.3.gggggg` }).hostname, `${tens}1.3`.slice(0, 63));
  assert.equal(make({ hostname: "my.custom.host" }).hostname, "my.custom.host");
  assert.equal(
    make({ hostname: "web", domain: "db.prod.svc.cluster.local" }).hostname,
    "web.db.prod.svc.cluster.local",
  );
  assert.equal(make({ domain: "b" }).hostname, "web-0.b");
  assert.equal(make({ hostname: "web", domain: "d".repeat(60) }).hostname.length, 64);
  assert.throws(
    () => make({ hostname: "web", domain: "d".repeat(61) }),
    /domain: must have at most 64 characters together/,
  );
  assert.equal(make({ namespaces: { hostNetwork: true } }).hostname, "");
});

test("host network, host PID namespace, and a port there", () => {
  const config = make({ namespaces: { hostNetwork: true, pid: "host" }, ports: [{ containerPort: 80 }] });
  const options = security(config)?.namespaceOptions;
  assert.equal(config.hostname, "");
  assert.deepEqual(
    [options?.network, options?.pid, options?.ipc],
    [NamespaceMode.NODE, NamespaceMode.NODE, NamespaceMode.POD],
  );
  const [port] = config.portMappings;
  assert.deepEqual([port?.hostPort, port?.containerPort, port?.protocol], [80, 80, Protocol.TCP]);
});

test("each namespace", () => {
  const of = (namespaces: PodSpec["namespaces"]) =>
    security(make({ namespaces } as Partial<PodSpec>))?.namespaceOptions;
  assert.equal(of({ pid: "pod" })?.pid, NamespaceMode.POD);
  assert.equal(of({ pid: "container" })?.pid, NamespaceMode.CONTAINER);
  assert.equal(of({ pid: "host" })?.pid, NamespaceMode.NODE);
  assert.equal(of({ hostIpc: true })?.ipc, NamespaceMode.NODE);
  const users = of({ users: { uids: { hostId: 65_536 } } })?.usernsOptions;
  const numbers = { hostId: 65_536, containerId: 0, length: 65_536 };
  assert.equal(users?.mode, NamespaceMode.POD);
  assert.deepEqual(
    [users?.uids, users?.gids].map((list) => list?.map(bare)),
    [[numbers], [numbers]],
  );
  const own = of({
    users: { uids: { hostId: 1, length: 2 }, gids: { hostId: 3, containerId: 4, length: 5 } },
  });
  assert.deepEqual(own?.usernsOptions?.gids.map(bare), [{ hostId: 3, containerId: 4, length: 5 }]);
});

test("ports keep their order, and duplicates are dropped", () => {
  const ports = (list: PodSpec["ports"]) =>
    make({ ports: list }).portMappings.map((port) => [
      port.hostIp,
      port.hostPort,
      port.containerPort,
      Protocol[port.protocol === 0 ? "TCP" : port.protocol === 1 ? "UDP" : "SCTP"],
    ]);
  assert.deepEqual(
    ports([
      { containerPort: 80, hostPort: 8080 },
      { containerPort: 53, protocol: "UDP" },
    ]),
    [
      ["", 8080, 80, Protocol.TCP],
      ["", 0, 53, Protocol.UDP],
    ],
  );
  const local = { hostIp: "127.0.0.1", containerPort: 80, hostPort: 80 };
  assert.deepEqual(ports([local, local, { ...local, hostIp: "::1", protocol: "SCTP" }]), [
    ["127.0.0.1", 80, 80, Protocol.TCP],
    ["::1", 80, 80, Protocol.SCTP],
  ]);
  // One host port for two protocols; and a port that is declared twice.
  const both = [
    { containerPort: 53, hostPort: 53 },
    { containerPort: 53, hostPort: 53, protocol: "UDP" },
  ] as const;
  assert.equal(ports(both).length, 2);
  assert.equal(ports([{ containerPort: 1 }, { containerPort: 1 }, { containerPort: 2 }]).length, 2);
});

test("DNS", () => {
  const servers = ["1.1.1.1", "fd00::1", "fe80::1%eth0"];
  const searches = [".", "a_b.example", "example."];
  const { dnsConfig } = make({ dns: { servers, searches, options: ["ndots:5", "rotate"] } });
  assert.deepEqual(
    [dnsConfig?.servers, dnsConfig?.searches, dnsConfig?.options],
    [servers, searches, ["ndots:5", "rotate"]],
  );
  assert.equal(make().dnsConfig, undefined);
  assert.deepEqual(make({ dns: {} }).dnsConfig?.servers, []);
});

test("a sysctl written as a path becomes a dotted name", () => {
  assert.equal(dottedSysctl("net/ipv4/conf/eno2.100/rp_filter"), "net.ipv4.conf.eno2/100.rp_filter");
  assert.equal(dottedSysctl("net.ipv4.conf.eno2/100.rp_filter"), "net.ipv4.conf.eno2/100.rp_filter");
  assert.equal(dottedSysctl("kernel"), "kernel");
  const sysctls = { "net/core/somaxconn": "1", "kernel.shm_rmid_forced": "1" };
  assert.deepEqual(make({ sysctls }).linux?.sysctls, {
    "net.core.somaxconn": "1",
    "kernel.shm_rmid_forced": "1",
  });
  // The host's PID namespace does not affect these sysctls.
  assert.ok(make({ sysctls, namespaces: { pid: "host" } }));
});

test("the security context", () => {
  const context = security(
    make({
      security: {
        user: 1,
        group: 2,
        supplementalGroups: [3, 4],
        supplementalGroupsPolicy: "Strict",
        selinux: { user: "u", role: "r", type: "t", level: "l" },
        privileged: true,
        readOnlyRootFilesystem: true,
        seccomp: { localhost: "/p.json" },
        apparmor: { localhost: "profile" },
      },
    }),
  );
  assert.ok(context);
  assert.deepEqual(
    [context.runAsUser?.value, context.runAsGroup?.value, context.supplementalGroups],
    [1n, 2n, [3n, 4n]],
  );
  assert.equal(context.supplementalGroupsPolicy, SupplementalGroupsPolicy.Strict);
  assert.deepEqual(bare(context.selinuxOptions), { user: "u", role: "r", type: "t", level: "l" });
  assert.deepEqual([context.privileged, context.readonlyRootfs], [true, true]);
  assert.deepEqual(bare(context.seccomp), { profileType: ProfileType.Localhost, localhostRef: "/p.json" });
  assert.deepEqual(bare(context.apparmor), { profileType: ProfileType.Localhost, localhostRef: "profile" });
  const user = (value: number) => security(make({ security: { user: value } }))?.runAsUser?.value;
  assert.deepEqual([user(0), user(2 ** 31 - 1)], [0n, 2_147_483_647n]);
  assert.equal(
    security(make({ security: { seccomp: "Unconfined" } }))?.seccomp?.profileType,
    ProfileType.Unconfined,
  );
});

test("resources, overhead, cgroup parent and Windows", () => {
  const { linux, windows } = make({
    resources: { cpu: "250m", memory: "64Mi" },
    overhead: { memory: "1Mi" },
    cgroupParent: "/pods/web",
    windows: create(PodSandboxConfigSchema, { windows: { securityContext: { runAsUsername: "u" } } }).windows,
  });
  const { cpuShares, cpuQuota, memoryLimitInBytes } = linux?.resources ?? {};
  assert.deepEqual([cpuShares, cpuQuota, memoryLimitInBytes], [256n, 25_000n, 67_108_864n]);
  assert.equal(linux?.overhead?.memoryLimitInBytes, 1_048_576n);
  // The sums of containers of which one has no limit.
  const sums = podResources({ containers: [{ cpu: 1 }, { requests: { cpu: 2 } }] });
  assert.equal(make({ resources: sums }).linux?.resources?.cpuShares, 3072n);
  assert.equal(linux?.cgroupParent, "/pods/web");
  assert.equal(windows?.securityContext?.runAsUsername, "u");
  for (const cgroupParent of ["", "a.slice", "/a.slice/a-b.slice"])
    assert.equal(make({ cgroupParent }).linux?.cgroupParent, cgroupParent);
});

test("podUid is deterministic, and a UUID of version 8", () => {
  assert.equal(podUid("prod", "web-0"), podUid("prod", "web-0"));
  assert.equal(podUid("a", "b"), "ff74b6f8-c7e0-8637-b388-35a383ff8020");
  assert.match(podUid("", ""), /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  const pairs = [
    ["a", "b"],
    ["b", "a"],
    ["ab", ""],
    ["", "ab"],
  ] as const;
  assert.equal(new Set(pairs.map(([namespace, name]) => podUid(namespace, name))).size, pairs.length);
});

/** Returns the fields of a message without its `$` properties. */
function bare(message: object | undefined): object {
  return Object.fromEntries(Object.entries(message ?? {}).filter(([key]) => !key.startsWith("$")));
}
