import assert from "node:assert/strict";
import { test } from "node:test";
import {
  MountPropagation,
  NamespaceMode,
  SecurityProfile_ProfileType as ProfileType,
  Signal,
  SupplementalGroupsPolicy,
} from "../../../gen/runtime/v1/api_pb.js";
import {
  type Container,
  containerHash,
  containerLogLinkName,
  defaultPod,
  hostsFileText,
  type NodeFacts,
  type PodInputs,
  type PodSecurityContext,
  type PodSpec,
  podConfigs,
  type SecurityContext,
} from "../../../src/kubernetes/index.js";
import { containerOf, plannedOf, podOf, vectorNode, vectorUid } from "../../support/pod-fixtures.js";

const root = `/var/lib/kubelet/pods/${vectorUid}`;

/** Rows: a container's name, its image, and its hash. */
for (const [name, image, hash] of [
  ["c", "busybox", "ad819b5c"],
  ["c", "nginx", "4611fea5"],
  ["app", "registry.k8s.io/pause:3.9", "62261b0a"],
] as const)
  test(`hash of ${name} with ${image}`, () => {
    assert.equal(containerHash(name, image), hash);
  });

test("metadata, labels, annotations and log", () => {
  const pod = podOf(
    {
      terminationGracePeriodSeconds: 5,
      containers: [
        containerOf({
          ports: [
            { containerPort: 80, hostPort: 8080, name: "web" },
            { containerPort: 53, protocol: "UDP", hostIP: "127.0.0.1" },
          ],
          lifecycle: {
            preStop: {
              httpGet: { port: "web", path: "/<stop>&", httpHeaders: [{ value: "v", name: "n" }] },
            },
          },
        }),
      ],
    },
    { labels: { app: "web" }, annotations: { note: "x" }, deletionGracePeriodSeconds: 0 },
  );
  const { config } = plannedOf(pod, {}, { containers: { c: { restartCount: 3 } } });
  assert.equal(config.metadata?.name, "c");
  assert.equal(config.metadata?.attempt, 3);
  assert.equal(config.logPath, "c/3.log");
  assert.deepEqual(config.labels, {
    "io.kubernetes.container.name": "c",
    "io.kubernetes.pod.name": "web-0",
    "io.kubernetes.pod.namespace": "prod",
    "io.kubernetes.pod.uid": vectorUid,
  });
  assert.deepEqual(config.annotations, {
    "io.kubernetes.container.hash": "ad819b5c",
    "io.kubernetes.container.restartCount": "3",
    "io.kubernetes.container.terminationMessagePath": "/dev/termination-log",
    "io.kubernetes.container.terminationMessagePolicy": "File",
    "io.kubernetes.pod.deletionGracePeriod": "0",
    "io.kubernetes.pod.terminationGracePeriod": "5",
    "io.kubernetes.container.preStopHandler":
      '{"httpGet":{"path":"/\\u003cstop\\u003e\\u0026","port":"web","scheme":"HTTP","httpHeaders":[{"name":"n","value":"v"}]}}',
    "io.kubernetes.container.ports":
      '[{"name":"web","hostPort":8080,"containerPort":80,"protocol":"TCP"},{"containerPort":53,"protocol":"UDP","hostIP":"127.0.0.1"}]',
  });
});

test("what is copied", () => {
  const { config } = plannedOf(
    podOf(containerOf({ workingDir: "$(X)/w", stdin: true, stdinOnce: true, tty: true })),
  );
  assert.equal(config.workingDir, "$(X)/w");
  assert.deepEqual([config.stdin, config.stdinOnce, config.tty], [true, true, true]);
  assert.equal(config.stopSignal, Signal.RUNTIME_DEFAULT);
});

