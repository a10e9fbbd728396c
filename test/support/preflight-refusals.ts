import type { Cri } from "../../src/index.js";
import { MountPropagation, NamespaceMode } from "../../src/v1.js";

/** A request that must not reach a runtime, and the field that its error must name. */
export interface Refusal {
  readonly name: string;
  readonly path: string;
  readonly call: (cri: Cri) => Promise<unknown>;
}

const id = "0123456789abcdef".repeat(4);
const metadata = { name: "pod", namespace: "default", uid: "uid" };
const sandboxConfig = { metadata };
const config = { metadata: { name: "container" }, image: { image: "localhost/image:1" } };
const whole = { podSandboxId: id, config, sandboxConfig };

function run(name: string, path: string, config?: object): Refusal {
  return {
    name: `RunPodSandbox ${name}`,
    path,
    call: ({ runtime }) => runtime.runPodSandbox(config ? { config } : {}),
  };
}

function create(name: string, path: string, change: object): Refusal {
  const request = { ...whole, ...change };
  return { name: `CreateContainer ${name}`, path, call: ({ runtime }) => runtime.createContainer(request) };
}

function createWith(name: string, path: string, change: object): Refusal {
  return create(name, path, { config: { ...config, ...change } });
}

/** Refusals by the id rules, for every call that changes one object. */
function idRules(): Refusal[] {
  const sandboxCalls = [
    "stopPodSandbox",
    "removePodSandbox",
    "updatePodSandboxResources",
    "portForward",
    "checkpointPod",
  ] as const;
  const containerCalls = [
    "startContainer",
    "stopContainer",
    "removeContainer",
    "updateContainerResources",
    "reopenContainerLog",
    "execSync",
    "exec",
    "attach",
    "checkpointContainer",
  ] as const;
  const bad = [
    ["without an id", ""],
    ["with a truncated id", id.slice(0, 13)],
  ] as const;
  return bad.flatMap(([what, given]) => [
    ...sandboxCalls.map((rpc) => ({
      name: `${rpc} ${what}`,
      path: "podSandboxId",
      call: ({ runtime }: Cri): Promise<unknown> => runtime[rpc]({ podSandboxId: given }),
    })),
    ...containerCalls.map((rpc) => ({
      name: `${rpc} ${what}`,
      path: "containerId",
      call: ({ runtime }: Cri): Promise<unknown> => runtime[rpc]({ containerId: given }),
    })),
    create(what, "podSandboxId", { podSandboxId: given }),
  ]);
}

/** At least one request for every preflight rule. */
export const refusals: readonly Refusal[] = [
  ...idRules(),
  run("without a config", "config"),
  run("without metadata", "config.metadata", {}),
  run("without a name", "config.metadata.name", { metadata: { ...metadata, name: "" } }),
  run("without a namespace", "config.metadata.namespace", { metadata: { ...metadata, namespace: "" } }),
  run("with a relative log directory", "config.logDirectory", { metadata, logDirectory: "logs" }),
  run("with a log directory that leaves its parent", "config.logDirectory", {
    metadata,
    logDirectory: "/var/../etc",
  }),

  create("without a config", "config", { config: undefined }),
  create("without a sandbox config", "sandboxConfig", { sandboxConfig: undefined }),
  create("without the sandbox's metadata", "sandboxConfig.metadata", { sandboxConfig: {} }),
  create("without the pod's name", "sandboxConfig.metadata.name", {
    sandboxConfig: { metadata: { namespace: "n" } },
  }),
  createWith("without metadata", "config.metadata", { metadata: undefined }),
  createWith("without a name", "config.metadata.name", { metadata: { name: "" } }),
  createWith("without an image", "config.image.image", { image: undefined }),
  createWith("with an empty image", "config.image.image", { image: { image: "" } }),
  createWith("with an absolute log path", "config.logPath", { logPath: "/var/log/x" }),
  createWith("with an escaping log path", "config.logPath", { logPath: "a/../../x" }),
  createWith("with a mount without a container path", "config.mounts[0].containerPath", {
    mounts: [{ hostPath: "/tmp" }],
  }),
  createWith("with a mount with two sources", "config.mounts[0].hostPath", {
    mounts: [{ containerPath: "/x", hostPath: "/tmp", image: { image: "localhost/image:1" } }],
  }),
  createWith("with a recursively read-only, writable mount", "config.mounts[0].readonly", {
    mounts: [{ containerPath: "/x", hostPath: "/tmp", recursiveReadOnly: true }],
  }),
  createWith("with a recursively read-only, propagated mount", "config.mounts[0].propagation", {
    mounts: [
      {
        containerPath: "/x",
        hostPath: "/tmp",
        readonly: true,
        recursiveReadOnly: true,
        propagation: MountPropagation.PROPAGATION_BIDIRECTIONAL,
      },
    ],
  }),
  createWith("with a group and no user", "config.linux.securityContext.runAsGroup", {
    linux: { securityContext: { runAsGroup: { value: 5n } } },
  }),
  createWith(
    "with a target namespace without a target",
    "config.linux.securityContext.namespaceOptions.targetId",
    {
      linux: { securityContext: { namespaceOptions: { pid: NamespaceMode.TARGET } } },
    },
  ),

  {
    name: "ExecSync without a command",
    path: "cmd",
    call: ({ runtime }) => runtime.execSync({ containerId: id }),
  },
  {
    name: "ExecSync with a negative timeout",
    path: "timeout",
    call: ({ runtime }) => runtime.execSync({ containerId: id, cmd: ["true"], timeout: -1n }),
  },
  {
    name: "Exec without a command",
    path: "cmd",
    call: ({ runtime }) => runtime.exec({ containerId: id, stdout: true }),
  },
  {
    name: "Exec without a stream",
    path: "stdin",
    call: ({ runtime }) => runtime.exec({ containerId: id, cmd: ["true"] }),
  },
  {
    name: "Exec with a tty and stderr",
    path: "stderr",
    call: ({ runtime }) =>
      runtime.exec({ containerId: id, cmd: ["true"], tty: true, stdout: true, stderr: true }),
  },
  {
    name: "Attach without a stream",
    path: "stdin",
    call: ({ runtime }) => runtime.attach({ containerId: id }),
  },
  {
    name: "Attach with a tty and stderr",
    path: "stderr",
    call: ({ runtime }) => runtime.attach({ containerId: id, tty: true, stderr: true }),
  },
  {
    name: "PortForward to an invalid port",
    path: "port[1]",
    call: ({ runtime }) => runtime.portForward({ podSandboxId: id, port: [80, 70_000] }),
  },
  {
    name: "CheckpointContainer to a relative path",
    path: "location",
    call: ({ runtime }) => runtime.checkpointContainer({ containerId: id, location: "c.tar" }),
  },
  {
    name: "CheckpointPod without a path",
    path: "outputPath",
    call: ({ runtime }) => runtime.checkpointPod({ podSandboxId: id }),
  },
  {
    name: "RestorePod without a path",
    path: "checkpointPath",
    call: ({ runtime }) => runtime.restorePod({ config: sandboxConfig }),
  },
  {
    name: "RestorePod without a config",
    path: "config",
    call: ({ runtime }) => runtime.restorePod({ checkpointPath: "/tmp/x" }),
  },
  { name: "PullImage without an image", path: "image.image", call: ({ image }) => image.pullImage({}) },
  {
    name: "RemoveImage without an image",
    path: "image.image",
    call: ({ image }) => image.removeImage({ image: {} }),
  },
];
