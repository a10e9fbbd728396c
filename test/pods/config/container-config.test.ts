// ContainerConfig from a container's spec, field by field.
import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import {
  type ContainerConfig,
  ContainerConfigSchema,
  MountPropagation,
  NamespaceMode,
  PodSandboxConfigSchema,
  SecurityProfile_ProfileType as ProfileType,
  Signal,
  SupplementalGroupsPolicy,
} from "../../../gen/runtime/v1/api_pb.js";
import { isCriError } from "../../../src/core/index.js";
import {
  type ContainerSpec,
  containerConfig,
  type PodSpec,
  sandboxConfig,
} from "../../../src/pods/config/index.js";

const podOf = (spec: Partial<PodSpec> = {}) =>
  sandboxConfig({ name: "web-0", namespace: "prod", uid: "u1", ...spec } as PodSpec);
const pod = podOf();
const make = (spec: Partial<ContainerSpec> = {}, inPod = pod) =>
  containerConfig({ name: "c", image: "busybox", ...spec } as ContainerSpec, { pod: inPod });
const security = (config: ContainerConfig) => {
  const context = config.linux?.securityContext;
  assert.ok(context);
  return context;
};
const maskedPaths = [
  ...[
    "asound",
    "acpi",
    "interrupts",
    "kcore",
    "keys",
    "latency_stats",
    "timer_list",
    "timer_stats",
    "sched_debug",
    "scsi",
  ].map((name) => `/proc/${name}`),
  "/sys/firmware",
  "/sys/devices/virtual/powercap",
];
const readonlyPaths = ["bus", "fs", "irq", "sys", "sysrq-trigger"].map((name) => `/proc/${name}`);

test("the defaults of a container with only a name and an image", () => {
  assert.deepEqual(
    make(),
    create(ContainerConfigSchema, {
      metadata: { name: "c", attempt: 0 },
      image: { image: "busybox", userSpecifiedImage: "busybox" },
      labels: {
        "io.kubernetes.container.name": "c",
        "io.kubernetes.pod.name": "web-0",
        "io.kubernetes.pod.namespace": "prod",
        "io.kubernetes.pod.uid": "u1",
      },
      logPath: "c/0.log",
      linux: {
        securityContext: {
          namespaceOptions: { pid: NamespaceMode.CONTAINER, usernsOptions: { mode: NamespaceMode.NODE } },
          seccomp: { profileType: ProfileType.RuntimeDefault },
          maskedPaths,
          readonlyPaths,
        },
      },
    }),
  );
});

test("the image by its id on the node, and as the spec names it", () => {
  const config = containerConfig({ name: "c", image: "nginx:1" }, { pod, imageId: "sha256:abc" });
  assert.equal(config.image?.image, "sha256:abc");
  assert.equal(config.image?.userSpecifiedImage, "nginx:1");
  for (const image of [
    "a",
    "localhost:5000/a/b:c",
    `a@sha256:${"0".repeat(64)}`,
    "f".repeat(64),
    `sha256:${"f".repeat(64)}`,
  ])
    assert.equal(make({ image }).image?.image, image);
});

test("invalid options are rejected", () => {
  const rejected = (options: unknown, path: string) =>
    assert.throws(
      () => containerConfig({ name: "c", image: "a" }, options as never),
      (error) => isCriError(error) && error.reason === "invalid_option" && error.problems[0]?.path === path,
    );
  rejected({}, "pod");
  rejected({ pod: create(PodSandboxConfigSchema) }, "pod");
  rejected({ pod, imageId: "" }, "imageId");
  rejected({ pod, imageId: 5 }, "imageId");
});

