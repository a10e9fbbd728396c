import { bounded, CriError } from "../core/index.js";
import type { LogReader, ReadLogsOptions } from "../logs/index.js";
import type {
  AttachOptions,
  CopyFromOptions,
  CopyResult,
  CopySource,
  CopyToOptions,
  ExecOptions,
  KillableSession,
  RunOptions,
  RunResult,
} from "../sessions/index.js";
import { type ContainerUsage, containerStatsOf, containerUsage } from "../stats/index.js";
import type { AttachSession, ExecSession } from "../streaming/index.js";
import type { ContainerSpec, ResourcesSpec } from "./config/index.js";
import type { PodKit } from "./kit.js";
import { containerLogs, logPathOf } from "./life/container-logs.js";
import { lookAtContainer } from "./life/look.js";
import { type RemoveOptions, removeContainer } from "./life/remove.js";
import type { StepsOptions } from "./life/run-pod.js";
import { type StopOptions, stopContainer } from "./life/stop.js";
import { type ContainerWaitOptions, waitForContainer } from "./life/wait-for-container.js";
import { ownerKeys } from "./owner.js";
import type { Pod } from "./pod.js";
import type { ContainerSnapshot, ExitedContainer, RunningContainer } from "./snapshots.js";
import { updatedResources } from "./updated-resources.js";

/** What is known of a container when its handle is made. */
export interface ContainerFacts {
  readonly id: string;
  readonly name: string;
  readonly attempt: number;
  /** The image as it was asked for. */
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** What it was made from; undefined for a container that was found. */
  readonly spec: ContainerSpec | undefined;
  /** Where its log is; undefined when that is not known yet. */
  readonly logPath: string | undefined;
}

/** A container. `await using` removes it, running or not. Made by {@link Pod} and by `cri.containers`. */
export class Container implements AsyncDisposable {
  /** The pod it is in. */
  readonly pod: Pod;
  /** The whole id. */
  readonly id: string;
  /** ContainerMetadata.name. */
  readonly name: string;
  /** ContainerMetadata.attempt. */
  readonly attempt: number;
  /** The image as it was asked for: ImageSpec.user_specified_image, or what the runtime calls it. */
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** What it was made from; undefined for a container that was found and not made here. */
  readonly spec: ContainerSpec | undefined;
  readonly #kit: PodKit;
  #logPath: string | undefined;

  /** @internal */
  constructor(kit: PodKit, pod: Pod, facts: ContainerFacts) {
    this.#kit = kit;
    this.pod = pod;
    this.id = facts.id;
    this.name = facts.name;
    this.attempt = facts.attempt;
    this.image = facts.image;
    this.labels = facts.labels;
    this.annotations = facts.annotations;
    this.spec = facts.spec;
    this.#logPath = facts.logPath;
  }

  /** Starts it. Rejects with `wrong_state` when it was started before, `exec_not_started` when its command cannot be run. */
  async start(options: StepsOptions = {}): Promise<void> {
    await this.#kit.runtime.startContainer({ containerId: this.id }, options);
  }

