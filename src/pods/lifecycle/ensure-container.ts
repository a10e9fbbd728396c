import { ContainerState, type Container as ListedContainer } from "../../../gen/runtime/v1/api_pb.js";
import { isCriError, OptionTable, option, withDeadline } from "../../core/index.js";
import { containerKey } from "../clean-ups.js";
import { type ContainerSpec, checkContainerSpec } from "../config/index.js";
import type { PodContext } from "../context.js";
import { type ContainerFacts, containerFactsOfItem } from "../facts.js";
import { attemptAfterLogs, removeContainerLog } from "../host-logs.js";
import { type StopOptions, stopTable } from "../options.js";
import { specHash } from "../owned-config.js";
import { nameReservedError, ownerKeys } from "../ownership.js";
import type { Sandbox } from "../sandbox.js";
import { getContainerSnapshot } from "../status.js";
import {
  type CreateContainerOptions,
  containersNamed,
  createContainerTable,
  createWithImage,
} from "./create-container.js";
import { ensureTimeoutMs, InProgressError, retryOnConflict } from "./retry.js";
import { isOutcomeUnknown, type Rollback, withRollback } from "./rollback.js";
import { startCreated } from "./start-container.js";
import { removeContainer, stopContainer } from "./stop-and-remove.js";

/** Options of ensuring a container. */
export interface EnsureContainerOptions extends CreateContainerOptions, Pick<StopOptions, "gracePeriodMs"> {
  /**
   * What happens to a container that exited, as in a Pod's `restartPolicy`: it is recreated (`Always`), recreated unless its exit code is
   * 0 (`OnFailure`), or left alone (`Never`).
   * @default "Always"
   */
  readonly restartPolicy?: "Always" | "OnFailure" | "Never" | undefined;
}

/** The options of {@link EnsureContainerOptions}. */
export const ensureContainerTable = new OptionTable<EnsureContainerOptions>({
  ...createContainerTable.checks,
  gracePeriodMs: stopTable.checks.gracePeriodMs,
  restartPolicy: option.oneOf("Always", "OnFailure", "Never"),
});

/** What `ensureContainer` did: `EnsuredContainer.outcome` explains it. @inline */
export type ContainerOutcome = "adopted" | "started" | "created" | "recreated";

interface EnsuredFacts {
  readonly facts: ContainerFacts;
  readonly outcome: ContainerOutcome;
}

type BoundOptions = EnsureContainerOptions & { readonly signal: AbortSignal };

/** Ensures that one container with this spec is running in the pod; idempotent. */
export function ensureContainer(
  context: PodContext,
  sandbox: Sandbox,
  spec: ContainerSpec,
  options: EnsureContainerOptions = {},
): Promise<EnsuredFacts> {
  const { timeoutMs = ensureTimeoutMs } = options;
  return withDeadline(
    { ...options, timeoutMs },
    (signal) => {
      checkContainerSpec(spec, sandbox.facts);
      const key = containerKey(sandbox.facts.id, spec.name);
      return context.locks.run(key, signal, () =>
        retryOnConflict(signal, async () => {
          await context.cleanUps.settled(key, signal);
          return withRollback(context, key, signal, (rollback) =>
            reconcile(context, sandbox, spec, { ...options, signal }, rollback),
          );
        }),
      );
    },
    context.closing,
  );
}

async function reconcile(
  context: PodContext,
  sandbox: Sandbox,
  spec: ContainerSpec,
  options: BoundOptions,
  rollback: Rollback,
): Promise<EnsuredFacts> {
  const { signal } = options;
  const hash = specHash(spec);
  const create = async (attempt: number): Promise<ContainerFacts> => {
    const annotations = { [ownerKeys.hash]: hash };
    const facts = await createWithImage(
      context,
      sandbox,
      { ...spec, attempt },
      annotations,
      options,
      rollback,
    );
    await startOrConflict(context, facts, signal, rollback);
    return facts;
  };
  const found = (await containersNamed(context, sandbox.facts.id, spec.name, signal)).sort(
    (a, b) => attemptOf(b) - attemptOf(a),
  );
  const [newest, ...older] = found;
  if (newest && newest.labels[ownerKeys.owner] !== context.owner)
    throw nameReservedError(context.endpoint, `container ${spec.name}: belongs to another owner`, newest.id);
  for (const { id } of older) await removeContainer(context, id, undefined, { signal });
  if (!newest) {
    // An earlier sandbox of the pod may have left logs here, and no container may append to one of them.
    const { logDirectory } = await sandbox.configForContainers(signal, options.allowPartialConfig);
    return { facts: await create(await attemptAfterLogs(logDirectory, spec.name)), outcome: "created" };
  }

  const facts = containerFactsOfItem(newest, spec);
  const isSame = newest.annotations[ownerKeys.hash] === hash;
  if (isSame && newest.state === ContainerState.CONTAINER_CREATED) {
    await startOrConflict(context, facts, signal, rollback);
    return { facts, outcome: "started" };
  }
  if (isSame && (await mayStay(context, newest, options))) return { facts, outcome: "adopted" };
  const { gracePeriodMs } = options;
  if (newest.state === ContainerState.CONTAINER_RUNNING)
    await stopContainer(context, newest.id, { signal, gracePeriodMs });
  await removeContainer(context, newest.id, undefined, { signal });
  await removePreviousLog(sandbox, newest);
  return { facts: await create(attemptOf(newest) + 1), outcome: "recreated" };
}

/**
 * Starts a created container, which another call may be starting, too. One that cannot be started is removed, so that the next call
 * recreates it. One whose state is unknown stays: the next call finds it.
 */
async function startOrConflict(
  context: PodContext,
  facts: ContainerFacts,
  signal: AbortSignal,
  rollback: Rollback,
): Promise<void> {
  const keepAfter = (error: unknown) => isWrongState(error) || isOutcomeUnknown(error);
  try {
    await startCreated(context, facts, signal, rollback, keepAfter);
  } catch (error) {
    throw isWrongState(error) ? new InProgressError(error) : error;
  }
}

function isWrongState(error: unknown): boolean {
  return isCriError(error) && error.reason === "wrong_state";
}

async function mayStay(
  context: PodContext,
  { id, state }: ListedContainer,
  { restartPolicy = "Always", signal }: BoundOptions,
): Promise<boolean> {
  if (state === ContainerState.CONTAINER_RUNNING) return true;
  if (state !== ContainerState.CONTAINER_EXITED) return false;
  if (restartPolicy !== "OnFailure") return restartPolicy === "Never";
  const snapshot = await getContainerSnapshot(context, id, { signal });
  return snapshot.state === "exited" && snapshot.exitCode === 0;
}

/** Removes the log before the newest one. The newest stays, since it may show why the container exited. */
async function removePreviousLog({ known }: Sandbox, newest: ListedContainer): Promise<void> {
  const logDirectory = known?.config.logDirectory;
  const [name, previous] = [newest.metadata?.name, attemptOf(newest) - 1];
  if (logDirectory && name && previous >= 0)
    await removeContainerLog(`${logDirectory}/${name}/${previous}.log`);
}

function attemptOf({ metadata }: ListedContainer): number {
  return metadata?.attempt ?? 0;
}
