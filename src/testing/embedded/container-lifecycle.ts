import { type ContainerConfig, ContainerEventType, ContainerState } from "../../../gen/runtime/v1/api_pb.js";
import { abortError, isCriError, linkedController, raceAbort } from "../../core/index.js";
import { LogWriter } from "../../logs/index.js";
import type { CallContext } from "../../server/index.js";
import { checkContainerConfig } from "./config-checks.js";
import {
  checkProcess,
  driverContainerOf,
  logPathOf,
  processSpecOf,
  stopSignalOf,
} from "./container-config.js";
import type { ProcessExit } from "./driver.js";
import { MainProcess } from "./main-process.js";
import { Container, type Sandbox } from "./objects.js";
import type { RuntimeState } from "./runtime-state.js";

/** The exit code of a container whose process could not be started, as in containerd. */
const startErrorExitCode = 128;

/** CRI CreateContainer. */
export async function createContainer(
  state: RuntimeState,
  sandbox: Sandbox,
  config: ContainerConfig,
): Promise<Container> {
  const { errors, containers, profile, driver, ids, clock, events } = state;
  if (!sandbox.isReady || sandbox.removing) throw sandboxNotRunning(state, sandbox);
  if (!config.metadata?.name) throw errors.invalidRequest("config.metadata.name", "must not be empty");
  if (!config.image?.image) throw errors.invalidRequest("config.image.image", "must not be empty");
  const image = state.resolveImage(config.image.image);
  const id = ids.next();
  checkContainerConfig(state, sandbox, config, id);
  const { reportsUser, statusImage, reportsStopSignal } = profile;
  const container = new Container({
    ...{ id, sandbox, config, image },
    driverContainer: driverContainerOf(state, id, sandbox, config, image),
    stopSignal: stopSignalOf(state, config, image),
    statusRules: { reportsUser, statusImage, reportsStopSignal },
    process: processSpecOf(state, config, image, sandbox.pod.hostname),
    createdAt: clock.now(),
    logPath: logPathOf(state, id, sandbox, config),
  });
  const name = Container.nameOf(sandbox, config);
  const holder = containers.reserve(name, container);
  if (holder) {
    if (profile.repeatedCreate === "the same id") return holder;
    throw errors.nameReserved("container", name, holder.id);
  }
  try {
    container.user = await driver.create(container.driverContainer);
    if (profile.statusCreatedAt === "of the container") container.statusCreatedAt = clock.now();
    // The sandbox may have been stopped or removed in the meantime.
    if (!sandbox.isReady || sandbox.removing) {
      await driver.remove(container.driverContainer);
      throw sandboxNotRunning(state, sandbox);
    }
  } catch (error) {
    containers.release(name, container);
    throw error;
  }
  sandbox.containers.add(container);
  events.publish(ContainerEventType.CONTAINER_CREATED_EVENT, id, sandbox);
  return container;
}

/**
 * CRI StartContainer. If the process cannot be started, the container is EXITED, and no event is published, as in
 * containerd.
 */
export async function startContainer(state: RuntimeState, container: Container): Promise<void> {
  if (container.state !== ContainerState.CONTAINER_CREATED || container.starting || container.removing) {
    const name = container.starting ? "CONTAINER_RUNNING" : container.stateName;
    throw state.errors.wrongState(`container is in ${name} state`);
  }
  if (!container.sandbox.isReady) throw sandboxNotRunning(state, container.sandbox);
  container.starting = start(state, container);
  try {
    await container.starting;
  } finally {
    container.starting = undefined;
  }
}

async function start(state: RuntimeState, container: Container): Promise<void> {
  const { driver, events, clock } = state;
  let log: LogWriter | undefined;
  try {
    log = container.logPath ? await LogWriter.open(container.logPath, { now: () => clock.now() }) : undefined;
    checkProcess(container.process);
    const main = new MainProcess(await driver.start(container.driverContainer, container.process), log);
    container.main = main;
    container.startedAt = clock.now();
    container.state = ContainerState.CONTAINER_RUNNING;
    events.publish(ContainerEventType.CONTAINER_STARTED_EVENT, container.id, container.sandbox);
    main.exit.then((exit) => onExit(state, container, exit));
  } catch (error) {
    await log?.close().catch(() => undefined);
    Object.assign(container, {
      state: ContainerState.CONTAINER_EXITED,
      startedAt: clock.now(),
      finishedAt: clock.now(),
      exitCode: startErrorExitCode,
      reason: "StartError",
      message: isCriError(error) ? error.rawMessage : String(error),
    });
    throw error;
  }
}

