// The logs of all containers. The kubelet wants each at a path of its own, in CRI's format, and rotates it; the engine writes its
// own format to its own place.
import { LogCopy } from "./log-copy.js";

/**
 * How the engine must log. What a container prints while the shim does not run must fit: the files are as large and as many as those
 * that the kubelet keeps by default. A single file would be truncated and not renamed, so that lines would be lost.
 */
export const engineLogConfig = { Type: "json-file", Config: { "max-size": "10m", "max-file": "5" } } as const;

export class LogCopies {
  readonly #onProblem: (text: string) => void;
  readonly #copies = new Map<string, LogCopy>();

  /** `onProblem` is called with a line of text: for a full disk, an unreadable log, or lines that are lost. */
  constructor(options: { readonly onProblem: (text: string) => void }) {
    this.#onProblem = options.onProblem;
  }

  /**
   * Starts to copy a container's log from the engine's LogPath to the path of CRI, or continues: the copy shows what was copied
   * already. Without one of the paths nothing is copied. Idempotent.
   */
  start(containerId: string, from: string, to: string): void {
    if (from === "" || to === "" || this.#copies.has(containerId)) return;
    this.#copies.set(containerId, new LogCopy(from, to, this.#onProblem));
  }

  /**
   * Resolves when everything that an exited container has printed is in its copy, but after 5 seconds at the latest; what could not be
   * written until then is still copied later.
   */
  async finish(containerId: string): Promise<void> {
    await this.#copies.get(containerId)?.finish();
  }

  /** Continues in a new file at the path of CRI, after the kubelet has renamed the old one. */
  async reopen(containerId: string): Promise<void> {
    await this.#copies.get(containerId)?.reopen();
  }

  /** Stops the copy of a removed container. */
  async forget(containerId: string): Promise<void> {
    const copy = this.#copies.get(containerId);
    this.#copies.delete(containerId);
    await copy?.stop();
  }

  /** Stops all copies. The next shim continues them. */
  async close(): Promise<void> {
    await Promise.all([...this.#copies.keys()].map((id) => this.forget(id)));
  }
}
