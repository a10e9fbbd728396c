// The life of containers: each is created, started once, stopped and removed.
import { join } from "node:path";
import { criError } from "cri-sdk/server";
import type { ContainerConfig, ContainerFilter, LinuxContainerResources } from "cri-sdk/v1";
import { containerRequest } from "./config/create-container.js";
import type { HostFacts } from "./config/create-sandbox.js";
import { cgroupParent, engineResources } from "./config/resources.js";
import type { Engine } from "./engine/client.js";
import { EngineError } from "./engine/client.js";
import { ignoreMissing, ignoreMissingOr, isMissing, missingIsUndefined } from "./errors.js";
import { resolveImage } from "./images/resolve.js";
import { type ContainerRecord, engineName } from "./labels.js";
import type { LogCopies } from "./logs/log-copies.js";
import type { Container, Listed, Objects, Sandbox } from "./objects.js";
import { select } from "./select.js";
import { containerEntry, containerStatus, startHasFailed } from "./status.js";

export class Containers {
  readonly #engine: Engine;
  readonly #objects: Objects;
  readonly #logs: LogCopies;
  readonly #host: HostFacts;

  constructor(engine: Engine, objects: Objects, logs: LogCopies, host: HostFacts) {
    this.#engine = engine;
    this.#objects = objects;
    this.#logs = logs;
    this.#host = host;
  }

