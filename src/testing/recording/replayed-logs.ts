import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Message } from "@bufbuild/protobuf";
import type { ContainerStatusResponse } from "../../../gen/runtime/v1/api_pb.js";
import { logOf } from "./log-capture.js";

/**
 * The logs of a recording as files of this machine: where a runtime would write them, since the client may know the path from the config
 * of the container; in a temporary folder if this user may not write there.
 */
export class ReplayedLogs {
  readonly #logs: ReadonlyMap<string, Buffer>;
  /** The path of each log that was written. */
  readonly #paths = new Map<string, string>();
  readonly #folders: string[] = [];

  /** @param logs the content by the container's id */
  constructor(logs: ReadonlyMap<string, Buffer>) {
    this.#logs = logs;
  }

  /** Writes the log of the container that a call creates or looks up, and enters its path in the status. */
  apply(rpc: string, request: Message, response: Message): void {
    const log = logOf(rpc, request, response);
    const content = log && this.#logs.get(log.containerId);
    if (!log || !content) return;
    const path = this.#paths.get(log.containerId) ?? this.#write(log.path, content);
    this.#paths.set(log.containerId, path);
    const { status } = response as Partial<ContainerStatusResponse>;
    if (status) status.logPath = path;
  }

  /** Removes the files. */
  close(): void {
    for (const path of [...this.#paths.values(), ...this.#folders.reverse()])
      rmSync(path, { recursive: true, force: true });
    this.#paths.clear();
    this.#folders.length = 0;
  }

  #write(path: string, content: Buffer): string {
    try {
      const created = mkdirSync(dirname(path), { recursive: true });
      if (created !== undefined) this.#folders.push(created);
      writeFileSync(path, content);
      return path;
    } catch {
      const folder = mkdtempSync(join(tmpdir(), "cri-sdk-replay-"));
      this.#folders.push(folder);
      const copy = join(folder, "container.log");
      writeFileSync(copy, content);
      return copy;
    }
  }
}
