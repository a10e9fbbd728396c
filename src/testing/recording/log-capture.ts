import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Message } from "@bufbuild/protobuf";
import type {
  ContainerStatusResponse,
  CreateContainerRequest,
  CreateContainerResponse,
  RemoveContainerRequest,
  RemovePodSandboxRequest,
} from "../../../gen/runtime/v1/api_pb.js";
import type { Recorder } from "./recorder.js";

/** Writes the logs of the containers that the client created or looked up: when they are removed, or at the end of the recording. */
export class LogCapture {
  readonly #recorder: Recorder;
  /** The log path of each container whose log is not written yet. */
  readonly #paths = new Map<string, string>();

  constructor(recorder: Recorder) {
    this.#recorder = recorder;
  }

  /** Writes the logs that the call would remove, before it is sent. */
  async before(rpc: string, request: Message): Promise<void> {
    if (rpc === "RemoveContainer") await this.#write((request as RemoveContainerRequest).containerId);
    // Removes all containers of the pod; which ones these are, only the runtime knows.
    else if (rpc === "RemovePodSandbox" && (request as RemovePodSandboxRequest).podSandboxId)
      await this.writeAll();
  }

  /** Notes where a container's log is. */
  after(rpc: string, request: Message, response: Message): void {
    const log = logOf(rpc, request, response);
    if (log) this.#paths.set(log.containerId, log.path);
  }

  /** Writes all logs. A log whose container is looked up later is written once more. */
  async writeAll(): Promise<void> {
    for (const id of [...this.#paths.keys()]) await this.#write(id);
  }

  async #write(containerId: string): Promise<void> {
    const path = this.#paths.get(containerId);
    if (path === undefined) return;
    this.#paths.delete(containerId);
    try {
      this.#recorder.log(containerId, path, await readFile(path));
    } catch {
      // A log on another machine, or one that was never written: the client could not read it either.
    }
  }
}

/** A container and the file of its log. */
export interface ContainerLog {
  readonly containerId: string;
  readonly path: string;
}

/** Returns the log that a call shows: of a container that it created, or whose status it returned; undefined for any other call. */
export function logOf(rpc: string, request: Message, response: Message): ContainerLog | undefined {
  if (rpc === "CreateContainer") {
    const { config, sandboxConfig } = request as CreateContainerRequest;
    const { containerId } = response as CreateContainerResponse;
    if (!config?.logPath || !sandboxConfig?.logDirectory) return undefined;
    return { containerId, path: join(sandboxConfig.logDirectory, config.logPath) };
  }
  if (rpc !== "ContainerStatus") return undefined;
  const { status } = response as ContainerStatusResponse;
  return status?.logPath ? { containerId: status.id, path: status.logPath } : undefined;
}
