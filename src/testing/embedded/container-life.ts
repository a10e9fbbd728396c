import { type ContainerConfig, ContainerEventType, ContainerState } from "../../../gen/runtime/v1/api_pb.js";
import { isCriError } from "../../core/index.js";
import { LogWriter } from "../../logs/index.js";
import { logPathOf, placeOf, processOf, stopSignalOf } from "./container-config.js";
import type { ProcessExit } from "./driver.js";
import type { Machine } from "./machine.js";
import { Container } from "./objects/container.js";
import type { Sandbox } from "./objects/sandbox.js";
import { MainProcess } from "./process/main-process.js";

/** The exit code of a container whose process could not be started. */
const startErrorCode = 128;

/** CRI CreateContainer. */
export async function createContainer(
  machine: Machine,
  sandbox: Sandbox,
  config: ContainerConfig,
): Promise<Container> {
  const { refusals, containers, profile, driver, ids, clock, events } = machine;
  if (!sandbox.ready || sandbox.removing)
    throw refusals.state(`sandbox container ${JSON.stringify(sandbox.id)} is not running`);
  if (!config.metadata?.name) throw refusals.invalid("config.metadata.name", "must not be empty");
  if (!config.image?.image) throw refusals.invalid("config.image.image", "must not be empty");
  const image = machine.resolveImage(config.image.image);
  stopSignalOf(machine, config);
  const id = ids.next();
  const container = new Container({
    ...{ id, sandbox, config, image },
    place: placeOf(id, sandbox, config, image),
    process: processOf(machine, config, image, sandbox.pod.hostname),
    createdAt: clock.now(),
    logPath: logPathOf(sandbox, config),
  });
  const name = Container.nameOf(sandbox, config);
  const holder = containers.reserve(name, container);
  if (holder) {
    if (profile.repeatedCreate === "the same id") return holder;
    throw refusals.reserved("container", name, holder.id);
  }
  try {
    await driver.create(container.place);
    if (!sandbox.ready || sandbox.removing) {
      await driver.remove(container.place);
      throw refusals.state(`sandbox container ${JSON.stringify(sandbox.id)} was stopped meanwhile`);
    }
  } catch (error) {
    containers.release(name, container);
    throw error;
  }
  sandbox.containers.add(container);
  events.publish(ContainerEventType.CONTAINER_CREATED_EVENT, id, sandbox);
  return container;
}

/** CRI StartContainer. A process that cannot be started leaves an exited container, and no event, as in containerd. */
export async function startContainer(machine: Machine, container: Container): Promise<void> {
  const { refusals } = machine;
  if (container.state !== ContainerState.CONTAINER_CREATED || container.starting || container.removing)
    throw refusals.state(
      `container is in ${container.starting ? "CONTAINER_RUNNING" : container.stateName} state`,
    );
  if (!container.sandbox.ready)
    throw refusals.state(`sandbox container ${JSON.stringify(container.sandbox.id)} is not running`);
  container.starting = start(machine, container);
  try {
    await container.starting;
  } finally {
    container.starting = undefined;
  }
}

async function start(machine: Machine, container: Container): Promise<void> {
  const { driver, events, clock } = machine;
  let log: LogWriter | undefined;
  try {
    log = container.logPath ? await LogWriter.open(container.logPath, { now: () => clock.now() }) : undefined;
    const main = new MainProcess(await driver.start(container.place, container.process), log);
    container.main = main;
    container.startedAt = clock.now();
    container.state = ContainerState.CONTAINER_RUNNING;
    events.publish(ContainerEventType.CONTAINER_STARTED_EVENT, container.id, container.sandbox);
    main.exit.then((exit) => ended(machine, container, exit));
  } catch (error) {
    await log?.close().catch(() => undefined);
    Object.assign(container, {
      state: ContainerState.CONTAINER_EXITED,
      startedAt: clock.now(),
      finishedAt: clock.now(),
      exitCode: startErrorCode,
      reason: "StartError",
      message: isCriError(error) ? error.text : String(error),
    });
    throw error;
  }
}

function ended({ clock, events }: Machine, container: Container, { exitCode }: ProcessExit): void {
  container.state = ContainerState.CONTAINER_EXITED;
  container.finishedAt = clock.now();
  container.exitCode = exitCode;
  container.reason = exitCode === 0 ? "Completed" : "Error";
  events.publish(ContainerEventType.CONTAINER_STOPPED_EVENT, container.id, container.sandbox);
}

/**
 * CRI StopContainer: the stop signal, then, when the grace is over, SIGKILL. Idempotent. Rejects when `signal` fires;
 * then the container may still run, and may be stopped again with less grace.
 */
export async function stopContainer(
  machine: Machine,
  container: Container,
  graceMs: number,
  signal?: AbortSignal,
): Promise<void> {
  await container.starting?.catch(() => undefined);
  const { main } = container;
  if (!container.running || !main) return;
  if (graceMs > 0) {
    main.kill(stopSignalOf(machine, container.config));
    const over = new AbortController();
    const cancel = () => over.abort(signal?.reason);
    signal?.addEventListener("abort", cancel, { once: true });
    main.exit.then(() => over.abort());
    await machine.clock.sleep(graceMs, over.signal).catch((error) => {
      if (container.running && signal?.aborted) throw error;
    });
    signal?.removeEventListener("abort", cancel);
    over.abort();
    if (!container.running) return;
  }
  main.kill("SIGKILL");
  await main.exit;
}

/** CRI RemoveContainer: a running one is killed first. Idempotent. */
export function removeContainer(machine: Machine, container: Container): Promise<void> {
  container.removing ??= remove(machine, container).finally(() => {
    container.removing = undefined;
  });
  return container.removing;
}

async function remove(machine: Machine, container: Container): Promise<void> {
  const { containers, driver, events } = machine;
  const { sandbox } = container;
  await stopContainer(machine, container, 0);
  await driver.remove(container.place);
  containers.release(Container.nameOf(sandbox, container.config), container);
  sandbox.containers.delete(container);
  events.publish(ContainerEventType.CONTAINER_DELETED_EVENT, container.id, sandbox);
}
