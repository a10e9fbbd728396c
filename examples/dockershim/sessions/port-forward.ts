// PortForward: connections to the ports of a pod.
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { criError, type PortForwardContext } from "cri-sdk/server";
import { dial } from "./dial.js";
import { PodDialer } from "./pod-dialer.js";

/** After the end of the pod's side, a connection without traffic for this time is over, in milliseconds. */
const lingerMs = 500;

/** What a port-forward needs to know of a sandbox. */
export interface ForwardedSandbox {
  readonly id: string;
  /** A process in its network namespace. */
  readonly pid: number;
  readonly hostNetwork: boolean;
}

export class PortForwards {
  /** One for each sandbox that had a connection lately. */
  readonly #dialers = new Map<string, PodDialer>();

  /** Connects a client with a port; resolves when the connection has ended. */
  async forward({ port, connection, signal }: PortForwardContext, sandbox: ForwardedSandbox): Promise<void> {
    if (sandbox.pid === 0) throw criError("wrong_state", `sandbox ${sandbox.id} is not running`);
    const socket = await (sandbox.hostNetwork ? dial(port) : this.#dialer(sandbox).connect(port, signal));
    const leave = () => socket.destroy();
    signal.addEventListener("abort", leave, { once: true });
    try {
      signal.throwIfAborted();
      await join(connection, socket);
    } finally {
      signal.removeEventListener("abort", leave);
      socket.destroy();
    }
  }

  /** Ends the helper and the connections of a sandbox. */
  async forget(sandboxId: string): Promise<void> {
    await this.#dialers.get(sandboxId)?.close();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#dialers.keys()].map((id) => this.forget(id)));
  }

  #dialer({ id, pid }: ForwardedSandbox): PodDialer {
    const existing = this.#dialers.get(id);
    if (existing) return existing;
    const dialer = new PodDialer(["nsenter", `--net=/proc/${pid}/ns/net`], () => {
      if (this.#dialers.get(id) === dialer) this.#dialers.delete(id);
    });
    this.#dialers.set(id, dialer);
    return dialer;
  }
}

/** Copies in both directions, each of which ends on its own. Resolves when both have ended. */
export async function join(client: Duplex, pod: Socket): Promise<void> {
  // Sockets that come from another process do not have it.
  pod.allowHalfOpen = true;
  client.pipe(pod);
  pod.pipe(client);
  // A client over WebSocket does not see this end, and does not end its own direction.
  pod.once("end", () => pod.setTimeout(lingerMs, () => pod.destroy()));
  // A reset is passed on as such: kubectl would end its other connections, too, if it were an error of this one.
  pod.on("error", () => undefined);
  await new Promise((resolve) => pod.once("close", resolve));
  if (!pod.readableEnded) client.destroy();
}
