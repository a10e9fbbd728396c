import { type CriError, criError } from "../../core/index.js";
import {
  type CriServer,
  memoryTransport,
  type ServeOptions,
  type Services,
  serve,
} from "../../server/index.js";
import { type RpcTransport, toConnectError } from "../../transport/index.js";

interface ServedEndpoint {
  readonly endpoint: string;
  readonly options: ServeOptions | undefined;
  server: CriServer | undefined;
}

/** How clients reach a runtime: sockets, and a transport in memory. It can go down and come up again. */
export class Daemon {
  readonly transport: RpcTransport;
  readonly #services: Services;
  readonly #endpoints: ServedEndpoint[] = [];
  /** The calls in memory that are in flight. */
  readonly #calls = new Set<AbortController>();
  #isDown = false;

  constructor(services: Services) {
    this.#services = services;
    this.transport = this.#transport(memoryTransport(services));
  }

  /** Serves the runtime at another endpoint, too, also after each restart. */
  async serve(endpoint: string, options?: ServeOptions): Promise<CriServer> {
    const server = await serve(endpoint, this.#services, options);
    this.#endpoints.push({ endpoint: server.endpoint, options, server });
    return server;
  }

  /** Breaks all connections, and refuses new ones. */
  async down(): Promise<void> {
    this.#isDown = true;
    for (const call of this.#calls) call.abort(connectionLost());
    await Promise.all(
      this.#endpoints.map(async (one) => {
        await one.server?.close();
        one.server = undefined;
      }),
    );
  }

  async up(): Promise<void> {
    if (!this.#isDown) return;
    await Promise.all(
      this.#endpoints.map(async (one) => {
        one.server = await serve(one.endpoint, this.#services, one.options);
      }),
    );
    this.#isDown = false;
  }

  /** Lets calls in memory fail while the daemon is down, as calls over a socket do. */
  #transport(inner: RpcTransport): RpcTransport {
    const calls = this.#calls;
    const begin = (signal: AbortSignal | undefined) => {
      if (this.#isDown) {
        const text = "connection refused: the embedded runtime is down (faults.crash)";
        throw toConnectError(criError("connection_refused", text));
      }
      const call = new AbortController();
      calls.add(call);
      return { call, signal: signal ? AbortSignal.any([signal, call.signal]) : call.signal };
    };
    return {
      async unary(method, signal, timeoutMs, header, input, contextValues) {
        const { call, signal: either } = begin(signal);
        return inner
          .unary(method, either, timeoutMs, header, input, contextValues)
          .finally(() => calls.delete(call));
      },
      async stream(method, signal, timeoutMs, header, input, contextValues) {
        const { call, signal: either } = begin(signal);
        const response = await inner.stream(method, either, timeoutMs, header, input, contextValues);
        const { message } = response;
        const tracked = async function* () {
          try {
            yield* message;
          } finally {
            calls.delete(call);
          }
        };
        return { ...response, message: tracked() };
      },
    };
  }
}

function connectionLost(): CriError {
  return criError("connection_lost", "connection lost: the embedded runtime went down (faults.crash)");
}
