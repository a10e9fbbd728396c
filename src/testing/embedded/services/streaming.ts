import {
  createStreamingServer,
  type RuntimeImplementation,
  type StreamingServer,
} from "../../../server/index.js";
import { runningProcess, sessionHandlers } from "../commands.js";
import type { Machine } from "../machine.js";

/** The RPCs that give a URL, and the server that the URLs lead to: it is there from the first of them on. */
export class Streaming {
  readonly #machine: Machine;
  #server: Promise<StreamingServer> | undefined;

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  service() {
    const machine = this.#machine;
    const { containers, sandboxes, refusals } = machine;
    return {
      exec: async (request) => {
        const container = containers.get(request.containerId);
        const server = await this.#listening();
        runningProcess(machine, container);
        return server.exec({ ...request, containerId: container.id });
      },
      attach: async (request) => {
        const container = containers.get(request.containerId);
        const server = await this.#listening();
        runningProcess(machine, container);
        return server.attach({ ...request, containerId: container.id });
      },
      portForward: async ({ podSandboxId, port }) => {
        const sandbox = sandboxes.get(podSandboxId);
        if (!sandbox.ready) throw refusals.state("sandbox container is not running");
        return (await this.#listening()).portForward({ podSandboxId: sandbox.id, port });
      },
    } satisfies RuntimeImplementation;
  }

  /** Ends every session; the next one finds a new server. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    await (await server)?.close();
  }

  #listening(): Promise<StreamingServer> {
    this.#server ??= createStreamingServer(sessionHandlers(this.#machine));
    return this.#server;
  }
}
