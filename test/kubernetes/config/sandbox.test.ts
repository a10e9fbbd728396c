import assert from "node:assert/strict";
import { test } from "node:test";
import {
  NamespaceMode,
  SecurityProfile_ProfileType as ProfileType,
  Protocol,
  SupplementalGroupsPolicy,
} from "../../../gen/runtime/v1/api_pb.js";
import type { NodeFacts, PodSpec } from "../../../src/kubernetes/index.js";
import { containerOf, planOf, podOf, sandboxOf, vectorUid } from "../../support/pod-fixtures.js";

test("identity, labels, annotations and log directory", () => {
  const metadata = { labels: { app: "web" }, annotations: { note: "x" } };
  const sandbox = sandboxOf(podOf({}, metadata), {}, { sandboxAttempt: 2 });
  assert.equal(sandbox.metadata?.attempt, 2);
  assert.equal(sandbox.metadata?.name, "web-0");
  assert.equal(sandbox.metadata?.namespace, "prod");
  assert.equal(sandbox.metadata?.uid, vectorUid);
  assert.equal(sandbox.logDirectory, `/var/log/pods/prod_web-0_${vectorUid}`);
  assert.deepEqual(sandbox.labels, {
    app: "web",
    "io.kubernetes.pod.name": "web-0",
    "io.kubernetes.pod.namespace": "prod",
    "io.kubernetes.pod.uid": vectorUid,
  });
  assert.deepEqual(sandbox.annotations, { note: "x" });
});

const long = "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff";

/** Rows: the name of the pod, fields of its spec, and the hostname. */
const hostnames: readonly (readonly [name: string, spec: Partial<PodSpec>, hostname: string])[] = [
  ["web-0", {}, "web-0"],
  [`${long}12-.gggggg`, {}, `${long}12`],
  [`${long}1234`, {}, `${long}123`],
  ["web-0", { hostname: "h", subdomain: "web" }, "h"],
  ["web-0", { subdomain: "web", setHostnameAsFQDN: true }, "web-0.web.prod.svc.cluster.local"],
  ["web-0", { setHostnameAsFQDN: true }, "web-0"],
  ["web-0", { hostnameOverride: "my.custom.host", hostname: "h", subdomain: "web" }, "my.custom.host"],
  [
    "web-0",
    { hostnameOverride: "my.custom.host", subdomain: "web", setHostnameAsFQDN: true },
    "my.custom.host",
  ],
  ["web-0", { hostNetwork: true, hostname: "h" }, ""],
];

for (const [name, spec, hostname] of hostnames)
  test(`hostname of ${name} with ${JSON.stringify(spec)}`, () => {
    assert.equal(sandboxOf(podOf(spec, { name })).hostname, hostname);
  });

test("a name with its domain has at most 64 characters", () => {
  const spec = (hostname: string) => ({ hostname, subdomain: "web", setHostnameAsFQDN: true });
  // The domain has 26 characters and a dot.
  assert.equal(sandboxOf(podOf(spec("h".repeat(37)))).hostname.length, 64);
  assert.throws(() => sandboxOf(podOf(spec("h".repeat(38)))), {
    waitingReason: "FailedCreatePodSandBox",
    message: /^spec.setHostnameAsFQDN: the hostname .* has 65 characters, at most 64 are allowed/,
  });
  assert.throws(() => sandboxOf(podOf({ hostname: "a.b" })), /spec.hostname: must be a DNS label, got "a.b"/);
});

/** Rows: namespace, spec, node, and servers, searches, options. */
const dns: readonly (readonly [
  spec: Partial<PodSpec>,
  node: Partial<NodeFacts>,
  servers: string[],
  searches: string[],
  options: string[],
])[] = [
  [
    {},
    {},
    ["10.96.0.10"],
    ["prod.svc.cluster.local", "svc.cluster.local", "cluster.local", "corp.example"],
    ["ndots:5"],
  ],
  [{ dnsPolicy: "Default" }, {}, ["10.1.1.1"], ["corp.example"], ["timeout:2"]],
  [{ hostNetwork: true }, {}, ["10.1.1.1"], ["corp.example"], ["timeout:2"]],
  [
    { hostNetwork: true, dnsPolicy: "ClusterFirstWithHostNet" },
    {},
    ["10.96.0.10"],
    ["prod.svc.cluster.local", "svc.cluster.local", "cluster.local", "corp.example"],
    ["ndots:5"],
  ],
  [{}, { clusterDns: [] }, ["10.1.1.1"], ["corp.example"], ["timeout:2"]],
  [{}, { clusterDomain: "" }, ["10.96.0.10"], ["corp.example"], ["ndots:5"]],
  [{ dnsPolicy: "Default" }, { resolvConf: undefined }, ["127.0.0.1", "::1"], ["."], []],
  [
    {
      dnsPolicy: "None",
      dnsConfig: {
        nameservers: ["1.1.1.1", "2.2.2.2", "3.3.3.3", "4.4.4.4"],
        searches: ["a.b"],
        options: [{ name: "ndots", value: "1" }],
      },
    },
    {},
    ["1.1.1.1", "2.2.2.2", "3.3.3.3"],
    ["a.b"],
    ["ndots:1"],
  ],
  [
    {
      dnsConfig: {
        nameservers: ["10.96.0.10", "8.8.8.8"],
        searches: ["corp.example", "x.y"],
        options: [{ name: "ndots", value: "2" }, { name: "edns0" }],
      },
    },
    {},
    ["10.96.0.10", "8.8.8.8"],
    ["prod.svc.cluster.local", "svc.cluster.local", "cluster.local", "corp.example", "x.y"],
    ["edns0", "ndots:2"],
  ],
  [
    { dnsPolicy: "Default" },
    {
      resolvConf:
        "# comment\n search a.example.\n\tsearch b.example . c.example.\nnameserver 1.1.1.1\n;nameserver 2.2.2.2\noptions rotate timeout:1\noptions timeout:3\n",
    },
    ["1.1.1.1"],
    ["b.example", "c.example"],
    ["rotate", "timeout:3"],
  ],
];

