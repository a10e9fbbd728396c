import type { AttachSession, ExecSession, SessionOptions } from "./command.js";
import { openSession } from "./open.js";
import type { StreamingUrl } from "./options.js";
import type { RemoteCommand } from "./session.js";

/**
 * Opens the session of a command that CRI's Exec gave a URL for. The streams must be those of the `ExecRequest`.
 *
 * Resolves once the server has agreed to the session; that the command could not be started comes from `exit`. Rejects
 * with {@link CriError}: `stream_url_spent`, `upgrade_refused`, `start_timeout`, `stdin_end_unsupported`,
 * `connection_refused`, `unreachable`, `deadline`, `aborted_by_caller`, `invalid_option`.
 */
export function exec(url: StreamingUrl, options: SessionOptions = {}): Promise<ExecSession> {
  return openSession(url, options);
}

/**
 * Opens the session that CRI's Attach gave a URL for: what the container prints from now on, and its input. The streams
 * must be those of the `AttachRequest`. Rejects as {@link exec} does.
 *
 * Read the output without pause, or close the session: a runtime copies the output of a container at the pace of its
 * slowest reader, so that one who stops reading stops the container and its log.
 */
export async function attach(url: StreamingUrl, options: SessionOptions = {}): Promise<AttachSession> {
  return new Attached(await openSession(url, options));
}

class Attached implements AttachSession {
  readonly ended: Promise<void>;
  readonly #command: RemoteCommand;

  constructor(command: RemoteCommand) {
    this.#command = command;
    this.ended = command.exit.then(() => undefined);
    this.ended.catch(() => undefined);
  }

  get stdin() {
    return this.#command.stdin;
  }

  get stdout() {
    return this.#command.stdout;
  }

  get stderr() {
    return this.#command.stderr;
  }

  get tty() {
    return this.#command.tty;
  }

  get transport() {
    return this.#command.transport;
  }

  get protocol() {
    return this.#command.protocol;
  }

  resize(size: Parameters<RemoteCommand["resize"]>[0]): void {
    this.#command.resize(size);
  }

  close(): Promise<void> {
    return this.#command.close();
  }

  detach(): Promise<void> {
    return this.#command.detach();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