test("the log path: with the attempt, another one, or none", () => {
  assert.equal(make({ attempt: 3 }).logPath, "c/3.log");
  assert.equal(make({ attempt: 3 }).metadata?.attempt, 3);
  assert.equal(make({ logPath: "deep/er.log" }).logPath, "deep/er.log");
  assert.equal(make({ logPath: false }).logPath, "");
  const withoutLogs = podOf({ logDirectory: false });
  assert.equal(make({}, withoutLogs).logPath, "");
  assert.throws(
    () => make({ logPath: "a.log" }, withoutLogs),
    /logPath: cannot be set: the pod has no log directory/,
  );
});

test("command, arguments, working directory, environment", () => {
  const bytes = new Uint8Array([0xff, 1]);
  const config = make({
    command: ["a", ""],
    args: ["b c"],
    workingDir: "/tmp",
    env: { B: "1", A: "ä=", C: bytes },
  });
  assert.deepEqual([config.command, config.args, config.workingDir], [["a", ""], ["b c"], "/tmp"]);
  bytes.fill(7);
  assert.deepEqual(
    config.envs.map(({ key, value }) => [key, Buffer.from(value).toString("latin1")]),
    [
      ["B", "1"],
      ["A", Buffer.from("ä=").toString("latin1")],
      ["C", "\xff\x01"],
    ],
  );
  assert.deepEqual(make({ env: { "a.b-c:d": "", "with space": "x" } }).envs.length, 2);
});

test("mounts of a host path, recursively read-only, of an image", () => {
  const [host, deep, image] = make({
    mounts: [
      {
        containerPath: "/a",
        hostPath: "/h",
        propagation: "Bidirectional",
        selinuxRelabel: true,
        mountOptions: ["noexec"],
      },
      { containerPath: "/b", hostPath: "/h", readOnly: true, recursiveReadOnly: true },
      { containerPath: "/c", image: "tools:1", subPath: "bin/x" },
    ],
  }).mounts;
  assert.deepEqual(
    [
      host?.hostPath,
      host?.containerPath,
      host?.readonly,
      host?.selinuxRelabel,
      host?.propagation,
      host?.mountOptions,
    ],
    ["/h", "/a", false, true, MountPropagation.PROPAGATION_BIDIRECTIONAL, ["noexec"]],
  );
  assert.deepEqual([deep?.readonly, deep?.recursiveReadOnly, deep?.propagation], [true, true, 0]);
  assert.deepEqual(
    [
      image?.hostPath,
      image?.image?.image,
      image?.image?.userSpecifiedImage,
      image?.imageSubPath,
      image?.readonly,
    ],
    ["", "tools:1", "tools:1", "bin/x", true],
  );
  const [slave] = make({
    mounts: [{ containerPath: "/a", hostPath: "/h", propagation: "HostToContainer" }],
  }).mounts;
  assert.equal(slave?.propagation, MountPropagation.PROPAGATION_HOST_TO_CONTAINER);
});

test("devices by path and by CDI name", () => {
  const { devices, CDIDevices } = make({
    devices: [
      { hostPath: "/dev/null" },
      { hostPath: "/dev/fuse", containerPath: "/dev/x", permissions: "r" },
    ],
    cdiDevices: ["vendor.com/gpu=0", "vendor.com/gpu=a:b.c"],
  });
  assert.deepEqual(
    devices.map(({ hostPath, containerPath, permissions }) => [hostPath, containerPath, permissions]),
    [
      ["/dev/null", "/dev/null", "rwm"],
      ["/dev/fuse", "/dev/x", "r"],
    ],
  );
  assert.deepEqual(
    CDIDevices.map(({ name }) => name),
    ["vendor.com/gpu=0", "vendor.com/gpu=a:b.c"],
  );
});

test("labels and annotations are not copied from the pod", () => {
  const inPod = podOf({ labels: { app: "web" }, annotations: { note: "pod" } });
  const config = make({ labels: { tier: "1" }, annotations: { note: "x" } }, inPod);
  assert.deepEqual(Object.keys(config.labels), [
    "tier",
    "io.kubernetes.container.name",
    "io.kubernetes.pod.name",
    "io.kubernetes.pod.namespace",
    "io.kubernetes.pod.uid",
  ]);
  assert.deepEqual(config.annotations, { note: "x" });
});