  /** Stops it: its stop signal, then, after the grace period, SIGKILL. Succeeds when it is stopped or gone. */
  stop(options?: StopOptions): Promise<void> {
    return stopContainer(this.#kit, this.id, options);
  }

  /** Removes it, running or not, with its logs. Succeeds when it is gone. */
  async remove(options?: RemoveOptions): Promise<void> {
    await bounded({ signal: options?.signal }, async (signal) => {
      const logPath = options?.keepLogs ? undefined : await this.#whereLogIs(signal);
      await removeContainer(this.#kit.runtime, this.id, logPath, { ...options, signal });
    });
  }

  /**
   * Makes a new container of the same spec with the next attempt and starts it, then removes this one; its log stays. The new
   * one comes back, since CRI starts no container twice. Rejects with `config_unknown` for a container that was not made here.
   */
  async restart(options: StopOptions & StepsOptions = {}): Promise<Container> {
    if (!this.spec)
      throw new CriError({
        code: "failed_precondition",
        reason: "config_unknown",
        text: `what the container ${this.id.slice(0, 13)} was made from is not known`,
        hint: "Make a new one with pod.runContainer(spec)",
      });
    const spec = { ...this.spec, attempt: this.attempt + 1 };
    // What ensure made stays adoptable by it.
    const hash = this.annotations[ownerKeys.hash];
    const annotations = hash === undefined ? undefined : { [ownerKeys.hash]: hash };
    return bounded(options, async (signal) => {
      await this.stop({ ...options, signal });
      const next = await this.pod.runAgain(spec, { signal }, annotations);
      await this.remove({ signal, keepLogs: true });
      return next;
    });
  }

  /** How it is now; `state` tells which fields there are. Rejects with `object_missing` when it is gone. */
  status(options?: Pick<StepsOptions, "signal">): Promise<ContainerSnapshot> {
    return lookAtContainer(this.#kit, this.id, options?.signal);
  }

  /**
   * Waits until it has ended, or what `until` says. Looks at it at once, then with each event about it; where the runtime has
   * none, it asks. Rejects with `deadline`, `aborted_by_caller`, `object_missing` when it is removed meanwhile, and with
   * `wrong_state` when it has ended and should run.
   */
  wait(options?: ContainerWaitOptions & { readonly until?: "exited" | undefined }): Promise<ExitedContainer>;
  wait(options: ContainerWaitOptions & { readonly until: "running" }): Promise<RunningContainer>;
  wait(options: ContainerWaitOptions): Promise<ContainerSnapshot>;
  wait(options: ContainerWaitOptions = {}): Promise<ContainerSnapshot> {
    return waitForContainer(this.#kit, this.id, options);
  }

  /** Runs a command and gives its streams, as `cri.exec` does. */
  exec(command: readonly string[], options: ExecOptions & { readonly kill: true }): Promise<KillableSession>;
  exec(command: readonly string[], options?: ExecOptions): Promise<ExecSession>;
  exec(command: readonly string[], options?: ExecOptions): Promise<ExecSession> {
    return this.#kit.sessions.exec(this.id, command, options);
  }

  /** Runs a command to its end and gives its exit code and output, as `cri.runCommand` does. */
  runCommand(
    command: readonly string[],
    options: RunOptions & { readonly encoding: "buffer" },
  ): Promise<RunResult<Buffer>>;
  runCommand(
    command: readonly string[],
    options?: RunOptions & { readonly encoding?: "utf8" | undefined },
  ): Promise<RunResult>;
  runCommand(command: readonly string[], options?: RunOptions): Promise<RunResult<string | Buffer>> {
    return this.#kit.sessions.runCommand(this.id, command, options);
  }

  /** Connects to its main process, as `cri.attach` does. */
  attach(options?: AttachOptions): Promise<AttachSession> {
    return this.#kit.sessions.attach(this.id, options);
  }

  /** Copies a file, a folder, or given contents into it, as `cri.copyTo` does. */
  copyTo(source: CopySource, target: string, options?: CopyToOptions): Promise<CopyResult> {
    return this.#kit.sessions.copyTo(this.id, source, target, options);
  }

  /** Copies a file or a folder out of it, as `cri.copyFrom` does. */
  copyFrom(source: string, target: string, options?: CopyFromOptions): Promise<CopyResult> {
    return this.#kit.sessions.copyFrom(this.id, source, target, options);
  }

  /**
   * What it printed, from its log file on this host. With `follow`, until it has ended and all was read.
   *
   * Rejects with `log_missing` when it has no log, or one on another host.
   */
  logs(options?: ReadLogsOptions): LogReader {
    return containerLogs(this.#kit.runtime, this.id, options, (signal) => this.#whereLogIs(signal));
  }

  /** What it uses now: ContainerStats. Rejects with `wrong_state` where the runtime has none for one that does not run. */
  async stats(options?: StepsOptions): Promise<ContainerUsage> {
    const { id: podId, name: podName, namespace: podNamespace, uid: podUid } = this.pod;
    const origin = { podId, podName, podNamespace, podUid, createdAt: undefined };
    return containerUsage(await containerStatsOf(this.#kit, this.id, options), origin);
  }

  /** Changes what it may use, while it runs. What is not given stays as it is. */
  async update(resources: ResourcesSpec, options?: StepsOptions): Promise<void> {
    const linux = updatedResources(resources, "resources");
    await this.#kit.runtime.updateContainerResources({ containerId: this.id, linux }, options);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.remove();
  }

  /** Where the log is, asked once; empty for a container without one, or that is gone. */
  async #whereLogIs(signal?: AbortSignal): Promise<string> {
    this.#logPath ??= await logPathOf(this.#kit.runtime, this.id, signal);
    return this.#logPath;
  }
}