for (const [spec, node, servers, searches, options] of dns)
  test(`DNS with ${JSON.stringify({ spec, node })}`, () => {
    const config = sandboxOf(podOf(spec), node).dnsConfig;
    assert.deepEqual([config?.servers, config?.searches, config?.options], [servers, searches, options]);
  });

test("what exceeds the limits of resolvers is left out with a notice", () => {
  const nameservers = ["1.1.1.1", "2.2.2.2", "3.3.3.3", "4.4.4.4"];
  const many = Array.from({ length: 40 }, (_, i) => `d${i}.example`);
  const { notices, sandbox } = planOf(
    podOf({ dnsPolicy: "None", dnsConfig: { nameservers, searches: many } }),
  );
  assert.deepEqual(sandbox.dnsConfig?.searches, many.slice(0, 32));
  assert.deepEqual(
    notices.map(({ reason, message }) => [reason, message.split(",")[0]]),
    [
      ["DNSConfigForming", "nameserver limits were exceeded"],
      ["DNSConfigForming", "search limits were exceeded"],
    ],
  );
  const wide = Array.from({ length: 12 }, (_, i) => `${i}.${"x".repeat(200)}`);
  const searches = sandboxOf(
    podOf({ dnsPolicy: "None", dnsConfig: { searches: ["y".repeat(254), ...wide] } }),
  ).dnsConfig?.searches;
  assert.deepEqual(searches, wide.slice(0, 10));
  assert.deepEqual(planOf(podOf({})).notices, []);
});

test("host namespaces", () => {
  const ports = [{ containerPort: 80 }];
  const sandbox = sandboxOf(
    podOf({ hostNetwork: true, hostPID: true, containers: [containerOf({ ports })] }),
  );
  const namespaces = sandbox.linux?.securityContext?.namespaceOptions;
  assert.equal(namespaces?.network, NamespaceMode.NODE);
  assert.equal(namespaces?.pid, NamespaceMode.NODE);
  assert.equal(namespaces?.ipc, NamespaceMode.POD);
  assert.equal(namespaces?.usernsOptions?.mode, NamespaceMode.NODE);
  assert.deepEqual(
    sandbox.portMappings.map(({ protocol, containerPort, hostPort }) => [protocol, containerPort, hostPort]),
    [[Protocol.TCP, 80, 80]],
  );
});

test("the PID namespace is the container's unless the Pod shares it", () => {
  const pid = (spec: Partial<PodSpec>) =>
    sandboxOf(podOf(spec)).linux?.securityContext?.namespaceOptions?.pid;
  assert.equal(pid({}), NamespaceMode.CONTAINER);
  assert.equal(pid({ shareProcessNamespace: true }), NamespaceMode.POD);
});

test("port mappings", () => {
  const sandbox = sandboxOf(
    podOf({
      initContainers: [containerOf({ name: "i", ports: [{ containerPort: 1 }] })],
      containers: [
        containerOf({
          ports: [
            { containerPort: 80, hostPort: 8080 },
            { containerPort: 53, protocol: "UDP", name: "dns" },
          ],
        }),
        containerOf({
          name: "d",
          ports: [
            { containerPort: 80, hostPort: 80, hostIP: "127.0.0.1" },
            { containerPort: 80, hostPort: 80, hostIP: "127.0.0.1" },
            { containerPort: 80, hostPort: 80, hostIP: "::1", protocol: "SCTP" },
          ],
        }),
      ],
    }),
  );
  assert.deepEqual(
    sandbox.portMappings.map(({ protocol, containerPort, hostPort, hostIp }) => [
      protocol,
      containerPort,
      hostPort,
      hostIp,
    ]),
    [
      [Protocol.TCP, 80, 8080, ""],
      [Protocol.UDP, 53, 0, ""],
      [Protocol.TCP, 80, 80, "127.0.0.1"],
      [Protocol.SCTP, 80, 80, "::1"],
    ],
  );
});