test("stdin and terminal", () => {
  const of = (spec: Partial<ContainerSpec>) => {
    const { stdin, stdinOnce, tty } = make(spec);
    return [stdin, stdinOnce, tty];
  };
  assert.deepEqual(of({}), [false, false, false]);
  assert.deepEqual(of({ stdin: true, tty: true }), [true, false, true]);
  assert.deepEqual(of({ stdin: true, stdinOnce: true }), [true, true, false]);
});

test("stop signals in every notation", () => {
  const of = (stopSignal: string | undefined) => make({ stopSignal }).stopSignal;
  assert.equal(of(undefined), Signal.RUNTIME_DEFAULT);
  for (const name of ["SIGINT", "INT", "int", "sigint"]) assert.equal(of(name), Signal.SIGINT);
  assert.equal(of("SIGRTMIN+3"), Signal.SIGRTMINPLUS3);
  assert.equal(of("rtmin+3"), Signal.SIGRTMINPLUS3);
  assert.equal(of("SIGRTMAX-2"), Signal.SIGRTMAXMINUS2);
  assert.equal(of("SIGRTMIN"), Signal.SIGRTMIN);
  assert.equal(of("SIGRTMINPLUS15"), Signal.SIGRTMINPLUS15);
});

test("namespaces are the pod's; a target counts only where containers have their own PID namespaces", () => {
  const options = (spec: Partial<ContainerSpec>, inPod = pod) => security(make(spec, inPod)).namespaceOptions;
  const host = podOf({ namespaces: { hostNetwork: true, pid: "pod", hostIpc: true } });
  assert.deepEqual(options({}, host), host.linux?.securityContext?.namespaceOptions);
  const target = options({ targetContainerId: "deadbeef" });
  assert.deepEqual([target?.pid, target?.targetId], [NamespaceMode.TARGET, "deadbeef"]);
  assert.equal(pod.linux?.securityContext?.namespaceOptions?.pid, NamespaceMode.CONTAINER);
  assert.equal(options({ targetContainerId: "deadbeef" }, host)?.pid, NamespaceMode.POD);
  // A pod of another client with CRI's zero values.
  const foreign = create(PodSandboxConfigSchema, { metadata: { name: "a", namespace: "b", uid: "c" } });
  assert.equal(options({}, foreign)?.pid, NamespaceMode.POD);
  assert.equal(make({}, foreign).logPath, "");
});

test("in a user namespace, mounts have the pod's id mappings", () => {
  const inPod = podOf({ namespaces: { users: { uids: { hostId: 65_536 }, gids: { hostId: 131_072 } } } });
  const config = make(
    {
      mounts: [
        { containerPath: "/a", hostPath: "/h" },
        { containerPath: "/b", image: "i" },
      ],
    },
    inPod,
  );
  for (const { uidMappings, gidMappings } of config.mounts)
    assert.deepEqual([uidMappings[0]?.hostId, gidMappings[0]?.hostId], [65_536, 131_072]);
  const [first] = config.mounts[0]?.uidMappings ?? [];
  if (first) first.hostId = 1;
  assert.equal(inPod.linux?.securityContext?.namespaceOptions?.usernsOptions?.uids[0]?.hostId, 65_536);
  assert.equal(config.mounts[1]?.uidMappings[0]?.hostId, 65_536);
  assert.deepEqual(make({ mounts: [{ containerPath: "/a", hostPath: "/h" }] }).mounts[0]?.uidMappings, []);
});

