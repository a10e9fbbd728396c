// CRI's configs as requests of the engine, and the labels that keep them.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { containerRequest } from "../../examples/dockershim/config/create-container.js";
import { sandboxRequest } from "../../examples/dockershim/config/create-sandbox.js";
import { signalName, signalOf } from "../../examples/dockershim/config/signals.js";
import {
  containerLabels,
  containerRecord,
  engineName,
  label,
  sandboxLabels,
  sandboxRecord,
} from "../../examples/dockershim/labels.js";
import { engineTime } from "../../examples/dockershim/objects.js";
import { select } from "../../examples/dockershim/select.js";
import {
  ContainerConfigSchema,
  ContainerMetadataSchema,
  MountPropagation,
  NamespaceMode,
  PodSandboxConfigSchema,
  PodSandboxMetadataSchema,
  SecurityProfile_ProfileType,
  Signal,
} from "../../src/v1.js";
import { failure } from "../support/failure.js";
import { tempFolder } from "../support/temp.js";

const host = { cgroupDriver: "cgroupfs", hasAppArmor: false, restrictOomScore: true };
const newest = { recursiveReadOnly: true, images: true };
const oldest = { recursiveReadOnly: false, images: false };
const placement = { sandboxId: "5a", cgroupParent: "/pods/1", runtimeHandler: "", logPath: "/logs/c.log" };

function sandboxOf(init: MessageInitShape<typeof PodSandboxConfigSchema>) {
  const config = create(PodSandboxConfigSchema, init);
  config.metadata ??= create(PodSandboxMetadataSchema, { name: "web", namespace: "default", uid: "1" });
  return config;
}

const sandbox = (init: MessageInitShape<typeof PodSandboxConfigSchema>, facts = host) =>
  sandboxRequest(sandboxOf(init), "", "pause", facts);

function container(init: MessageInitShape<typeof ContainerConfigSchema>, features = newest) {
  const config = create(ContainerConfigSchema, init);
  config.metadata ??= create(ContainerMetadataSchema, { name: "c" });
  return containerRequest(config, "sha256:1", placement, features, host);
}

test("a sandbox has a network of its own, or the host's", async () => {
  const own = await sandbox({ hostname: "web-0", linux: { cgroupParent: "/pods/1" } });
  assert.deepEqual(
    [own.HostConfig.NetworkMode, own.HostConfig.IpcMode, own.HostConfig.PidMode, own.Hostname],
    ["none", "shareable", "", "web-0"],
  );
  assert.equal(own.HostConfig.CgroupParent, "/pods/1");
  const { NODE } = NamespaceMode;
  const securityContext = { namespaceOptions: { network: NODE, pid: NODE, ipc: NODE } };
  const shared = await sandbox({ hostname: "web-0", linux: { securityContext } });
  assert.deepEqual(
    [shared.HostConfig.NetworkMode, shared.HostConfig.IpcMode, shared.HostConfig.PidMode, shared.Hostname],
    ["host", "host", "host", undefined],
  );
});

test("with the systemd driver, the parent cgroup is the name of a slice", async () => {
  const linux = { cgroupParent: "/kubepods.slice/kubepods-pod1.slice" };
  const request = await sandbox({ linux }, { ...host, cgroupDriver: "systemd" });
  assert.equal(request.HostConfig.CgroupParent, "kubepods-pod1.slice");
});

test("a container joins the namespaces of its sandbox", async () => {
  const pidOf = async (pid: NamespaceMode, targetId = "") => {
    const linux = { securityContext: { namespaceOptions: { pid, targetId } } };
    return (await container({ linux })).HostConfig.PidMode;
  };
  const { HostConfig } = await container({});
  assert.deepEqual([HostConfig.NetworkMode, HostConfig.IpcMode], ["container:5a", "container:5a"]);
  assert.equal(await pidOf(NamespaceMode.POD), "container:5a");
  assert.equal(await pidOf(NamespaceMode.CONTAINER), "");
  assert.equal(await pidOf(NamespaceMode.NODE), "host");
  assert.equal(await pidOf(NamespaceMode.TARGET, "7b"), "container:7b");
});

test("command, arguments and environment", async () => {
  const { Entrypoint, Cmd, Env } = await container({
    command: ["a"],
    args: ["b"],
    envs: [{ key: "K", value: Buffer.from("ü=1") }],
  });
  assert.deepEqual([Entrypoint, Cmd, Env], [["a"], ["b"], ["K=ü=1"]]);
  const image = await container({ args: ["b"] });
  assert.deepEqual([image.Entrypoint, image.Cmd], [undefined, ["b"]]);
  const error = await failure(container({ envs: [{ key: "K", value: Uint8Array.of(0xff) }] }));
  assert.equal(error.rawMessage, "envs: the value of K is not UTF-8");
});