  /** CreateContainer, in a sandbox that is ready. */
  async create(sandbox: Sandbox, config: ContainerConfig | undefined, signal: AbortSignal): Promise<string> {
    if (!config?.metadata) throw criError("invalid_request", "config.metadata: is required");
    const reference = config.image?.image ?? "";
    const image = await resolveImage(this.#engine, reference, signal);
    if (!image)
      throw criError(
        "image_missing",
        `failed to resolve image ${JSON.stringify(reference)}: it is not on this node`,
      );
    const { logDirectory } = sandbox.config;
    const host = this.#host;
    const request = await containerRequest(
      config,
      image.Id,
      {
        sandboxId: sandbox.id,
        cgroupParent: cgroupParent(sandbox.config.linux?.cgroupParent ?? "", host.cgroupDriver),
        runtimeHandler: sandbox.handler,
        logPath: logDirectory && config.logPath ? join(logDirectory, config.logPath) : "",
      },
      {
        recursiveReadOnly: await this.#engine.supports("1.44"),
        images: await this.#engine.supports("1.48"),
      },
      host,
    );
    const name = engineName(config.metadata.name, sandbox.config, config.metadata.attempt);
    const { Id } = await this.#engine.call<{ Id: string }>("POST", "/containers/create", {
      query: { name },
      body: request,
    });
    return Id;
  }

  /** StartContainer: once. The engine would also start an exited container again. */
  async start(id: string): Promise<void> {
    const { details } = await this.#objects.container(id);
    if (details.State.Status !== "created" || startHasFailed(details))
      throw criError(
        "wrong_state",
        `container ${id} cannot be started: its state is ${details.State.Status}`,
      );
    const response = await this.#engine.stream("POST", `/containers/${details.Id}/start`);
    response.resume();
    if (response.statusCode === 304)
      throw criError("wrong_state", `container ${id} has already been started`);
    await this.follow(id);
  }

  async list(filter: ContainerFilter | undefined, signal?: AbortSignal) {
    const all = await this.#objects.containers(undefined, signal);
    await this.finishLogs(all);
    const entries = await Promise.all(
      all.map(async (container) => {
        const { id, summary } = container;
        // The engine's list does not distinguish a container that was never started from one whose start has failed.
        const failed = summary.State === "created" && (await this.#hasFailed(id, signal));
        return containerEntry(container, failed);
      }),
    );
    return select(entries, filter);
  }

  /** Waits until the logs of those that have exited are complete. */
  async finishLogs(containers: readonly Listed<ContainerRecord>[]): Promise<void> {
    const exited = containers.filter(({ summary }) => summary.State === "exited");
    await Promise.all(exited.map(({ id }) => this.#logs.finish(id)));
  }

  /** Returns the status of a container. An exit is reported when the log is complete. */
  async status(container: Container) {
    if (container.details.State.Status === "exited") await this.#logs.finish(container.id);
    return containerStatus(container);
  }

  /** StopContainer: the engine sends the stop signal, then SIGKILL after the time. Does nothing to one that is gone or does not run. */
  async stop(id: string, seconds: number, signal?: AbortSignal): Promise<void> {
    await this.halt(id, seconds, signal);
    await this.#logs.finish(id);
  }

  /** Stops a container of the engine. The engine would send the stop signal even without a time for it. */
  async halt(id: string, seconds: number, signal?: AbortSignal): Promise<void> {
    const path = `/containers/${id}`;
    if (seconds === 0) {
      const killing = this.#engine.call("POST", `${path}/kill`, { query: { signal: "KILL" }, signal });
      await killing.catch(ignoreMissingOr(409)); // It does not run.
      await this.#engine.call("POST", `${path}/wait`, { timeoutMs: 0, signal }).catch(ignoreMissing);
    } else {
      const query = { t: seconds };
      await this.#engine.call("POST", `${path}/stop`, { query, timeoutMs: 0, signal }).catch(ignoreMissing);
    }
    // The engine's answer is ahead of its list, which shows the container as stopped before these details are returned.
    await this.#engine.call("GET", `${path}/json`, { signal }).catch(ignoreMissing);
  }

  /** RemoveContainer: kills it first if it runs, so that its log is complete. */
  async remove(id: string): Promise<void> {
    await this.stop(id, 0);
    await this.delete(id);
    await this.#logs.forget(id);
  }

  /** Removes a container of the engine, and waits for a removal that is under way. */
  async delete(id: string): Promise<void> {
    try {
      await this.#engine.call("DELETE", `/containers/${id}`, { query: { force: true, v: true } });
    } catch (error) {
      if (isMissing(error)) return;
      if (!(error instanceof EngineError && error.status === 409)) throw error;
      const waiting = this.#engine.call("POST", `/containers/${id}/wait`, {
        query: { condition: "removed" },
        timeoutMs: 30_000,
      });
      await waiting.catch(ignoreMissing);
    }
  }

  /** UpdateContainerResources. The OOM score stays as it is, as on containerd: it belongs to processes that already run. */
  async update(id: string, resources: LinuxContainerResources | undefined): Promise<void> {
    const { details } = await this.#objects.container(id);
    if (details.State.Status !== "created" && !details.State.Running)
      throw criError("wrong_state", `container ${id} is not running`);
    await this.#engine.call("POST", `/containers/${details.Id}/update`, { body: engineResources(resources) });
  }

  /** ReopenContainerLog. */
  async reopenLog(id: string): Promise<void> {
    await this.#logs.reopen((await this.#objects.runningContainer(id)).id);
  }

  /** After a start of the shim: goes on with every log where the earlier one stopped. */
  async adopt(): Promise<void> {
    const all = await this.#objects.containers();
    await Promise.all(
      all.map(async ({ id, summary }) => {
        if (summary.State !== "created") await this.follow(id);
        if (summary.State === "exited") void this.#logs.finish(id);
      }),
    );
  }

  /** Copies the log of a container that has started, also if an earlier shim has asked for that. Does nothing if it is gone. */
  async follow(id: string): Promise<void> {
    const container = await missingIsUndefined(this.#objects.container(id));
    if (container) this.#copyLog(container);
  }

  #copyLog({ id, logPath, details }: Container): void {
    if (logPath && details.LogPath) this.#logs.start(id, details.LogPath, logPath);
  }

  async #hasFailed(id: string, signal?: AbortSignal): Promise<boolean> {
    const container = await this.#objects.container(id, signal).catch(() => undefined);
    return container !== undefined && startHasFailed(container.details);
  }
}