test("the security context of the sandbox", () => {
  const context = sandboxOf(
    podOf({
      securityContext: {
        runAsUser: 1000,
        runAsGroup: 7,
        fsGroup: 2000,
        supplementalGroups: [1, 2],
        supplementalGroupsPolicy: "Strict",
        seccompProfile: { type: "Unconfined" },
        seLinuxOptions: { level: "s0:c1" },
        sysctls: [
          { name: "net/ipv4/conf/eno2.100/rp_filter", value: "1" },
          { name: "kernel.shm_rmid_forced", value: "1" },
        ],
      },
      containers: [containerOf({}), containerOf({ name: "p", securityContext: { privileged: true } })],
    }),
  ).linux;
  assert.equal(context?.securityContext?.runAsUser?.value, 1000n);
  assert.equal(context?.securityContext?.runAsGroup?.value, 7n);
  assert.deepEqual(context?.securityContext?.supplementalGroups, [2000n, 1n, 2n]);
  assert.equal(context?.securityContext?.supplementalGroupsPolicy, SupplementalGroupsPolicy.Strict);
  assert.equal(context?.securityContext?.seccomp?.profileType, ProfileType.RuntimeDefault);
  assert.equal(context?.securityContext?.selinuxOptions?.level, "s0:c1");
  assert.equal(context?.securityContext?.privileged, true);
  assert.deepEqual(context?.sysctls, {
    "net.ipv4.conf.eno2/100.rp_filter": "1",
    "kernel.shm_rmid_forced": "1",
  });
  // All runtimes refuse a group without a user.
  const group = sandboxOf(podOf({ securityContext: { runAsGroup: 7 } })).linux?.securityContext;
  assert.equal(group?.runAsGroup, undefined);
  const strict = podOf({ securityContext: { supplementalGroupsPolicy: "Strict" } });
  const runtimeFeatures = { supplementalGroupsPolicy: false, userNamespacesHostNetwork: false };
  assert.throws(() => sandboxOf(strict, { runtimeFeatures }), {
    rawMessage: 'spec.securityContext.supplementalGroupsPolicy: the runtime does not support "Strict"',
  });
});

test("user namespaces", () => {
  const pod = podOf({ hostUsers: false, volumes: [] });
  const userns = sandboxOf(pod, {}, { userNamespaceHostId: 131_072 }).linux?.securityContext?.namespaceOptions
    ?.usernsOptions;
  assert.equal(userns?.mode, NamespaceMode.POD);
  for (const mappings of [userns?.uids, userns?.gids])
    assert.deepEqual(
      mappings?.map(({ hostId, containerId, length }) => [hostId, containerId, length]),
      [[131_072, 0, 65_536]],
    );
  assert.throws(
    () => sandboxOf(pod),
    /^CriError: spec.hostUsers: no ids are reserved .* `userNamespaceHostId`/,
  );
  const kata = podOf({ hostUsers: false, runtimeClassName: "vm" });
  const inputs = { userNamespaceHostId: 65_536, runtimeClasses: { vm: "kata" } };
  assert.throws(() => sandboxOf(kata, {}, inputs), /runtime handler "kata" does not support user namespaces/);
  assert.throws(
    () => sandboxOf(podOf({ hostUsers: false, hostNetwork: true }), {}, { userNamespaceHostId: 65_536 }),
    /spec.hostUsers: the runtime does not support a user namespace in the host's network/,
  );
});

test("runtime classes", () => {
  const pod = podOf({ runtimeClassName: "vm" });
  assert.equal(planOf(podOf({})).runtimeHandler, "");
  assert.equal(planOf(pod, {}, { runtimeClasses: { vm: "kata" } }).runtimeHandler, "kata");
  assert.throws(() => planOf(pod), {
    waitingReason: "FailedCreatePodSandBox",
    rawMessage: 'spec.runtimeClassName: RuntimeClass "vm" not found',
  });
});

test("a Pod needs a name, and a node its facts", () => {
  assert.throws(() => sandboxOf({ spec: { containers: [] } }), { reason: "invalid_spec" });
  // @ts-expect-error a fact is missing
  assert.throws(() => sandboxOf(podOf({}), { nodeIPs: undefined }), {
    rawMessage: "podPlan: node.nodeIPs is required: pass what `nodeFacts(cri)` returns",
  });
  // @ts-expect-error a misspelt input
  assert.throws(() => sandboxOf(podOf({}), {}, { configmaps: [] }), /inputs.configmaps is not an option/);
});