test("resources, with as much swap as CRI's runtimes permit", async () => {
  const resources = {
    memoryLimitInBytes: 64n << 20n,
    cpuPeriod: 100_000n,
    cpuQuota: 50_000n,
    cpuShares: 512n,
  };
  const { HostConfig } = await container({ linux: { resources } });
  const { Memory, MemorySwap, CpuPeriod, CpuQuota, CpuShares, CpusetCpus } = HostConfig;
  assert.deepEqual([Memory, MemorySwap], [64 << 20, 64 << 20]);
  assert.deepEqual([CpuPeriod, CpuQuota, CpuShares, CpusetCpus], [100_000, 50_000, 512, undefined]);
  // The kubelet sends limits of 0 for all page sizes.
  await container({ linux: { resources: { hugepageLimits: [{ pageSize: "2MB", limit: 0n }] } } });
});

test("what the engine cannot do is refused, and named", async () => {
  const { POD } = NamespaceMode;
  for (const [request, text] of [
    [
      () => sandbox({ linux: { securityContext: { namespaceOptions: { usernsOptions: { mode: POD } } } } }),
      /userns/,
    ],
    [() => container({ linux: { resources: { unified: { "memory.high": "1" } } } }), /unified: memory\.high/],
    [
      () => container({ linux: { resources: { hugepageLimits: [{ pageSize: "2MB", limit: 1n }] } } }),
      /hugepage_limits.*2MB/,
    ],
    [() => container({ CDIDevices: [{ name: "a.b/c=d" }] }), /CDI_devices/],
    [
      () => container({ linux: { securityContext: { capabilities: { addAmbientCapabilities: ["KILL"] } } } }),
      /add_ambient_capabilities/,
    ],
    [() => container({ mounts: [{ containerPath: "/a", image: { image: "x" } }] }, oldest), /Docker 28/],
    [
      () =>
        container(
          { mounts: [{ containerPath: "/a", hostPath: "/tmp", readonly: true, recursiveReadOnly: true }] },
          oldest,
        ),
      /recursive_read_only/,
    ],
  ] as const) {
    const error = await failure(request());
    assert.equal(error.code, "unimplemented");
    assert.match(error.rawMessage, text);
  }
});

test("ports that the portmap plugin refuses are refused before there is a pod that needs them removed", async () => {
  const port = { hostPort: 8080, containerPort: 80 };
  await sandbox({ portMappings: [port, { containerPort: 0 }, { ...port, hostIp: "::1" }] });
  for (const [wrong, text] of [
    [{ hostPort: -1 }, "host_port: must not be -1"],
    [{ hostPort: 65_536 }, "host_port: must not be 65536"],
    [{ containerPort: 0 }, "container_port: must not be 0"],
    [{ protocol: 9 }, "protocol: must not be 9"],
    [{ hostIp: "localhost" }, 'host_ip: must not be "localhost"'],
  ] as const) {
    const error = await failure(sandbox({ portMappings: [port, { ...port, ...wrong }] }), "invalid_request");
    assert.equal(error.rawMessage, `port_mappings[1].${text}`);
  }
});

test("mounts: missing paths are created, and read-only mounts are recursive only if they shall be", async (t) => {
  const folder = await tempFolder(t);
  const hostPath = join(folder, "missing", "path");
  const mount = { containerPath: "/a", hostPath, readonly: true };
  const { PROPAGATION_HOST_TO_CONTAINER } = MountPropagation;
  const old = await container({ mounts: [mount] }, oldest);
  assert.ok(existsSync(hostPath));
  assert.deepEqual(old.HostConfig.Mounts, [
    {
      Type: "bind",
      Source: hostPath,
      Target: "/a",
      ReadOnly: true,
      BindOptions: { Propagation: "rprivate" },
    },
  ]);
  const recent = await container({
    mounts: [
      mount,
      { ...mount, recursiveReadOnly: true },
      { ...mount, readonly: false, propagation: PROPAGATION_HOST_TO_CONTAINER },
    ],
  });
  assert.deepEqual(
    recent.HostConfig.Mounts?.map(({ BindOptions }) => BindOptions),
    [
      { Propagation: "rprivate", ReadOnlyNonRecursive: true },
      { Propagation: "rprivate", ReadOnlyForceRecursive: true },
      { Propagation: "rslave" },
    ],
  );
  const relative = await failure(container({ mounts: [{ ...mount, containerPath: "a" }] }));
  assert.equal(relative.rawMessage, 'mounts[0].container_path: must be absolute, got "a"');
});