function onExit({ clock, events }: RuntimeState, container: Container, { exitCode }: ProcessExit): void {
  container.state = ContainerState.CONTAINER_EXITED;
  container.finishedAt = clock.now();
  container.exitCode = exitCode;
  container.reason = exitCode === 0 ? "Completed" : "Error";
  events.publish(ContainerEventType.CONTAINER_STOPPED_EVENT, container.id, container.sandbox);
}

/**
 * CRI StopContainer: sends the stop signal, and SIGKILL after the grace period. Idempotent. Rejects when `signal` fires
 * during the grace period; the container may still be running then, and can be stopped again with a shorter one.
 */
export async function stopContainer(
  state: RuntimeState,
  container: Container,
  graceMs: number,
  signal?: AbortSignal,
): Promise<void> {
  container.stopped.abort();
  await container.starting?.catch(() => undefined);
  const { main } = container;
  if (container.state === ContainerState.CONTAINER_EXITED && state.profile.stopSetsFinishedAt)
    container.finishedAt = state.clock.now();
  if (!container.isRunning || !main) return;
  if (graceMs > 0) {
    main.kill(container.stopSignal);
    const grace = linkedController(signal);
    main.exit.then(() => grace.abort());
    await state.clock.sleep(graceMs, grace.signal).catch((error) => {
      if (container.isRunning && signal?.aborted) throw error;
    });
    grace.unlink();
    grace.abort();
    if (!container.isRunning) return;
  }
  main.kill("SIGKILL");
  await main.exit;
}

/** A call whose caller waits for the end of a container. */
export type RemovalCall = Pick<CallContext, "signal" | "deadline">;

/** The grace period of CRI-O for a call without a deadline. */
const defaultGraceMs = 10_000;
/** Kills after the deadline, so that the call always fails, as RemoveContainer does. */
const killDelayMs = 50;

/**
 * Stops a container that is about to be removed, or whose sandbox is stopped: at once, or as CRI-O does, at the deadline of the call at
 * the latest. Rejects when that passes first; the container is killed all the same.
 */
export async function endContainer(
  state: RuntimeState,
  container: Container,
  { signal, deadline }: RemovalCall,
): Promise<void> {
  if (state.profile.graceOfRemoval === "none") return stopContainer(state, container, 0);
  await container.starting?.catch(() => undefined);
  const hasProcess = container.isRunning || !container.stopped.signal.aborted;
  if (container.state === ContainerState.CONTAINER_EXITED || !hasProcess) return;
  const graceMs = deadline ? Math.max(0, deadline.getTime() - Date.now()) + killDelayMs : defaultGraceMs;
  const grace = container.isRunning
    ? stopContainer(state, container, graceMs)
    : state.clock.sleep(graceMs, AbortSignal.any([signal, container.stopped.signal]));
  const ended = grace.catch(() => undefined).then(() => container.stopped.abort());
  state.gracePeriods.add(ended);
  void ended.then(() => state.gracePeriods.delete(ended));
  await raceAbort(ended, signal, (reject) => reject(abortError(signal)));
}

/** CRI RemoveContainer: ends a running container first. Idempotent. */
export function removeContainer(state: RuntimeState, container: Container, call: RemovalCall): Promise<void> {
  container.removing ??= remove(state, container, call).finally(() => {
    container.removing = undefined;
  });
  return container.removing;
}

async function remove(state: RuntimeState, container: Container, call: RemovalCall): Promise<void> {
  const { containers, driver, events } = state;
  const { sandbox } = container;
  await endContainer(state, container, call);
  await driver.remove(container.driverContainer);
  containers.release(Container.nameOf(sandbox, container.config), container);
  sandbox.containers.delete(container);
  events.publish(ContainerEventType.CONTAINER_DELETED_EVENT, container.id, sandbox);
}

/** In containerd's words. */
function sandboxNotRunning({ errors }: RuntimeState, { id }: Sandbox): Error {
  return errors.wrongState(`sandbox container ${JSON.stringify(id)} is not running`);
}
