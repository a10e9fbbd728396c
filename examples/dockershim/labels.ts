// How CRI's objects are kept in the engine. A container of the engine is a sandbox or a container of CRI if it has the label `kind`;
// the labels beside it hold everything that CRI wants back and the engine does not know. The shim keeps nothing in files.
import { createHash } from "node:crypto";
import { clone, fromJsonString, toJsonString } from "@bufbuild/protobuf";
import { dateToNanos } from "cri-sdk";
import {
  type ContainerConfig,
  ContainerConfigSchema,
  type PodSandboxConfig,
  PodSandboxConfigSchema,
} from "cri-sdk/v1";

export const label = {
  /** `sandbox` or `container`. */
  kind: "cri-sdk.dockershim.kind",
  /** CRI's config as JSON, without the environment, which the engine has. */
  config: "cri-sdk.dockershim.config",
  /** When the shim created the object, in nanoseconds: lists of the engine have seconds only. */
  createdAt: "cri-sdk.dockershim.created-at",
  /** Of a container: the id of its sandbox. */
  sandbox: "cri-sdk.dockershim.sandbox",
  /** Of a container: the absolute path of its log; empty for none. */
  logPath: "cri-sdk.dockershim.log-path",
  /** Of a sandbox: the runtime handler. */
  handler: "cri-sdk.dockershim.handler",
} as const;

export type Labels = Readonly<Record<string, string>>;

/** What the labels of a sandbox say. */
export interface SandboxRecord {
  readonly config: PodSandboxConfig;
  readonly createdAt: bigint;
  readonly handler: string;
}

/** What the labels of a container say. */
export interface ContainerRecord {
  readonly config: ContainerConfig;
  readonly createdAt: bigint;
  readonly sandboxId: string;
  readonly logPath: string;
}

const now = (): string => String(dateToNanos(new Date()));

/** Returns the labels of a new sandbox. CRI's own labels are among them, for people who use `docker ps`. */
export function sandboxLabels(config: PodSandboxConfig, handler: string): Labels {
  return {
    ...config.labels,
    [label.kind]: "sandbox",
    [label.config]: toJsonString(PodSandboxConfigSchema, config),
    [label.createdAt]: now(),
    [label.handler]: handler,
  };
}

/** Returns the labels of a new container. */
export function containerLabels(config: ContainerConfig, sandboxId: string, logPath: string): Labels {
  const kept = clone(ContainerConfigSchema, config);
  kept.envs = [];
  return {
    ...config.labels,
    [label.kind]: "container",
    [label.config]: toJsonString(ContainerConfigSchema, kept),
    [label.createdAt]: now(),
    [label.sandbox]: sandboxId,
    [label.logPath]: logPath,
  };
}

// Lists and events decode the same configs again and again: labels never change.
const sandboxes = new Map<string, SandboxRecord>();
const containers = new Map<string, ContainerRecord>();

/** Returns what the labels of a sandbox say; undefined if these are not the labels of a sandbox. */
export function sandboxRecord(id: string, labels: Labels): SandboxRecord | undefined {
  if (labels[label.kind] !== "sandbox") return undefined;
  return remember(sandboxes, id, () => ({
    config: fromJsonString(PodSandboxConfigSchema, labels[label.config] ?? "{}"),
    createdAt: BigInt(labels[label.createdAt] ?? 0),
    handler: labels[label.handler] ?? "",
  }));
}

/** Returns what the labels of a container say; undefined if these are not the labels of a container. */
export function containerRecord(id: string, labels: Labels): ContainerRecord | undefined {
  if (labels[label.kind] !== "container") return undefined;
  return remember(containers, id, () => ({
    config: fromJsonString(ContainerConfigSchema, labels[label.config] ?? "{}"),
    createdAt: BigInt(labels[label.createdAt] ?? 0),
    sandboxId: labels[label.sandbox] ?? "",
    logPath: labels[label.logPath] ?? "",
  }));
}

/** Frees the decoded labels of an object that was removed. */
export function forgetRecord(id: string): void {
  sandboxes.delete(id);
  containers.delete(id);
}

function remember<T>(known: Map<string, T>, id: string, decode: () => T): T {
  const found = known.get(id) ?? decode();
  known.set(id, found);
  return found;
}

/**
 * Returns the engine's name of a sandbox or container, which the engine keeps unique: `k8s_CONTAINER_POD_NAMESPACE_UID_ATTEMPT`, and
 * `POD` for the sandbox. Parts with characters that the engine does not permit, or that could be confused, get a hash at the end.
 */
export function engineName(container: string, pod: PodSandboxConfig, attempt: number): string {
  const { name = "", namespace = "", uid = "" } = pod.metadata ?? {};
  const parts = [container, name, namespace, uid, String(attempt)];
  const plain = `k8s_${parts.join("_")}`;
  if (parts.every((part) => /^[A-Za-z0-9.-]*$/.test(part)) && plain.length <= 500) return plain;
  const hash = createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 16);
  return `${plain.replace(/[^A-Za-z0-9_.-]/g, "-").slice(0, 480)}_${hash}`;
}
