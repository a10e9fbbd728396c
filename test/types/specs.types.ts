// Compiled by `npx tsc -p .`, never run: each @ts-expect-error fails the build when the line below it compiles.
import {
  type ContainerSecuritySpec,
  type ContainerSpec,
  containerConfig,
  type MountSpec,
  type NamespacesSpec,
  type PodSecuritySpec,
  type PodSpec,
  type podUid,
  type ResourcesSpec,
  sandboxConfig,
} from "../../src/index.js";
import type { ContainerConfig, PodSandboxConfig } from "../../src/v1.js";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function holds<T extends true>(): T | undefined {
  return undefined;
}

export function answersAreMessages(): void {
  holds<Same<ReturnType<typeof sandboxConfig>, PodSandboxConfig>>();
  holds<Same<ReturnType<typeof containerConfig>, ContainerConfig>>();
  holds<Same<ReturnType<typeof podUid>, string>>();
}

/** What a program reads from somewhere, and hands on. */
declare const yes: boolean;
declare const anyMode: "container" | "pod" | "host";
const target = { containerPath: "/x" };
const path = { ...target, hostPath: "/x" };

export const mounts: MountSpec[] = [
  path,
  { ...path, readOnly: yes, selinuxRelabel: yes, propagation: "Bidirectional", mountOptions: ["noexec"] },
  { ...path, readOnly: true, recursiveReadOnly: true, propagation: "None" },
  { ...target, image: "busybox", subPath: "bin", readOnly: true },
  // @ts-expect-error where from?
  target,
  // @ts-expect-error where to?
  { hostPath: "/x" },
  // @ts-expect-error a path or an image
  { ...path, image: "busybox" },
  // @ts-expect-error a path of the host has no part of an image
  { ...path, subPath: "bin" },
  // @ts-expect-error recursively, and not at all
  { ...path, recursiveReadOnly: true },
  // @ts-expect-error nor
  { ...path, readOnly: false, recursiveReadOnly: true },
  // @ts-expect-error nothing comes through a mount that is read-only in depth
  { ...path, readOnly: true, recursiveReadOnly: true, propagation: "HostToContainer" },
  // @ts-expect-error an image cannot be written to
  { ...target, image: "busybox", readOnly: false },
  // @ts-expect-error nor does it propagate
  { ...target, image: "busybox", propagation: "None" },
  // @ts-expect-error no such word
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
  // @ts-expect-error own users in the host's network
  { hostNetwork: true, users: { uids: { hostId: 100_000 } } },
  // @ts-expect-error or among its processes
  { pid: "host", users: { uids: { hostId: 100_000 } } },
  // @ts-expect-error or with its IPC
  { hostIpc: true, users: { uids: { hostId: 100_000 } } },
  // @ts-expect-error groups alone
  { users: { gids: { hostId: 100_000 } } },
  // @ts-expect-error a target is the container's to choose
  { pid: "target" },
];

export const pods: PodSpec[] = [
  { name: "a" },
  { name: "a", hostname: "b", domain: "c.d" },
  { name: "a", hostname: "b", namespaces: { pid: anyMode } },
  { name: "a", namespaces: { hostNetwork: yes } },
  { name: "a", namespaces: { hostNetwork: false }, hostname: "b" },
  { name: "a", logDirectory: false, labels: undefined },
  // @ts-expect-error a pod has a name
  {},
  // @ts-expect-error which the host has
  { name: "a", namespaces: { hostNetwork: true }, hostname: "b" },
  // @ts-expect-error and so its domain
  { name: "a", namespaces: { hostNetwork: true }, domain: "b" },
  // @ts-expect-error a typo
  { name: "a", hostName: "b" },
  // @ts-expect-error a text
  { name: "a", labels: { a: 1 } },
  // @ts-expect-error a number
  { name: "a", ports: [{ containerPort: "80" }] },
  // @ts-expect-error in capitals
  { name: "a", ports: [{ containerPort: 80, protocol: "tcp" }] },
  // @ts-expect-error a path, or false for none
  { name: "a", logDirectory: true },
  // @ts-expect-error a pod has no container's fields
  { name: "a", image: "busybox" },
];

const container = { name: "a", image: "busybox" };

export const containers: ContainerSpec[] = [
  container,
  { ...container, stdin: yes, tty: yes },
  { ...container, stdin: true, stdinOnce: yes },
  { ...container, stdinOnce: false },
  { ...container, env: { A: "b", C: new Uint8Array() } },
  // @ts-expect-error an image is needed
  { name: "a" },
  // @ts-expect-error an end without an input
  { ...container, stdinOnce: true },
  // @ts-expect-error nor here
  { ...container, stdin: false, stdinOnce: true },
  // @ts-expect-error words, not a line
  { ...container, command: "sleep 1" },
  // @ts-expect-error as kubectl has it
  { ...container, env: [{ name: "A", value: "b" }] },
  // @ts-expect-error no number
  { ...container, env: { A: 1 } },
  // @ts-expect-error no such policy
  { ...container, pullPolicy: "always" },
];

export const ofPods: PodSecuritySpec[] = [
  { user: 1, group: 2 },
  { seccomp: { localhost: "/p.json" }, apparmor: "Unconfined", privileged: yes },
  // @ts-expect-error CRI has no user by name for a pod
  { user: "nobody" },
  // @ts-expect-error a group without a user
  { group: 2 },
  // @ts-expect-error those are a container's
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
  // @ts-expect-error privileged is more than any escalation
  { privileged: true, allowPrivilegeEscalation: false },
  // @ts-expect-error both lists
  { procMount: { maskedPaths: [] } },
  // @ts-expect-error which one?
  { seccomp: "Localhost" },
  // @ts-expect-error seccomp or RuntimeDefault
  { seccomp: "runtime/default" },
];

export const resources: ResourcesSpec[] = [
  { cpu: "250m", memory: 64n, requests: { cpu: 0.1 }, hugepages: { "2Mi": "64Mi" } },
  // @ts-expect-error limits have no group of their own
  { limits: { cpu: 1 } },
  // @ts-expect-error a number
  { oomScoreAdj: "1" },
];

export function callsAreChecked(pod: PodSandboxConfig, spec: PodSpec): void {
  sandboxConfig({ name: "a" }, { logRoot: undefined });
  containerConfig(container, { pod, imageId: undefined });
  // @ts-expect-error a container is in a pod
  containerConfig(container);
  // @ts-expect-error its config, not its spec
  containerConfig(container, { pod: { name: "a" } });
  // @ts-expect-error readonly
  spec.name = "b";
}
