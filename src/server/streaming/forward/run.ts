import type { CriError } from "../../../core/index.js";
import { messageOf } from "../errors.js";
import type { StreamingHandlers } from "../handlers.js";
import { ForwardedClient, type ForwardLink } from "./connection.js";

/** One forwarded connection: a handler on one side, whatever carries the client's bytes on the other. */
export class ForwardRun {
  readonly connection: ForwardedClient;
  readonly #abort = new AbortController();

  constructor(link: ForwardLink) {
    this.connection = new ForwardedClient(link);
  }

  /**
   * Runs the handler, and resolves when what it wrote was sent: with what the client is told of its failure, if it
   * failed. Never rejects.
   */
  async run(handlers: StreamingHandlers, podSandboxId: string, port: number): Promise<string | undefined> {
    const { connection } = this;
    let failure: string | undefined;
    try {
      await handlers.portForward?.({ podSandboxId, port, connection, signal: this.#abort.signal });
    } catch (error) {
      failure = `error forwarding port ${port} to pod ${podSandboxId}: ${messageOf(error)}`;
    }
    await connection.flush();
    // From here on, nobody reads what the client still sends.
    connection.destroy();
    return failure;
  }

  /** The client is gone, or gave this connection up. */
  lose(why: CriError): void {
    if (this.#abort.signal.aborted) return;
    this.#abort.abort(why);
    this.connection.destroy(why);
  }
}
