import type { Container, PodSandbox } from "../../gen/runtime/v1/api_pb.js";
import { type Leftover, nanosToDate, stoppedError } from "../core/index.js";
import type { PodKit } from "./kit.js";
import { logPathOf } from "./life/container-logs.js";
import { foundGoingPod, isOrphan } from "./life/own-things.js";
import { removeContainer, removePod } from "./life/remove.js";
import { checkOwner, ownerKeys } from "./owner.js";
import { factsOfSandbox } from "./pod-facts.js";

/** What is swept away. */
export interface SweepOptions {
  /**
   * Whose orphans.
   * @default the connection's own owner
   */
  readonly owner?: string | undefined;
  /**
   * Only what was created longer ago, in milliseconds by this machine's clock.
   * @default 0
   */
  readonly olderThanMs?: number | undefined;
  /**
   * Also what `ensure` made, which is bound to no process: all of the owner's things whose process does not live.
   * @default false
   */
  readonly ensured?: boolean | undefined;
  /**
   * Only tells what would be removed.
   * @default false
   */
  readonly dryRun?: boolean | undefined;
  /** Ends the call: reason `aborted_by_caller`. */
  readonly signal?: AbortSignal | undefined;
}

/** An orphan. */
export interface Orphan {
  readonly kind: "pod" | "container";
  readonly id: string;
  /** `namespace/name` of a pod, `name` of a container. */
  readonly name: string;
  readonly createdAt: Date | undefined;
}

/** What a sweep did; with `dryRun`, what it would do. */
export interface SweepResult {
  readonly removed: readonly Orphan[];
  /** What could not be removed, and why. */
  readonly failed: readonly Leftover[];
}

/**
 * Removes what processes made that are dead now: pods with all that is in them, and containers in pods of others. What a living
 * process made stays, and so does what one of another host or PID namespace made, since nobody here knows of it.
 */
export async function sweep(kit: PodKit, options: SweepOptions = {}): Promise<SweepResult> {
  const { dryRun = false, signal } = options;
  const owner = options.owner === undefined ? kit.owner : checkOwner(options.owner, "owner");
  const labelSelector = { [ownerKeys.owner]: owner };
  const [sandboxes, containers] = await Promise.all([
    kit.lists.podSandboxes({ labelSelector }, { signal }).collect(),
    kit.lists.containers({ labelSelector }, { signal }).collect(),
  ]);
  const pods = sandboxes.filter((sandbox) => isSwept(sandbox, options));
  const podIds = new Set(pods.map(({ id }) => id));
  const alone = containers.filter((one) => !podIds.has(one.podSandboxId) && isSwept(one, options));
  const removed: Orphan[] = [];
  const failed: Leftover[] = [];
  const take = async (orphan: Orphan, remove: () => Promise<void>) => {
    try {
      if (!dryRun) await remove();
      removed.push(orphan);
    } catch (error) {
      if (signal?.aborted) throw stoppedError(signal);
      failed.push({ kind: orphan.kind, id: orphan.id, name: orphan.name, error });
    }
  };
  for (const sandbox of pods)
    await take(orphanOf("pod", sandbox), () =>
      removePod(kit.runtime, foundGoingPod(kit, factsOfSandbox(sandbox)), { signal }),
    );
  for (const container of alone)
    await take(orphanOf("container", container), async () => {
      const logPath = await logPathOf(kit.runtime, container.id, signal);
      await removeContainer(kit.runtime, container.id, logPath, { signal });
    });
  return { removed, failed };
}

function isSwept(thing: PodSandbox | Container, { olderThanMs = 0, ensured = false }: SweepOptions): boolean {
  const createdAt = nanosToDate(thing.createdAt)?.getTime() ?? 0;
  if (Date.now() - createdAt < olderThanMs) return false;
  return isOrphan(thing) || (ensured && thing.annotations[ownerKeys.process] === undefined);
}

function orphanOf(kind: Orphan["kind"], { id, metadata, createdAt }: PodSandbox | Container): Orphan {
  const { name = "" } = metadata ?? {};
  const namespace = metadata && "namespace" in metadata ? `${metadata.namespace}/` : "";
  return { kind, id, name: namespace + name, createdAt: nanosToDate(createdAt) };
}
