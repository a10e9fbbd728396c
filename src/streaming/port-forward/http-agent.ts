import { Agent, type ClientRequestArgs } from "node:http";
import type { Duplex } from "node:stream";
import type { ForwardedConnection } from "./connection.js";

/** An agent whose connections lead to a pod: a request's port is the pod's, and its host is not looked at. */
export class ForwardAgent extends Agent {
  readonly #connect: (port: number) => Promise<ForwardedConnection>;

  constructor(connect: (port: number) => Promise<ForwardedConnection>) {
    super({ keepAlive: true });
    this.#connect = connect;
  }

  override createConnection(
    options: ClientRequestArgs,
    callback?: (error: Error | null, connection: Duplex) => void,
  ): undefined {
    const done = callback as ((error: Error | null, connection?: Duplex) => void) | undefined;
    this.#connect(Number(options.port ?? 80)).then(
      (connection) => done?.(null, connection),
      (error: Error) => done?.(error),
    );
    return undefined;
  }
}