test("users: an id, a name, or the image's user", () => {
  const of = (user: ContainerSpec["security"]) => {
    const { runAsUser, runAsUsername, runAsGroup } = security(make({ security: user }));
    return [runAsUser?.value, runAsUsername, runAsGroup?.value];
  };
  assert.deepEqual(of(undefined), [undefined, "", undefined]);
  assert.deepEqual(of({ user: 0 }), [0n, "", undefined]);
  assert.deepEqual(of({ user: 5, group: 6 }), [5n, "", 6n]);
  assert.deepEqual(of({ user: "nobody", group: 0 }), [undefined, "nobody", 0n]);
});

test("the security context", () => {
  const context = security(
    make({
      security: {
        supplementalGroups: [3],
        supplementalGroupsPolicy: "Strict",
        readOnlyRootFilesystem: true,
        allowPrivilegeEscalation: false,
        selinux: { level: "s0" },
        seccomp: "Unconfined",
        capabilities: { add: ["net_admin", "CAP_CHOWN"], drop: ["ALL"], ambient: ["cap_kill"] },
      },
    }),
  );
  assert.deepEqual(
    [context.supplementalGroups, context.supplementalGroupsPolicy],
    [[3n], SupplementalGroupsPolicy.Strict],
  );
  assert.deepEqual([context.readonlyRootfs, context.noNewPrivs, context.privileged], [true, true, false]);
  assert.equal(context.selinuxOptions?.level, "s0");
  assert.equal(context.seccomp?.profileType, ProfileType.Unconfined);
  const { addCapabilities, dropCapabilities, addAmbientCapabilities } = context.capabilities ?? {};
  assert.deepEqual(
    [addCapabilities, dropCapabilities, addAmbientCapabilities],
    [["NET_ADMIN", "CHOWN"], ["ALL"], ["KILL"]],
  );
  assert.equal(security(make({ security: { allowPrivilegeEscalation: true } })).noNewPrivs, false);
});

test("AppArmor is set in both fields or in neither", () => {
  const of = (apparmor: NonNullable<ContainerSpec["security"]>["apparmor"]) => {
    const context = security(make({ security: { apparmor } }));
    return [context.apparmor?.profileType, context.apparmor?.localhostRef, context.apparmorProfile];
  };
  assert.deepEqual(of(undefined), [undefined, undefined, ""]);
  assert.deepEqual(of("RuntimeDefault"), [ProfileType.RuntimeDefault, "", "runtime/default"]);
  assert.deepEqual(of("Unconfined"), [ProfileType.Unconfined, "", "unconfined"]);
  assert.deepEqual(of({ localhost: "p" }), [ProfileType.Localhost, "p", "localhost/p"]);
});

test("a privileged container still has masked paths", () => {
  const context = security(
    make({ security: { privileged: true } }, podOf({ security: { privileged: true } })),
  );
  assert.equal(context.privileged, true);
  assert.deepEqual(context.maskedPaths, maskedPaths);
});

test("masked and read-only paths", () => {
  const of = (procMount: NonNullable<ContainerSpec["security"]>["procMount"]) => {
    const context = security(make({ security: { procMount } }));
    return [context.maskedPaths, context.readonlyPaths];
  };
  assert.deepEqual(of("Default"), [maskedPaths, readonlyPaths]);
  assert.deepEqual(of("Unmasked"), [[], []]);
  assert.deepEqual(of({ maskedPaths: ["/proc/kcore"], readOnlyPaths: [] }), [["/proc/kcore"], []]);
  // The defaults are copied for each config.
  security(make()).maskedPaths.length = 0;
  assert.deepEqual(of("Default")[0], maskedPaths);
});

test("resources and Windows", () => {
  const { linux, windows } = make({
    resources: { cpu: "0.5" },
    windows: create(ContainerConfigSchema, { windows: { securityContext: { runAsUsername: "u" } } }).windows,
  });
  assert.deepEqual([linux?.resources?.cpuShares, linux?.resources?.cpuQuota], [512n, 50_000n]);
  assert.equal(windows?.securityContext?.runAsUsername, "u");
  assert.equal(make().linux?.resources, undefined);
});