test("profiles: unconfined without one, the engine's default, and a file", async (t) => {
  const { RuntimeDefault, Localhost } = SecurityProfile_ProfileType;
  const optionsOf = async (securityContext: object) =>
    (await container({ linux: { securityContext } })).HostConfig.SecurityOpt;
  assert.deepEqual(await optionsOf({}), ["seccomp=unconfined"]);
  assert.deepEqual(await optionsOf({ seccomp: { profileType: RuntimeDefault } }), []);
  assert.deepEqual(await optionsOf({ seccompProfilePath: "runtime/default", noNewPrivs: true }), [
    "no-new-privileges",
  ]);
  const localhostRef = join(await tempFolder(t), "profile.json");
  await writeFile(localhostRef, '{ "defaultAction": "SCMP_ACT_ALLOW" }\n');
  assert.deepEqual(await optionsOf({ seccomp: { profileType: Localhost, localhostRef } }), [
    'seccomp={"defaultAction":"SCMP_ACT_ALLOW"}',
  ]);
  assert.match(
    (await failure(optionsOf({ seccomp: { profileType: Localhost, localhostRef: "/none" } }))).rawMessage,
    /^seccomp profile \/none: cannot be used: ENOENT/,
  );
  assert.match(
    (await failure(optionsOf({ apparmor: { profileType: Localhost, localhostRef: "p" } }))).rawMessage,
    /AppArmor is not enabled/,
  );
});

test("users", async () => {
  const userOf = async (securityContext: object) => (await container({ linux: { securityContext } })).User;
  assert.equal(await userOf({}), "");
  assert.equal(await userOf({ runAsUser: { value: 0n } }), "0");
  assert.equal(await userOf({ runAsUser: { value: 1n }, runAsGroup: { value: 2n } }), "1:2");
  assert.equal(await userOf({ runAsUsername: "app", runAsGroup: { value: 2n } }), "app:2");
  assert.match((await failure(userOf({ runAsGroup: { value: 2n } }))).rawMessage, /needs run_as_user/);
});

test("stop signals there and back", () => {
  for (const signal of Object.values(Signal))
    if (signal !== Signal.RUNTIME_DEFAULT && signal !== Signal.SIGCLD && signal !== Signal.SIGPOLL)
      assert.equal(signalOf(signalName(signal)), signal, signalName(signal));
  assert.equal(signalName(Signal.SIGRTMINPLUS3), "RTMIN+3");
  assert.equal(signalOf("15"), Signal.RUNTIME_DEFAULT);
});

test("labels keep CRI's config, without the environment", () => {
  const config = sandboxOf({
    labels: { app: "web", [label.kind]: "forged" },
    annotations: { a: "b" },
    logDirectory: "/logs",
  });
  const labels = sandboxLabels(config, "runc");
  assert.equal(labels.app, "web");
  const record = sandboxRecord("s1", labels);
  assert.deepEqual(record?.config, config);
  assert.equal(record?.handler, "runc");
  assert.equal(containerRecord("s1", labels), undefined);
  assert.equal(sandboxRecord("s2", { app: "web" }), undefined);
  const secret = create(ContainerConfigSchema, { envs: [{ key: "TOKEN", value: Buffer.from("secret") }] });
  const kept = containerLabels(secret, "s1", "/logs/c.log");
  assert.ok(!JSON.stringify(kept).includes("TOKEN"));
  assert.deepEqual(secret.envs.length, 1);
  assert.deepEqual(
    [containerRecord("c1", kept)?.sandboxId, containerRecord("c1", kept)?.logPath],
    ["s1", "/logs/c.log"],
  );
});

test("names of the engine are permitted, and differ where CRI's metadata does", () => {
  const named = (name: string, namespace: string) =>
    engineName("POD", sandboxOf({ metadata: { name, namespace, uid: "1", attempt: 0 } }), 0);
  assert.equal(named("web-0.a", "default"), "k8s_POD_web-0.a_default_1_0");
  const names = [
    named("a_b", "c"),
    named("a", "b_c"),
    named("a/b", "c"),
    named("x".repeat(5_000), "c"),
    named("x".repeat(5_001), "c"),
  ];
  assert.equal(new Set(names).size, names.length);
  for (const name of names) assert.match(name, /^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,600}$/);
});

test("times of the engine are nanoseconds", () => {
  assert.equal(engineTime("2026-11-30T10:00:00.000000001Z"), 1_796_032_800_000_000_001n);
  assert.equal(engineTime("2026-11-30T10:00:00Z"), 1_796_032_800_000_000_000n);
  assert.equal(engineTime("2026-11-30T11:00:00.5+01:00"), 1_796_032_800_500_000_000n);
  assert.equal(engineTime("0001-01-01T00:00:00Z"), 0n);
});

test("a prefix of several ids selects none", () => {
  const entries = ["aa1", "aa2", "b"].map((id) => ({ id, labels: {}, state: 0 }));
  const ids = (id: string) => select(entries, { id, labelSelector: {} }).map((one) => one.id);
  assert.deepEqual(
    [ids(""), ids("aa"), ids("aa1"), ids("b"), ids("c")],
    [["aa1", "aa2", "b"], [], ["aa1"], ["b"], []],
  );
});
