// Compiled by `npx tsc -p .`, never run: each @ts-expect-error fails the build when the line below it compiles.

import {
  type ContainerSecuritySpec,
  containerConfig,
  type MountSpec,
  type NamespacesSpec,
  type PodSecuritySpec,
  type podUid,
  type ResourcesSpec,
  sandboxConfig,
} from "../../src/configs.js";
import type { ContainerSpec, PodSpec } from "../../src/index.js";
import type { ContainerConfig, PodSandboxConfig } from "../../src/v1.js";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function holds<T extends true>(): T | undefined {
  return undefined;
}

export function resultsAreMessages(): void {
  holds<Same<ReturnType<typeof sandboxConfig>, PodSandboxConfig>>();
  holds<Same<ReturnType<typeof containerConfig>, ContainerConfig>>();
  holds<Same<ReturnType<typeof podUid>, string>>();
}

// Values whose types are as wide as a program reads them.
declare const yes: boolean;
declare const anyMode: "container" | "pod" | "host";
const target = { containerPath: "/x" };
const path = { ...target, hostPath: "/x" };

export const mounts: MountSpec[] = [
  path,
  { ...path, readOnly: yes, selinuxRelabel: yes, propagation: "Bidirectional", mountOptions: ["noexec"] },
  { ...path, readOnly: true, recursiveReadOnly: true, propagation: "None" },
  { ...target, image: "busybox", subPath: "bin", readOnly: true },
  // @ts-expect-error a mount requires a source
  target,
  // @ts-expect-error a mount requires a mount point
  { hostPath: "/x" },
  // @ts-expect-error a path and an image are mutually exclusive
  { ...path, image: "busybox" },
  // @ts-expect-error subPath requires an image
  { ...path, subPath: "bin" },
  // @ts-expect-error recursiveReadOnly requires readOnly
  { ...path, recursiveReadOnly: true },
  // @ts-expect-error recursiveReadOnly requires readOnly: true
  { ...path, readOnly: false, recursiveReadOnly: true },
  // @ts-expect-error recursiveReadOnly requires private propagation
  { ...path, readOnly: true, recursiveReadOnly: true, propagation: "HostToContainer" },
  // @ts-expect-error an image mount is read-only
  { ...target, image: "busybox", readOnly: false },
  // @ts-expect-error an image mount has no propagation
  { ...target, image: "busybox", propagation: "None" },
  // @ts-expect-error not a propagation mode
  { ...path, propagation: "Private" },
];

export const namespaces: NamespacesSpec[] = [
  {},
  { hostNetwork: yes, pid: anyMode, hostIpc: yes },
  { users: { uids: { hostId: 100_000 } }, pid: "pod" },
  {
    hostNetwork: false,
    users: { uids: { hostId: 100_000, containerId: 1, length: 10 }, gids: { hostId: 1 } },
  },
  // @ts-expect-error a user namespace with the host network
  { hostNetwork: true, users: { uids: { hostId: 100_000 } } },
  // @ts-expect-error a user namespace with the host's PID namespace
  { pid: "host", users: { uids: { hostId: 100_000 } } },
  // @ts-expect-error a user namespace with the host's IPC
  { hostIpc: true, users: { uids: { hostId: 100_000 } } },
  // @ts-expect-error gids without uids
  { users: { gids: { hostId: 100_000 } } },
  // @ts-expect-error only a container's spec has a target
  { pid: "target" },
];