for (const [name, signal] of [
  ["SIGTERM", Signal.SIGTERM],
  ["SIGRTMIN+3", Signal.SIGRTMINPLUS3],
  ["SIGRTMAX-2", Signal.SIGRTMAXMINUS2],
] as const)
  test(`stop signal ${name}`, () => {
    const pod = podOf(containerOf({ lifecycle: { stopSignal: name } }));
    assert.equal(plannedOf(pod).config.stopSignal, signal);
  });

/** Rows: the image of the manifest, and the name for pulls. */
for (const [image, pulled, policy] of [
  ["busybox", "busybox:latest", "Always"],
  ["busybox:1.37", "busybox:1.37", "IfNotPresent"],
  ["localhost:5000/a", "localhost:5000/a:latest", "Always"],
  [`a@sha256:${"0".repeat(64)}`, `a@sha256:${"0".repeat(64)}`, "IfNotPresent"],
  [`a:latest@sha256:${"0".repeat(64)}`, `a:latest@sha256:${"0".repeat(64)}`, "Always"],
] as const)
  test(`image ${image}`, () => {
    const planned = plannedOf(podOf(containerOf({ image })));
    assert.equal(planned.image, pulled);
    assert.equal(planned.pullPolicy, policy);
    assert.equal(planned.config.image?.image, pulled);
    assert.equal(planned.config.image?.userSpecifiedImage, image);
    const known = plannedOf(podOf(containerOf({ image })), {}, { images: { [image]: { id: "sha256:1" } } });
    assert.equal(known.config.image?.image, "sha256:1");
    assert.equal(known.config.image?.userSpecifiedImage, image);
  });

test("an invalid image name", () => {
  for (const image of ["Bad/Name", "a".repeat(0), "0".repeat(64)])
    assert.throws(() => plannedOf(podOf(containerOf({ image }))), {
      waitingReason: "InvalidImageName",
      rawMessage: `spec.containers[0].image: must be the name of an image, got "${image}"`,
    });
});

type ImageUser = { readonly uid?: bigint; readonly username?: string };
const security = (
  own: SecurityContext = {},
  ofPod: PodSecurityContext = {},
  user?: ImageUser,
  node: Partial<NodeFacts> = {},
) =>
  plannedOf(
    podOf({ securityContext: ofPod, containers: [containerOf({ securityContext: own })] }),
    node,
    user ? { images: { busybox: { id: "sha256:1", ...user } } } : {},
  ).config.linux?.securityContext;

/** Rows: the container's context, the pod's, the image's user; and the user that is sent. */
const users: readonly (readonly [
  SecurityContext,
  PodSecurityContext,
  ImageUser,
  bigint | undefined,
  string,
])[] = [
  [{}, {}, {}, 0n, ""],
  [{}, {}, { uid: 0n }, 0n, ""],
  [{}, {}, { uid: 1000n }, 1000n, ""],
  [{}, {}, { username: "nobody" }, undefined, "nobody"],
  [{}, { runAsUser: 5 }, { username: "nobody" }, 5n, ""],
  [{ runAsUser: 6 }, { runAsUser: 5 }, {}, 6n, ""],
  [{ runAsUser: 0 }, { runAsUser: 5 }, {}, 0n, ""],
  [{ runAsNonRoot: true }, {}, { uid: 1000n }, 1000n, ""],
  [{ runAsNonRoot: true, runAsUser: 6 }, {}, { username: "nobody" }, 6n, ""],
  [{ runAsNonRoot: false }, { runAsNonRoot: true }, {}, 0n, ""],
];
for (const [own, ofPod, image, uid, username] of users)
  test(`user of ${JSON.stringify({ own, ofPod, image }, (_, value) => (typeof value === "bigint" ? `${value}n` : value))}`, () => {
    const context = security(own, ofPod, image);
    assert.equal(context?.runAsUser?.value, uid);
    assert.equal(context?.runAsUsername, username);
  });

