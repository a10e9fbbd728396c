import type { Cri } from "../../src/index.js";
import type { RpcName } from "../../src/transport.js";
import { MountPropagation, NamespaceMode } from "../../src/v1.js";

const id = "0123456789abcdef".repeat(4);
const sandboxConfig = {
  metadata: { name: "pod", namespace: "default", uid: "uid", attempt: 1 },
  hostname: "pod",
  logDirectory: "/var/log/pods/uid",
  labels: { app: "web" },
  linux: { cgroupParent: "/kubepods/uid", securityContext: { namespaceOptions: { pid: NamespaceMode.POD } } },
};

/** Names that begin with dots or contain dots do not leave a folder. */
const logPath = "web/..0/..log";

const mounts = [
  { containerPath: "/data", hostPath: "/srv/data" },
  { containerPath: "/image", image: { image: "localhost/volume:1" } },
  { containerPath: "C:\\data", hostPath: "C:\\srv" },
  {
    containerPath: "/ro",
    hostPath: "/srv/ro",
    readonly: true,
    recursiveReadOnly: true,
    propagation: MountPropagation.PROPAGATION_PRIVATE,
  },
];

const config = {
  metadata: { name: "web", attempt: 0 },
  image: { image: "localhost/web:1" },
  command: ["httpd"],
  logPath,
  mounts,
  linux: {
    securityContext: {
      runAsUser: { value: 0n },
      runAsGroup: { value: 5n },
      namespaceOptions: { pid: NamespaceMode.TARGET, targetId: id },
    },
  },
};

const streams = { stdin: false, stdout: true, stderr: true, tty: false };

/** Complete, legal requests for every RPC with a preflight rule. */
export const legal: { readonly [N in RpcName]?: (cri: Cri) => readonly Promise<unknown>[] } = {
  updateRuntimeConfig: ({ runtime }) => [runtime.updateRuntimeConfig({})],
  runPodSandbox: ({ runtime }) => [
    runtime.runPodSandbox({ config: sandboxConfig, runtimeHandler: "runc" }),
    runtime.runPodSandbox({ config: { metadata: { name: "pod", namespace: "default" } } }),
    runtime.runPodSandbox({ config: { ...sandboxConfig, logDirectory: "C:\\logs\\pod" } }),
    runtime.runPodSandbox({ config: { ...sandboxConfig, logDirectory: "/var/log/a..b" } }),
  ],
  stopPodSandbox: ({ runtime }) => [
    runtime.stopPodSandbox({ podSandboxId: id }),
    // A runtime whose ids are not hex digits.
    runtime.stopPodSandbox({ podSandboxId: "pod-1" }),
  ],
  removePodSandbox: ({ runtime }) => [runtime.removePodSandbox({ podSandboxId: id })],
  updatePodSandboxResources: ({ runtime }) => [
    runtime.updatePodSandboxResources({ podSandboxId: id, resources: { cpuShares: 2n } }),
  ],
  createContainer: ({ runtime }) => [
    runtime.createContainer({ podSandboxId: id, config, sandboxConfig }),
    runtime.createContainer({
      podSandboxId: id,
      config: { metadata: { name: "web" }, image: { image: "sha256:abc" } },
      sandboxConfig: { metadata: { name: "pod", namespace: "default" } },
    }),
    runtime.createContainer({
      podSandboxId: id,
      config: {
        ...config,
        linux: { securityContext: { runAsUsername: "www", runAsGroup: { value: 5n } } },
      },
      sandboxConfig,
    }),
  ],
  startContainer: ({ runtime }) => [runtime.startContainer({ containerId: id })],
  stopContainer: ({ runtime }) => [
    runtime.stopContainer({ containerId: id, timeout: 10n }),
    runtime.stopContainer({ containerId: id, timeout: -1n }),
  ],
  removeContainer: ({ runtime }) => [runtime.removeContainer({ containerId: id })],
  updateContainerResources: ({ runtime }) => [runtime.updateContainerResources({ containerId: id })],
  reopenContainerLog: ({ runtime }) => [runtime.reopenContainerLog({ containerId: id })],
  execSync: ({ runtime }) => [
    runtime.execSync({ containerId: id, cmd: ["true"] }),
    runtime.execSync({ containerId: id, cmd: ["echo", ""], timeout: 5n }),
  ],
  exec: ({ runtime }) => [
    runtime.exec({ containerId: id, cmd: ["sh"], ...streams }),
    runtime.exec({ containerId: id, cmd: ["sh"], stdin: true, stdout: true, tty: true }),
  ],
  attach: ({ runtime }) => [
    runtime.attach({ containerId: id, ...streams }),
    runtime.attach({ containerId: id, stdin: true }),
  ],
  portForward: ({ runtime }) => [
    runtime.portForward({ podSandboxId: id, port: [1, 80, 65_535] }),
    runtime.portForward({ podSandboxId: id }),
  ],
  checkpointContainer: ({ runtime }) => [
    runtime.checkpointContainer({ containerId: id, location: "/var/lib/c.tar", timeout: 10n }),
  ],
  checkpointPod: ({ runtime }) => [
    runtime.checkpointPod({ podSandboxId: id, outputPath: "/var/lib/pod.tar" }),
  ],
  restorePod: ({ runtime }) => [
    runtime.restorePod({ checkpointPath: "/var/lib/pod.tar", config: sandboxConfig }),
  ],
  pullImage: ({ image }) => [image.pullImage({ image: { image: "localhost/web:1" }, sandboxConfig })],
  removeImage: ({ image }) => [image.removeImage({ image: { image: "localhost/web:1" } })],
};
