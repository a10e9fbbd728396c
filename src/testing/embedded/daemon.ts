import { CriError } from "../../core/index.js";
import {
  type CriServer,
  memoryTransport,
  type ServeOptions,
  type Services,
  serve,
} from "../../server/index.js";
import { type RpcTransport, toConnectError } from "../../transport/index.js";

interface Listening {
  readonly endpoint: string;
  readonly options: ServeOptions | undefined;
  server: CriServer | undefined;
}

/** What can be reached of a runtime: its sockets and its transport in memory. Goes down, and comes up again. */
export class Daemon {
  readonly transport: RpcTransport;
  readonly #services: Services;
  readonly #listening: Listening[] = [];
  /** The calls in memory under way, to be lost when the daemon goes down. */
  readonly #calls = new Set<AbortController>();
  #down = false;

  constructor(services: Services) {
    this.#services = services;
    this.transport = this.#reachable(memoryTransport(services));
  }

  /** Serves at an endpoint too, until the end; also after it was down. */
  async serve(endpoint: string, options?: ServeOptions): Promise<CriServer> {
    const server = await serve(endpoint, this.#services, options);
    this.#listening.push({ endpoint: server.endpoint, options, server });
    return server;
  }

  /** Breaks every connection, and takes no new ones. */
  async down(): Promise<void> {
    this.#down = true;
    for (const call of this.#calls) call.abort(lost());
    await Promise.all(
      this.#listening.map(async (one) => {
        await one.server?.close();
        one.server = undefined;
      }),
    );
  }

  async up(): Promise<void> {
    if (!this.#down) return;
    await Promise.all(
      this.#listening.map(async (one) => {
        one.server = await serve(one.endpoint, this.#services, one.options);
      }),
    );
    this.#down = false;
  }

  /** Calls in memory find nobody while the daemon is down, as those on a socket do. */
  #reachable(inner: RpcTransport): RpcTransport {
    const check = () => {
      if (!this.#down) return;
      const text = "nobody listens: the embedded runtime was crashed by a fault";
      throw toConnectError(new CriError({ code: "unavailable", reason: "connection_refused", text }));
    };
    const calls = this.#calls;
    const open = (signal: AbortSignal | undefined) => {
      check();
      const call = new AbortController();
      calls.add(call);
      return { call, signal: signal ? AbortSignal.any([signal, call.signal]) : call.signal };
    };
    return {
      async unary(method, signal, timeoutMs, header, input, contextValues) {
        const { call, signal: either } = open(signal);
        return inner
          .unary(method, either, timeoutMs, header, input, contextValues)
          .finally(() => calls.delete(call));
      },
      async stream(method, signal, timeoutMs, header, input, contextValues) {
        const { call, signal: either } = open(signal);
        const answer = await inner.stream(method, either, timeoutMs, header, input, contextValues);
        const { message } = answer;
        const counted = async function* () {
          try {
            yield* message;
          } finally {
            calls.delete(call);
          }
        };
        return { ...answer, message: counted() };
      },
    };
  }
}

function lost(): CriError {
  const text = "the connection was lost: the embedded runtime was crashed by a fault";
  return new CriError({ code: "unavailable", reason: "connection_lost", text });
}
