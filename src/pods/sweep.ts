import type { Container, PodSandbox } from "../../gen/runtime/v1/api_pb.js";
import { abortError, type Leftover, nanosToDate, OptionTable, option, withDeadline } from "../core/index.js";
import type { PodContext } from "./context.js";
import { podFactsOfItem } from "./facts.js";
import { listedPodRemoval, removeContainer, removePod } from "./lifecycle/stop-and-remove.js";
import { checkOwner, isOrphan, ownerKeys } from "./ownership.js";
import { getLogPath } from "./status.js";

/** Options of {@link Cri.sweep}. */
export interface SweepOptions {
  /**
   * The owner whose orphans are removed.
   * @default the connection's owner
   */
  readonly owner?: string | undefined;
  /**
   * Removes only what was created longer ago than this, in milliseconds by this machine's clock.
   * @default 0
   */
  readonly olderThanMs?: number | undefined;
  /**
   * Also removes everything of the owner that `ensure` created, which belongs to no process.
   * @default false
   */
  readonly ensured?: boolean | undefined;
  /**
   * Only returns what would be removed.
   * @default false
   */
  readonly dryRun?: boolean | undefined;
  /** Cancels the operation: reason `aborted_by_caller`. */
  readonly signal?: AbortSignal | undefined;
  /**
   * The deadline of the whole operation, in milliseconds; 0 and Infinity mean no deadline.
   * @default no deadline; each RPC has its own
   */
  readonly timeoutMs?: number | undefined;
}

const sweepTable = new OptionTable<SweepOptions>({
  owner: option.string,
  olderThanMs: option.milliseconds,
  ensured: option.boolean,
  dryRun: option.boolean,
  signal: option.signal,
  timeoutMs: option.timeoutMs,
});

/** A pod or container whose creator has died. */
export interface OrphanedObject {
  /** The kind of the object. */
  readonly kind: "pod" | "container";
  /** The id of the sandbox or container. */
  readonly id: string;
  /** `namespace/name` of a pod, `name` of a container. */
  readonly name: string;
  /** When it was created; undefined when the runtime does not report it. */
  readonly createdAt: Date | undefined;
}

/** The result of a sweep; with `dryRun`, what it would remove. */
export interface SweepResult {
  /** What was removed. */
  readonly removed: readonly OrphanedObject[];
  /** What could not be removed, with the error. */
  readonly failed: readonly Leftover[];
}

/**
 * Removes what dead processes created: pods with everything in them, and containers in pods of others. Objects of living processes
 * stay, and so do those of other hosts and PID namespaces, whose processes cannot be checked from here.
 */
export async function sweep(context: PodContext, options: SweepOptions = {}): Promise<SweepResult> {
  sweepTable.check("cri.sweep", options);
  const owner = options.owner === undefined ? context.owner : checkOwner(options.owner, "owner");
  return withDeadline(options, (signal) => sweepAll(context, owner, options, signal), context.closing);
}

async function sweepAll(
  context: PodContext,
  owner: string,
  options: SweepOptions,
  signal: AbortSignal,
): Promise<SweepResult> {
  const { dryRun = false } = options;
  const labelSelector = { [ownerKeys.owner]: owner };
  const [sandboxes, containers] = await Promise.all([
    context.lists.podSandboxes({ labelSelector }, { signal }).collect(),
    context.lists.containers({ labelSelector }, { signal }).collect(),
  ]);
  const pods = sandboxes.filter((sandbox) => isSwept(sandbox, options));
  const podIds = new Set(pods.map(({ id }) => id));
  const single = containers.filter((one) => !podIds.has(one.podSandboxId) && isSwept(one, options));
  const removed: OrphanedObject[] = [];
  const failed: Leftover[] = [];
  const sweepOne = async (orphan: OrphanedObject, remove: () => Promise<void>) => {
    try {
      if (!dryRun) await remove();
      removed.push(orphan);
    } catch (error) {
      if (signal.aborted) throw abortError(signal);
      failed.push({ kind: orphan.kind, id: orphan.id, name: orphan.name, error });
    }
  };
  for (const sandbox of pods)
    await sweepOne(orphanOf("pod", sandbox), () =>
      removePod(context, listedPodRemoval(context.logRoot, podFactsOfItem(sandbox)), { signal }),
    );
  for (const container of single)
    await sweepOne(orphanOf("container", container), async () => {
      const logPath = await getLogPath(context, container.id, { signal });
      await removeContainer(context, container.id, logPath, { signal });
    });
  return { removed, failed };
}

function isSwept(
  object: PodSandbox | Container,
  { olderThanMs = 0, ensured = false }: SweepOptions,
): boolean {
  const createdAt = nanosToDate(object.createdAt)?.getTime() ?? 0;
  if (Date.now() - createdAt < olderThanMs) return false;
  return isOrphan(object) || (ensured && object.annotations[ownerKeys.process] === undefined);
}

function orphanOf(
  kind: OrphanedObject["kind"],
  { id, metadata, createdAt }: PodSandbox | Container,
): OrphanedObject {
  const { name = "" } = metadata ?? {};
  const namespace = metadata && "namespace" in metadata ? `${metadata.namespace}/` : "";
  return { kind, id, name: namespace + name, createdAt: nanosToDate(createdAt) };
}
