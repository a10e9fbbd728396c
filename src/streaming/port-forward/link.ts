import type { CriError } from "../../core/index.js";

/** Who hears what comes from a port in a pod. */
export interface LinkListener {
  /** Bytes from the port. Answering false stops the reading until the link is resumed. */
  onData(part: Buffer): boolean;
  /** The port could not be connected to, or failed: the runtime's own words. */
  onRefused(text: string): void;
  /** The port has sent everything. */
  onEnd(): void;
  /** The connection that carries the link is over. */
  onClosed(error: CriError | undefined): void;
}

/** One forwarded connection on whatever carries it. */
export interface Link {
  /** Whether `end()` says anything. */
  readonly canEnd: boolean;
  /** Begins to report. Resolves when the server has taken the connection up. */
  start(listener: LinkListener): Promise<void>;
  write(bytes: Uint8Array, done: (error?: Error | null) => void): void;
  /** Tells the port that nothing more comes. No runtime passes that on: it hangs up a second later. */
  end(): void;
  resume(): void;
  /** Both sides have ended: lets go of it once all that was written is on its way. */
  finish(): void;
  /** Ends it at once. */
  destroy(): void;
  /** Whether it keeps the process alive. */
  keepProcess(keep: boolean): void;
}