/** Rows: what runAsNonRoot refuses. */
const roots: readonly (readonly [SecurityContext, PodSecurityContext, ImageUser | undefined, RegExp])[] = [
  [{ runAsNonRoot: true, runAsUser: 0 }, {}, {}, /container's runAsUser breaks non-root policy \(pod: "/],
  [
    { runAsUser: 0 },
    { runAsNonRoot: true, runAsUser: 5 },
    {},
    /container's runAsUser breaks non-root policy \(pod: "/,
  ],
  [{}, { runAsNonRoot: true }, { uid: 0n }, /container has runAsNonRoot and image will run as root \(pod: "/],
  [{}, { runAsNonRoot: true }, {}, /container has runAsNonRoot and image will run as root \(pod: "/],
  [{}, { runAsNonRoot: true }, undefined, /container has runAsNonRoot and image will run as root \(pod: "/],
  [
    { runAsNonRoot: true },
    {},
    { username: "nobody" },
    /image has non-numeric user \(nobody\), cannot verify user is non-root \(pod: "/,
  ],
];
for (const [own, ofPod, image, message] of roots)
  test(`runAsNonRoot refuses ${message}`, () => {
    assert.throws(() => security(own, ofPod, image), {
      waitingReason: "CreateContainerConfigError",
      message,
    });
  });

test("the merge of security contexts", () => {
  const context = security(
    {
      runAsGroup: 8,
      privileged: true,
      readOnlyRootFilesystem: true,
      capabilities: { add: ["NET_ADMIN", "CAP_X"], drop: ["ALL"] },
      seLinuxOptions: { level: "s0" },
    },
    {
      runAsGroup: 7,
      fsGroup: 2000,
      supplementalGroups: [1],
      supplementalGroupsPolicy: "Strict",
      seLinuxOptions: { type: "t", user: "u" },
    },
  );
  assert.equal(context?.runAsGroup?.value, 8n);
  assert.equal(context?.privileged, true);
  assert.equal(context?.readonlyRootfs, true);
  assert.deepEqual(context?.capabilities?.addCapabilities, ["NET_ADMIN", "CAP_X"]);
  assert.deepEqual(context?.capabilities?.dropCapabilities, ["ALL"]);
  // The whole struct is replaced.
  assert.equal(context?.selinuxOptions?.level, "s0");
  assert.equal(context?.selinuxOptions?.type, "");
  assert.deepEqual(context?.supplementalGroups, [2000n, 1n]);
  assert.equal(context?.supplementalGroupsPolicy, SupplementalGroupsPolicy.Strict);
  assert.equal(context?.noNewPrivs, false);
  const plain = security();
  assert.equal(plain?.privileged, false);
  assert.equal(plain?.capabilities, undefined);
  assert.equal(plain?.runAsGroup, undefined);
  assert.equal(security({ allowPrivilegeEscalation: false })?.noNewPrivs, true);
  assert.equal(security({ allowPrivilegeEscalation: true })?.noNewPrivs, false);
});

test("seccomp", () => {
  const of = (...given: Parameters<typeof security>) => {
    const seccomp = security(...given)?.seccomp;
    return [seccomp?.profileType, seccomp?.localhostRef];
  };
  const localhost = { type: "Localhost", localhostProfile: "a/b.json" };
  assert.deepEqual(of(), [ProfileType.Unconfined, ""]);
  assert.deepEqual(of({}, {}, {}, { seccompDefault: true }), [ProfileType.RuntimeDefault, ""]);
  assert.deepEqual(of({}, { seccompProfile: { type: "RuntimeDefault" } }), [ProfileType.RuntimeDefault, ""]);
  assert.deepEqual(of({ seccompProfile: { type: "Unconfined" } }, { seccompProfile: localhost }), [
    ProfileType.Unconfined,
    "",
  ]);
  assert.deepEqual(of({ seccompProfile: localhost }), [
    ProfileType.Localhost,
    "/var/lib/kubelet/seccomp/a/b.json",
  ]);
  assert.throws(
    () => security({ seccompProfile: { type: "Localhost" } }),
    /spec.containers\[0\].securityContext.seccompProfile.localhostProfile: is required with type Localhost/,
  );
  assert.throws(
    () => security({}, { seccompProfile: { type: "Localhost", localhostProfile: "../x" } }),
    /spec.securityContext.seccompProfile.localhostProfile: must be a relative path without ".."/,
  );
});

test("AppArmor: the container's field, the annotation, the pod's field", () => {
  const key = "container.apparmor.security.beta.kubernetes.io/c";
  const of = (own: SecurityContext, ofPod: PodSecurityContext, annotation?: string) => {
    const pod = podOf(
      { securityContext: ofPod, containers: [containerOf({ securityContext: own })] },
      annotation === undefined ? {} : { annotations: { [key]: annotation } },
    );
    const context = plannedOf(pod).config.linux?.securityContext;
    return [context?.apparmor?.profileType, context?.apparmor?.localhostRef, context?.apparmorProfile];
  };
  const localhost = { appArmorProfile: { type: "Localhost", localhostProfile: "mine" } };
  const unconfined = { appArmorProfile: { type: "Unconfined" } };
  assert.deepEqual(of({}, {}), [undefined, undefined, ""]);
  assert.deepEqual(of(localhost, unconfined, "runtime/default"), [
    ProfileType.Localhost,
    "mine",
    "localhost/mine",
  ]);
  assert.deepEqual(of({}, unconfined, "runtime/default"), [
    ProfileType.RuntimeDefault,
    "",
    "runtime/default",
  ]);
  assert.deepEqual(of({}, {}, "localhost/x"), [ProfileType.Localhost, "x", "localhost/x"]);
  assert.deepEqual(of({}, unconfined), [ProfileType.Unconfined, "", "unconfined"]);
  assert.throws(
    () => of({}, {}, "x"),
    /metadata.annotations\[container.apparmor.*\]: must be "runtime\/default"/,
  );
});

test("hidden paths", () => {
  const throttle = ["/sys/devices/system/cpu/cpu0/thermal_throttle"];
  const context = security({}, {}, {}, { thermalThrottlePaths: throttle });
  assert.deepEqual(context?.maskedPaths, [
    ..."asound acpi interrupts kcore keys latency_stats timer_list timer_stats sched_debug scsi"
      .split(" ")
      .map((name) => `/proc/${name}`),
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
    ...throttle,
  ]);
  assert.deepEqual(context?.readonlyPaths, [
    "/proc/bus",
    "/proc/fs",
    "/proc/irq",
    "/proc/sys",
    "/proc/sysrq-trigger",
  ]);
  assert.equal(security({ privileged: true })?.maskedPaths.length, 12);
  const unmasked = security({ procMount: "Unmasked" });
  assert.deepEqual([unmasked?.maskedPaths, unmasked?.readonlyPaths], [[], []]);
  assert.throws(
    () => security({ procMount: "None" }),
    /procMount: must be "Default" or "Unmasked", got "None"/,
  );
});

test("an ephemeral container joins the processes of its target", () => {
  const target = {
    ephemeralContainers: [containerOf({ name: "debug" })].map((one) => ({
      ...one,
      targetContainerName: "c",
    })),
  };
  const inputs: PodInputs = { containers: { c: { id: "deadbeef" } } };
  const namespaces = (spec: Partial<PodSpec>, given: PodInputs) =>
    plannedOf(podOf(spec), {}, given, "debug").config.linux?.securityContext?.namespaceOptions;
  assert.equal(namespaces(target, inputs)?.pid, NamespaceMode.TARGET);
  assert.equal(namespaces(target, inputs)?.targetId, "deadbeef");
  const shared = namespaces({ ...target, shareProcessNamespace: true }, {});
  assert.equal(shared?.pid, NamespaceMode.POD);
  assert.equal(shared?.targetId, "");
  assert.throws(() => namespaces(target, {}), {
    waitingReason: "CreateContainerConfigError",
    rawMessage: 'spec.ephemeralContainers[0].targetContainerName: the container "c" has not been created',
  });
});

const volumes = [
  { name: "work", emptyDir: {} },
  { name: "host", hostPath: { path: "/srv/data" } },
  { name: "conf", configMap: { name: "settings" } },
  { name: "pic", image: { reference: "art:1" } },
  { name: "claim", persistentVolumeClaim: { claimName: "x", readOnly: true } },
];

function mountsOf(
  container: Partial<Container>,
  node: Partial<NodeFacts> = {},
  inputs: PodInputs = {},
  spec: Partial<PodSpec> = {},
) {
  return plannedOf(podOf({ volumes, ...spec, containers: [containerOf(container)] }), node, inputs);
}

test("mounts of volumes", () => {
  const { config, files } = mountsOf({
    terminationMessagePath: "/tmp/end",
    env: [{ name: "SUB", value: "x" }],
    volumeMounts: [
      { name: "work", mountPath: "/work" },
      { name: "host", mountPath: "data", readOnly: true, mountPropagation: "HostToContainer" },
      { name: "conf", mountPath: "/conf" },
      { name: "pic", mountPath: "/pic", subPath: "a" },
      { name: "claim", mountPath: "/claim" },
      { name: "work", mountPath: "/sub", subPathExpr: "d/$(SUB)" },
    ],
  });
  const mounts = config.mounts.map(({ containerPath, hostPath, readonly, propagation }) => [
    containerPath,
    hostPath,
    readonly,
    propagation,
  ]);
  const { PROPAGATION_PRIVATE, PROPAGATION_HOST_TO_CONTAINER } = MountPropagation;
  assert.deepEqual(mounts, [
    ["/work", `${root}/volumes/kubernetes.io~empty-dir/work`, false, PROPAGATION_PRIVATE],
    ["/data", "/srv/data", true, PROPAGATION_HOST_TO_CONTAINER],
    ["/conf", `${root}/volumes/kubernetes.io~configmap/conf`, true, PROPAGATION_PRIVATE],
    ["/pic", "", true, PROPAGATION_PRIVATE],
    ["/claim", `${root}/volumes/cri-sdk~plugin/claim`, true, PROPAGATION_PRIVATE],
    ["/sub", `${root}/volume-subpaths/work/c/5`, false, PROPAGATION_PRIVATE],
    ["/tmp/end", `${root}/containers/c/00000000`, false, PROPAGATION_PRIVATE],
  ]);
  const image = config.mounts[3];
  assert.deepEqual(
    [image?.image?.image, image?.image?.userSpecifiedImage, image?.imageSubPath],
    ["art:1", "art:1", "a"],
  );
  assert.deepEqual(files, {
    subPaths: [
      {
        field: "spec.containers[0].volumeMounts[5].subPath",
        volumePath: `${root}/volumes/kubernetes.io~empty-dir/work`,
        subPath: "d/x",
        hostPath: `${root}/volume-subpaths/work/c/5`,
      },
    ],
    hosts: undefined,
    terminationLog: `${root}/containers/c/00000000`,
  });
  const known = mountsOf(
    { volumeMounts: [{ name: "pic", mountPath: "/pic" }] },
    {},
    { images: { "art:1": { id: "sha256:9" } } },
  );
  assert.equal(known.config.mounts[0]?.image?.image, "sha256:9");
  assert.deepEqual(
    mountsOf({ terminationMessagePath: "/x" }, {}, { containers: { c: { restartCount: 300 } } }).files
      .terminationLog,
    `${root}/containers/c/0000012c`,
  );
});

/** Rows: a mount, and the error about it. */
for (const [mount, message] of [
  [{ name: "none" }, 'name: the pod has no volume "none"'],
  [{ subPath: "../x" }, 'subPath: must be a relative path without "..", got "../x"'],
  [{ subPath: "/x" }, 'subPath: must be a relative path without "..", got "/x"'],
  [{ subPathExpr: "$(UP)/x" }, 'subPathExpr: must be a relative path without "..", got "../x"'],
  [{ subPathExpr: "$(NONE)" }, 'subPathExpr: the variable "NONE" is not defined'],
  [{ subPathExpr: "$(EMPTY)" }, 'subPathExpr: the variable "EMPTY" is empty'],
  [{ recursiveReadOnly: "Enabled" }, "recursiveReadOnly: requires readOnly: true"],
  [
    { recursiveReadOnly: "Enabled", readOnly: true, mountPropagation: "HostToContainer" },
    'recursiveReadOnly: requires mountPropagation: "None"',
  ],
  [
    { mountPropagation: "Both" },
    'mountPropagation: must be "None", "HostToContainer" or "Bidirectional", got "Both"',
  ],
] as const)
  test(`mount with ${JSON.stringify(mount)}`, () => {
    const env = [
      { name: "UP", value: ".." },
      { name: "EMPTY", value: "" },
    ];
    assert.throws(() => mountsOf({ env, volumeMounts: [{ name: "work", mountPath: "/w", ...mount }] }), {
      waitingReason: "CreateContainerConfigError",
      rawMessage: `spec.containers[0].volumeMounts[0].${message}`,
    });
  });

test("recursive read-only mounts need a runtime that has them", () => {
  const of = (recursiveReadOnly: string, supported: boolean) =>
    mountsOf(
      { volumeMounts: [{ name: "work", mountPath: "/w", readOnly: true, recursiveReadOnly }] },
      { runtimeHandlers: { "": { userNamespaces: false, recursiveReadOnlyMounts: supported } } },
    ).config.mounts[0]?.recursiveReadOnly;
  assert.deepEqual(
    [of("Disabled", true), of("IfPossible", true), of("IfPossible", false), of("Enabled", true)],
    [false, true, false, true],
  );
  assert.throws(
    () => of("Enabled", false),
    /the runtime handler "" does not support recursive read-only mounts/,
  );
});

test("SELinux labels volumes of the pod once for each container", () => {
  const volumeMounts = [
    { name: "work", mountPath: "/a" },
    { name: "work", mountPath: "/b" },
    { name: "host", mountPath: "/h" },
    { name: "conf", mountPath: "/c" },
  ];
  const relabel = (selinux: boolean) =>
    mountsOf({ volumeMounts }, { selinux }, { podIPs: ["10.0.0.1"] }).config.mounts.map(
      (one) => one.selinuxRelabel,
    );
  // The last two are /etc/hosts and the termination log.
  assert.deepEqual(relabel(true), [true, false, false, true, true, true]);
  assert.deepEqual(relabel(false), [false, false, false, false, false, false]);
});

test("all mounts of a pod with a user namespace have its id mappings", () => {
  const { config } = mountsOf(
    { volumeMounts: [{ name: "work", mountPath: "/a" }] },
    {},
    { podIPs: ["10.0.0.1"], userNamespaceHostId: 65_536 },
    { hostUsers: false },
  );
  assert.equal(config.mounts.length, 3);
  for (const { uidMappings, gidMappings } of config.mounts)
    for (const mappings of [uidMappings, gidMappings])
      assert.deepEqual(
        mappings.map(({ hostId, length }) => [hostId, length]),
        [[65_536, 65_536]],
      );
  assert.equal(config.linux?.securityContext?.namespaceOptions?.usernsOptions?.mode, NamespaceMode.POD);
});

test("/etc/hosts is mounted when the pod has addresses, unless a volume is", () => {
  const hosts = (
    container: Partial<Container>,
    inputs: PodInputs = { podIPs: ["10.244.0.5"] },
    spec: Partial<PodSpec> = {},
  ) => {
    const { config, files } = mountsOf(container, {}, inputs, spec);
    const mount = config.mounts.find(({ containerPath }) => containerPath === "/etc/hosts");
    assert.equal(mount?.hostPath === `${root}/etc-hosts`, files.hosts !== undefined);
    return files.hosts?.content;
  };
  assert.match(hosts({}) ?? "", /^10\.244\.0\.5\tweb-0$/m);
  assert.equal(hosts({}, {}), undefined);
  assert.equal(hosts({ volumeMounts: [{ name: "work", mountPath: "/etc/hosts" }] }), undefined);
  assert.equal(
    hosts({}, {}, { hostNetwork: true, hostAliases: [{ ip: "1.2.3.4", hostnames: ["a"] }] }),
    "# Kubernetes-managed hosts file (host network).\n127.0.0.1\tlocalhost\n192.0.2.10\tnode-1\n\n# Entries added by HostAliases.\n1.2.3.4\ta\n",
  );
});

test("the text of /etc/hosts", () => {
  const text = hostsFileText({
    podIPs: ["10.244.0.5", "fd00::5"],
    hostname: { name: "web-0", domain: "web.prod.svc.cluster.local" },
    hostAliases: [{ ip: "1.2.3.4", hostnames: ["a", "b.c"] }],
    nodeHostsFile: undefined,
  });
  assert.equal(
    text,
    `# Kubernetes-managed hosts file.
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
fe00::0\tip6-mcastprefix
fe00::1\tip6-allnodes
fe00::2\tip6-allrouters
10.244.0.5\tweb-0.web.prod.svc.cluster.local\tweb-0
fd00::5\tweb-0.web.prod.svc.cluster.local\tweb-0

# Entries added by HostAliases.
1.2.3.4\ta\tb.c
`,
  );
});

test("the link to a log", () => {
  const pod = { name: "web-0", namespace: "prod" };
  assert.equal(containerLogLinkName(pod, "c", "0123456789abcdef"), "web-0_prod_c-0123456789abcdef.log");
  const long = containerLogLinkName({ name: "n".repeat(200), namespace: "prod" }, "c", "0".repeat(64));
  assert.equal(long.length, 255);
  assert.match(long, /0\.log$/);
});

test("devices of plug-ins", () => {
  const device = { hostPath: "/dev/null", containerPath: "/dev/x", permissions: "rw" };
  const { config } = plannedOf(
    podOf({}),
    {},
    { containers: { c: { devices: [device], cdiDevices: ["v.com/c=1"] } } },
  );
  assert.deepEqual(
    config.devices.map(({ hostPath, containerPath, permissions }) => ({
      hostPath,
      containerPath,
      permissions,
    })),
    [device],
  );
  assert.deepEqual(
    config.CDIDevices.map(({ name }) => name),
    ["v.com/c=1"],
  );
  const blocks = podOf(containerOf({ volumeDevices: [{ name: "work", devicePath: "/dev/b" }] }));
  assert.throws(
    () => plannedOf(blocks),
    /spec.containers\[0\].volumeDevices: block devices are not supported/,
  );
});

test("the containers of a Pod are planned in the order of their start", () => {
  const pod = podOf({
    containers: [containerOf({}), containerOf({ name: "d" })],
    initContainers: [containerOf({ name: "s", restartPolicy: "Always" }), containerOf({ name: "i" })],
    ephemeralContainers: [containerOf({ name: "e" })],
  });
  const { containers, sandbox } = podConfigs(defaultPod(pod), vectorNode);
  assert.deepEqual(
    containers.map(({ name, kind }) => [name, kind]),
    [
      ["s", "sidecar"],
      ["i", "init"],
      ["c", "regular"],
      ["d", "regular"],
      ["e", "ephemeral"],
    ],
  );
  assert.equal(sandbox.metadata?.name, "web-0");
  assert.throws(
    () => plannedOf(pod, {}, {}, "x"),
    /planContainer: containerName: the Pod has no container "x"/,
  );
});
