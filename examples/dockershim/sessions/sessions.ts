// The sessions of containers and pods: commands, attached clients, and forwarded ports.
import { setTimeout as sleep } from "node:timers/promises";
import type { AttachContext, ExecContext, PortForwardContext } from "cri-sdk/server";
import type { Engine } from "../engine/client.js";
import { attach } from "./attach.js";
import { type ExecSyncResult, exec, execSync } from "./exec.js";
import { type ForwardedSandbox, PortForwards } from "./port-forward.js";

/** How long sessions whose clients have left may take to kill their commands, in milliseconds. */
const closeMs = 10_000;

export class Sessions {
  readonly #engine: Engine;
  readonly #forwards = new PortForwards();
  readonly #running = new Set<Promise<unknown>>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Runs a command. With a timeout other than 0, kills it after that many seconds and throws `exec_timeout`. */
  execSync(
    containerId: string,
    command: readonly string[],
    timeoutSeconds: number,
    signal: AbortSignal,
  ): Promise<ExecSyncResult> {
    return this.#run(execSync(this.#engine, containerId, command, timeoutSeconds, signal));
  }

  exec(context: ExecContext): Promise<number> {
    return this.#run(exec(this.#engine, context));
  }

  attach(context: AttachContext): Promise<void> {
    return this.#run(attach(this.#engine, context));
  }

  portForward(context: PortForwardContext, sandbox: ForwardedSandbox): Promise<void> {
    return this.#run(this.#forwards.forward(context, sandbox));
  }

  /** Ends the forwarded connections of a sandbox that is stopped or removed: they would keep its network namespace. */
  forget(sandboxId: string): Promise<void> {
    return this.#forwards.forget(sandboxId);
  }

  /** Waits for the end of the sessions. Close the servers first: that fires the signals of the sessions. */
  async close(): Promise<void> {
    await this.#forwards.close();
    const timeout = new AbortController();
    const { signal } = timeout;
    await Promise.race([Promise.allSettled(this.#running), sleep(closeMs, undefined, { signal })]);
    timeout.abort();
  }

  async #run<T>(session: Promise<T>): Promise<T> {
    this.#running.add(session);
    try {
      return await session;
    } finally {
      this.#running.delete(session);
    }
  }
}
