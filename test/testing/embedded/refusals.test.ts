import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "../../../src/index.js";
import type { RuntimeLike } from "../../../src/testing/index.js";
import { busybox, sandboxConfig, scripted } from "../../support/embedded.js";

type Text = RegExp | "accepted";
/** By profile; the first without one. */
type Texts = readonly [standard: Text, containerd17: Text, containerd21: Text, crio: Text];

const profiles = [undefined, "containerd-1.7", "containerd-2.1", "cri-o"] as const satisfies readonly (
  | RuntimeLike
  | undefined
)[];

const everywhere = (text: Text): Texts => [text, text, text, text];
const ids = (length: number) => [{ hostId: 100_000, containerId: 0, length }];

async function outcome(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => "accepted",
    (error) => error.rawMessage,
  );
}

function assertText(actual: string, expected: Text, label: string): void {
  if (expected === "accepted") assert.equal(actual, "accepted", label);
  else assert.match(actual, expected, label);
}

/** Measured on containerd 1.7 and 2.1; the texts of CRI-O are those of its source. */
const sandboxes: Readonly<Record<string, readonly [linux: object, Texts]>> = {
  "a group without a user": [
    { securityContext: { runAsGroup: { value: 5n } } },
    [
      /^config\.linux\.security_context\.run_as_group: user group "5" is specified without user$/,
      /^failed to generate sandbox container spec options: failed to generate user string: user group "5" is specified without user$/,
      /^failed to start sandbox "[0-9a-f]{64}": failed to generate sandbox container spec options: failed to generate user string: user group "5" is specified without user$/,
      /^user group is specified without user or username$/,
    ],
  ],
  "a user namespace without mappings": [
    { securityContext: { namespaceOptions: { usernsOptions: { mode: 0 } } } },
    everywhere(
      /user namespace configuration: can't use user namespace mode "POD" without UID and GID mappings$/,
    ),
  ],
  "a user namespace on a handler without them": [
    { securityContext: { namespaceOptions: { usernsOptions: { mode: 0, uids: ids(9), gids: ids(9) } } } },
    everywhere(/user namespace configuration: the runtime handler does not support user namespaces$/),
  ],
  "a user namespace of a container": [
    { securityContext: { namespaceOptions: { usernsOptions: { mode: 1 } } } },
    everywhere(/unsupported user namespace mode: "CONTAINER"$/),
  ],
  "mappings for the user namespace of the host": [
    { securityContext: { namespaceOptions: { usernsOptions: { mode: 2, uids: ids(9), gids: ids(9) } } } },
    everywhere(/can't use user namespace mode "NODE" with mappings\. Got 1 UID mappings and 1 GID mappings$/),
  ],
  "the user namespace of the host": [
    { securityContext: { namespaceOptions: { usernsOptions: { mode: 2 } } } },
    everywhere("accepted"),
  ],
  "a kernel parameter of the whole host": [
    { sysctls: { "vm.swappiness": "1" } },
    everywhere(/sysctl "vm\.swappiness" is not in a separate kernel namespace$/),
  ],
  "a kernel parameter of the pod": [
    { sysctls: { "net.core.somaxconn": "1", "kernel.shmmax": "1" } },
    everywhere("accepted"),
  ],
  "a seccomp profile that does not exist": [
    { securityContext: { seccomp: { profileType: 2, localhostRef: "/nope.json" } } },
    everywhere(/cannot load seccomp profile "\/nope\.json": open \/nope\.json: no such file or directory$/),
  ],
};

test("configs of sandboxes that a runtime refuses are refused in its words", async (t) => {
  for (const [index, like] of profiles.entries()) {
    const { runtime } = await scripted(t, { like });
    const cri = connect.through({ transport: runtime.transport, normalize: false, preflight: false });
    for (const [label, [linux, texts]] of Object.entries(sandboxes)) {
      const config = { ...sandboxConfig(label.replaceAll(" ", "-")), linux };
      const text = await outcome(cri.runtime.runPodSandbox({ config }));
      assertText(text, texts[index] ?? "accepted", `${like}: ${label}`);
    }
    await cri.close();
  }
});

const mount = (more: object) => ({ mounts: [{ containerPath: "/vol", ...more }] });
const security = (securityContext: object) => ({ linux: { securityContext } });
const spec = `^failed to generate container "[0-9a-f]{64}" spec: failed to generate spec`;

const containers: Readonly<Record<string, readonly [config: object, Texts]>> = {
  "a group without a user": [
    security({ runAsGroup: { value: 5n } }),
    [
      /^config\.linux\.security_context\.run_as_group: user group "5" is specified without user$/,
      /^failed to get container spec opts: failed to generate user string: user group "5" is specified without user$/,
      /^failed to get container spec opts: failed to generate user string: user group "5" is specified without user$/,
      /^user group is specified without user or username$/,
    ],
  ],
  "a group with a user": [
    security({ runAsGroup: { value: 5n }, runAsUser: { value: 1n } }),
    everywhere("accepted"),
  ],
  "an image that is not on the node": [
    mount({ image: { image: "quay.io/none:1" }, readonly: true }),
    [
      /^config\.mounts\[0\]\.image\.image: failed to resolve image "quay\.io\/none:1": not found$/,
      new RegExp(`${spec}: failed to mkdir "": mkdir : no such file or directory$`),
      /^failed to mount image volume: failed to resolve image "quay\.io\/none:1": not found$/,
      /^ImageVolumeMountFailed: image "quay\.io\/none:1" does not exist locally$/,
    ],
  ],
  "a writable image": [
    mount({ image: { image: busybox }, readonly: false }),
    [
      /^config\.mounts\[0\]\.readonly: readonly must be true while mount image: /,
      new RegExp(`${spec}: failed to mkdir "": mkdir : no such file or directory$`),
      /^failed to mount image volume: readonly must be true while mount image: /,
      /readonly must be true/,
    ],
  ],
  "an image and a path": [
    mount({ image: { image: busybox }, hostPath: "/tmp", readonly: true }),
    [
      /host_path: hostpath must be empty/,
      "accepted",
      /^failed to mount image volume: hostpath must be empty/,
      /hostpath must be empty/,
    ],
  ],
  "an image without a name": [
    mount({ image: { image: "" }, readonly: true }),
    [
      /image: image not specified/,
      /failed to mkdir ""/,
      /^failed to mount image volume: image not specified/,
      /image not specified/,
    ],
  ],
  "a folder that the image does not have": [
    mount({ image: { image: busybox }, imageSubPath: "nope", readonly: true }),
    [
      /image_sub_path: sub path "nope" does not exist in image volume/,
      /failed to mkdir ""/,
      "accepted",
      /^ImageVolumeMountFailed: sub path "nope" does not exist in image volume "docker\.io\/library\/busybox:1\.37"$/,
    ],
  ],
  "a mount without a source": [
    mount({}),
    [
      /^config\.mounts\[0\]\.host_path: must not be empty without `image`$/,
      new RegExp(`${spec}: failed to mkdir "": mkdir : no such file or directory$`),
      new RegExp(`${spec}: failed to mkdir "": mkdir : no such file or directory$`),
      /^mount\.HostPath is empty$/,
    ],
  ],
  "a recursive read-only mount that is writable": [
    mount({ hostPath: "/tmp", recursiveReadOnly: true }),
    [
      /recursive_read_only: recursive read-only mount conflicts with RW mount \(hostPath="\/tmp"\)$/,
      "accepted",
      new RegExp(String.raw`${spec}: recursive read-only mount conflicts with RW mount \(hostPath="/tmp"\)$`),
      /^recursive read-only mount conflicts with read-write mount for hostPath "\/tmp"$/,
    ],
  ],
  "a recursive read-only mount that is shared": [
    mount({ hostPath: "/tmp", readonly: true, recursiveReadOnly: true, propagation: 2 }),
    [
      /needs private propagation, got "PROPAGATION_BIDIRECTIONAL" \(hostPath="\/tmp"\)$/,
      "accepted",
      /needs private propagation, got "PROPAGATION_BIDIRECTIONAL"/,
      /^recursive read-only mount requires private propagation for hostPath "\/tmp", got: PROPAGATION_BIDIRECTIONAL$/,
    ],
  ],
  "a recursive read-only mount on a handler without them": [
    mount({ hostPath: "/tmp", readonly: true, recursiveReadOnly: true }),
    [
      /RROUnsupported: /,
      "accepted",
      "accepted",
      /^recursive read-only mount support is not available for hostPath "\/tmp"$/,
    ],
  ],
  "an id-mapped mount": [
    mount({ hostPath: "/tmp", uidMappings: ids(1), gidMappings: ids(1) }),
    [
      /idmap mounts not yet supported/,
      /idmap mounts not yet supported/,
      /idmap mounts not yet supported/,
      /^idmap mounts specified but/,
    ],
  ],
  "options of a mount": [
    mount({ hostPath: "/tmp", mountOptions: ["noexec"] }),
    [/^config\.mounts\[0\]\.mount_options: is not supported/, "accepted", "accepted", "accepted"],
  ],
  "a field for Windows": [
    { windows: { resources: { cpuCount: 2n } } },
    [/^config\.windows: is for Windows nodes/, "accepted", "accepted", "accepted"],
  ],
  "a CDI device": [
    { CDIDevices: [{ name: "vendor.com/net=eth0" }] },
    [
      /^config\.CDI_devices: unresolvable CDI devices vendor\.com\/net=eth0$/,
      "accepted",
      /^failed to create containerd container: CDI device injection failed: unresolvable CDI devices vendor\.com\/net=eth0$/,
      /unresolvable CDI devices vendor\.com\/net=eth0$/,
    ],
  ],
  "a privileged container in a sandbox without privileges": [
    security({ privileged: true }),
    everywhere(/no privileged container allowed in sandbox$/),
  ],
  "a user namespace": [
    security({ namespaceOptions: { usernsOptions: { mode: 0 } } }),
    everywhere(/user namespace configuration: can't use user namespace mode "POD" without/),
  ],
  "processes of a container that does not exist": [
    security({ namespaceOptions: { pid: 3, targetId: "f".repeat(64) } }),
    everywhere(/invalid target container: container "f{64}" does not exist/),
  ],
  "a seccomp profile that does not exist": [
    security({ seccomp: { profileType: 2, localhostRef: "/nope.json" } }),
    everywhere(/cannot load seccomp profile "\/nope\.json"/),
  ],
  "an unknown seccomp profile": [
    security({ seccompProfilePath: "nonsense" }),
    everywhere(/invalid profile "nonsense"$/),
  ],
  "an AppArmor profile": [
    security({ apparmor: { profileType: 2, localhostRef: "mine" } }),
    [/apparmor is not supported$/, /apparmor is not supported$/, /apparmor is not supported$/, "accepted"],
  ],
  "the default AppArmor profile": [
    security({ apparmor: { profileType: 0 } }),
    ["accepted", /apparmor is not supported$/, /apparmor is not supported$/, "accepted"],
  ],
  "an unknown policy of groups": [
    security({ supplementalGroupsPolicy: 7 }),
    [/SupplementalGroupsPolicy=7$/, "accepted", /SupplementalGroupsPolicy=7$/, /SupplementalGroupsPolicy=7$/],
  ],
  "what has no effect without isolation": [
    {
      linux: {
        resources: { cpuQuota: 1n, oomScoreAdj: 5n, unified: { "memory.high": "1" }, cpusetCpus: "99" },
        securityContext: {
          ...{ readonlyRootfs: true, noNewPrivs: true, maskedPaths: ["/x"], readonlyPaths: ["/y"] },
          capabilities: { addCapabilities: ["NET_ADMIN"] },
          selinuxOptions: { level: "s0" },
        },
      },
    },
    everywhere("accepted"),
  ],
};

test("configs of containers that a runtime refuses are refused in its words", async (t) => {
  for (const [index, like] of profiles.entries()) {
    const { runtime } = await scripted(t, { like });
    const cri = connect.through({ transport: runtime.transport, normalize: false, preflight: false });
    const sandbox = sandboxConfig("pod");
    const { podSandboxId } = await cri.runtime.runPodSandbox({ config: sandbox });
    for (const [label, [more, texts]] of Object.entries(containers)) {
      const config = { metadata: { name: label }, image: { image: busybox }, command: ["run"], ...more };
      const text = await outcome(
        cri.runtime.createContainer({ podSandboxId, config, sandboxConfig: sandbox }),
      );
      assertText(text, texts[index] ?? "accepted", `${like}: ${label}`);
    }
    await cri.close();
  }
});

test("a refused sandbox or container leaves nothing behind, and its name is free", async (t) => {
  const { cri } = await scripted(t);
  const config = sandboxConfig("pod");
  const wrong = { ...config, linux: { securityContext: { runAsGroup: { value: 1n } } } };
  await assert.rejects(cri.runtime.runPodSandbox({ config: wrong }), { code: "invalid_argument" });
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config });
  const container = { metadata: { name: "c" }, image: { image: busybox }, command: ["run"] };
  const bad = { ...container, mounts: [{ containerPath: "/v", image: { image: "nope:1" }, readonly: true }] };
  await assert.rejects(cri.runtime.createContainer({ podSandboxId, config: bad, sandboxConfig: config }), {
    reason: "image_missing",
  });
  await cri.runtime.createContainer({ podSandboxId, config: container, sandboxConfig: config });
  assert.equal((await cri.runtime.listContainers({})).containers.length, 1);
});

test("a process with a relative working directory or an impossible environment does not start", async (t) => {
  const { cri } = await scripted(t);
  const config = sandboxConfig("pod");
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config });
  for (const [more, text] of [
    [{ workingDir: "relative" }, /Cwd must be an absolute path/],
    [{ envs: [{ key: "", value: Buffer.from("x") }] }, /environment variable name can't be empty: "=x"/],
    [{ envs: [{ key: "A", value: Buffer.from("x\0y") }] }, /environment variable value can't contain null/],
  ] as const) {
    const spec = { metadata: { name: `${text}` }, image: { image: busybox }, command: ["run"], ...more };
    const cri2 = cri.runtime;
    const { containerId } = await cri2.createContainer({
      podSandboxId,
      config: spec as object,
      sandboxConfig: config,
    });
    await assert.rejects(cri2.startContainer({ containerId }), { message: text });
    assert.equal((await cri2.containerStatus({ containerId })).status?.reason, "StartError");
  }
});
