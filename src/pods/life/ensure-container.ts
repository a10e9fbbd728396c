import { ContainerState, type Container as ListedContainer } from "../../../gen/runtime/v1/api_pb.js";
import { bounded, isCriError } from "../../core/index.js";
import type { ContainerSpec } from "../config/index.js";
import type { Container } from "../container.js";
import { foundContainer } from "../find-containers.js";
import { attemptAfterLogs, removeContainerLog } from "../host-files.js";
import type { PodKit } from "../kit.js";
import { ownerKeys } from "../owner.js";
import type { Pod } from "../pod.js";
import { specHash } from "../spec-hash.js";
import { type CreateContainerOptions, containersNamed, create, startOrUndo } from "./create-container.js";
import { nameReserved } from "./own-things.js";
import { removeContainer } from "./remove.js";
import { ensureMs, StillAtIt, settle } from "./settle.js";
import { type StopOptions, stopContainer } from "./stop.js";
import { outcomeUnknown } from "./undo.js";

/** How a container is seen to. */
export interface EnsureContainerOptions extends CreateContainerOptions, Pick<StopOptions, "gracePeriodMs"> {
  /**
   * What becomes of one that has ended, in the words of a Pod's `restartPolicy`: made again (`Always`), made again unless it
   * ended with code 0 (`OnFailure`), or left as it is (`Never`).
   * @default "Always"
   */
  readonly restartPolicy?: "Always" | "OnFailure" | "Never" | undefined;
}

/** A container that is there now, and what it took. */
export interface EnsuredContainer {
  readonly container: Container;
  /**
   * `adopted`: one of the same spec runs, or has ended and may. `started`: one was created before, and never started. `created`:
   * none was there. `recreated`: one that differed, or had ended, was removed, and the new one has the next attempt.
   */
  readonly outcome: "adopted" | "started" | "created" | "recreated";
}

/** Sees to it that one container of this spec runs in the pod. */
export function ensureContainer(
  kit: PodKit,
  pod: Pod,
  spec: ContainerSpec,
  options: EnsureContainerOptions = {},
): Promise<EnsuredContainer> {
  const { timeoutMs = ensureMs } = options;
  return bounded({ ...options, timeoutMs }, (signal) =>
    kit.locks.run(`container/${pod.id}/${spec.name}`, signal, () =>
      settle(signal, () => reconcile(kit, pod, spec, { ...options, signal })),
    ),
  );
}

type Bounded = EnsureContainerOptions & { readonly signal: AbortSignal };

async function reconcile(
  kit: PodKit,
  pod: Pod,
  spec: ContainerSpec,
  options: Bounded,
): Promise<EnsuredContainer> {
  const { signal } = options;
  const hash = specHash(spec);
  const found = (await containersNamed(kit, pod.id, spec.name, signal)).sort(
    (a, b) => attemptOf(b) - attemptOf(a),
  );
  const [newest, ...older] = found;
  if (newest && newest.labels[ownerKeys.owner] !== kit.owner)
    throw nameReserved(kit, `the container ${spec.name} in the pod is somebody else's`, newest.id);
  for (const { id } of older) await removeContainer(kit.runtime, id, undefined, { signal });
  if (!newest) {
    // A sandbox before this one may have left logs here: a new container must not go on in one of them.
    const { logDirectory } = await pod.configForContainers(options);
    const attempt = await attemptAfterLogs(logDirectory, spec.name);
    return { container: await make(kit, pod, spec, hash, attempt, options), outcome: "created" };
  }

  const container = foundContainer(kit, pod, newest, spec);
  const same = newest.annotations[ownerKeys.hash] === hash;
  if (same && newest.state === ContainerState.CONTAINER_CREATED) {
    await startLeftOne(container, signal);
    return { container, outcome: "started" };
  }
  if (same && (await mayStay(container, newest, options))) return { container, outcome: "adopted" };
  if (newest.state === ContainerState.CONTAINER_RUNNING) await stopContainer(kit, newest.id, options);
  await container.remove({ signal, keepLogs: true });
  await forgetLogBefore(pod, newest);
  const next = await make(kit, pod, spec, hash, attemptOf(newest) + 1, options);
  return { container: next, outcome: "recreated" };
}

/**
 * Starts one that is created, which another call may be doing right now. One that cannot be started is removed, so that the next
 * call makes it anew; one of which nothing is known stays, since the next call finds it.
 */
async function startLeftOne(container: Container, signal: AbortSignal): Promise<void> {
  try {
    await startOrUndo(container, signal, (error) => error.reason === "wrong_state" || outcomeUnknown(error));
  } catch (error) {
    throw isCriError(error) && error.reason === "wrong_state" ? new StillAtIt(error) : error;
  }
}

async function mayStay(
  container: Container,
  { state }: ListedContainer,
  { restartPolicy = "Always", signal }: Bounded,
): Promise<boolean> {
  if (state === ContainerState.CONTAINER_RUNNING) return true;
  if (state !== ContainerState.CONTAINER_EXITED) return false;
  if (restartPolicy !== "OnFailure") return restartPolicy === "Never";
  const snapshot = await container.status({ signal });
  return snapshot.state === "exited" && snapshot.exitCode === 0;
}

async function make(
  kit: PodKit,
  pod: Pod,
  spec: ContainerSpec,
  hash: string,
  attempt: number,
  options: Bounded,
): Promise<Container> {
  const container = await create(kit, pod, { ...spec, attempt }, { [ownerKeys.hash]: hash }, options);
  await startLeftOne(container, options.signal);
  return container;
}

/** The log of the one before stays, to see why it ended; the one before that goes. */
async function forgetLogBefore(pod: Pod, newest: ListedContainer): Promise<void> {
  const logDirectory = pod.config?.logDirectory;
  const [name, before] = [newest.metadata?.name, attemptOf(newest) - 1];
  if (logDirectory && name && before >= 0) await removeContainerLog(`${logDirectory}/${name}/${before}.log`);
}

function attemptOf({ metadata }: ListedContainer): number {
  return metadata?.attempt ?? 0;
}