export const pods: PodSpec[] = [
  { name: "a" },
  { name: "a", hostname: "b", domain: "c.d" },
  { name: "a", hostname: "b", namespaces: { pid: anyMode } },
  { name: "a", namespaces: { hostNetwork: yes } },
  { name: "a", namespaces: { hostNetwork: false }, hostname: "b" },
  { name: "a", logDirectory: false, labels: undefined },
  // @ts-expect-error a pod requires a name
  {},
  // @ts-expect-error on the host network a pod has the host's name
  { name: "a", namespaces: { hostNetwork: true }, hostname: "b" },
  // @ts-expect-error on the host network a pod has the host's domain
  { name: "a", namespaces: { hostNetwork: true }, domain: "b" },
  // @ts-expect-error an unknown field
  { name: "a", hostName: "b" },
  // @ts-expect-error a label's value is a string
  { name: "a", labels: { a: 1 } },
  // @ts-expect-error a port is a number
  { name: "a", ports: [{ containerPort: "80" }] },
  // @ts-expect-error protocols are upper-case
  { name: "a", ports: [{ containerPort: 80, protocol: "tcp" }] },
  // @ts-expect-error a path, or false for no logs
  { name: "a", logDirectory: true },
  // @ts-expect-error a pod's spec has no image
  { name: "a", image: "busybox" },
];

const container = { name: "a", image: "busybox" };

export const containers: ContainerSpec[] = [
  container,
  { ...container, stdin: yes, tty: yes },
  { ...container, stdin: true, stdinOnce: yes },
  { ...container, stdinOnce: false },
  { ...container, env: { A: "b", C: new Uint8Array() } },
  // @ts-expect-error a container requires an image
  { name: "a" },
  // @ts-expect-error stdinOnce requires stdin
  { ...container, stdinOnce: true },
  // @ts-expect-error stdinOnce requires stdin: true
  { ...container, stdin: false, stdinOnce: true },
  // @ts-expect-error a command is an array
  { ...container, command: "sleep 1" },
  // @ts-expect-error env is an object, unlike in a Pod manifest
  { ...container, env: [{ name: "A", value: "b" }] },
  // @ts-expect-error a variable's value is not a number
  { ...container, env: { A: 1 } },
  // @ts-expect-error not a pull policy
  { ...container, pullPolicy: "always" },
];

export const ofPods: PodSecuritySpec[] = [
  { user: 1, group: 2 },
  { seccomp: { localhost: "/p.json" }, apparmor: "Unconfined", privileged: yes },
  // @ts-expect-error CRI has no user by name for a pod
  { user: "nobody" },
  // @ts-expect-error a group without a user
  { group: 2 },
  // @ts-expect-error only containers have capabilities
  { capabilities: { add: ["NET_ADMIN"] } },
];

export const ofContainers: ContainerSecuritySpec[] = [
  { user: "nobody", group: 2 },
  { allowPrivilegeEscalation: yes },
  { privileged: yes },
  { privileged: true, allowPrivilegeEscalation: true },
  { procMount: { maskedPaths: [], readOnlyPaths: ["/proc/sys"] } },
  // @ts-expect-error a group without a user
  { group: 2 },
  // @ts-expect-error a privileged container cannot forbid escalation
  { privileged: true, allowPrivilegeEscalation: false },
  // @ts-expect-error procMount requires both lists
  { procMount: { maskedPaths: [] } },
  // @ts-expect-error a localhost profile requires its path
  { seccomp: "Localhost" },
  // @ts-expect-error the deprecated notation of annotations
  { seccomp: "runtime/default" },
];

export const resources: ResourcesSpec[] = [
  { cpu: "250m", memory: 64n, requests: { cpu: 0.1 }, hugepages: { "2Mi": "64Mi" } },
  // @ts-expect-error limits are at the top level
  { limits: { cpu: 1 } },
  // @ts-expect-error a score is a number
  { oomScoreAdj: "1" },
];

export function callsAreChecked(pod: PodSandboxConfig, spec: PodSpec): void {
  sandboxConfig({ name: "a" }, { logRoot: undefined });
  containerConfig(container, { pod, imageId: undefined });
  // @ts-expect-error a container requires its pod's config
  containerConfig(container);
  // @ts-expect-error the pod's config, not its spec
  containerConfig(container, { pod: { name: "a" } });
  // @ts-expect-error specs are readonly
  spec.name = "b";
}
