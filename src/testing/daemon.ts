import { criError } from "../core/index.js";
import {
  type CloseOptions,
  type CriServer,
  memoryTransport,
  type ServeOptions,
  type Services,
  serve,
} from "../server/index.js";
import { type RpcTransport, toConnectError } from "../transport/index.js";

/** How clients reach services: sockets, and a transport in memory. It can go down and come up again. */
export class Daemon {
  readonly transport: RpcTransport;
  readonly #services: Services;
  /** What is down, in the errors of calls in memory: `the embedded runtime`. */
  readonly #name: string;
  readonly #servers = new Set<RestartableServer>();
  /** The calls in memory that are in flight. */
  readonly #calls = new Set<AbortController>();
  #isDown = false;

  constructor(services: Services, name: string) {
    this.#services = services;
    this.#name = name;
    this.transport = this.#transport(memoryTransport(services));
  }

  get isDown(): boolean {
    return this.#isDown;
  }

  /** Serves at another endpoint, too, also after each restart. */
  async serve(endpoint: string, options?: ServeOptions): Promise<CriServer> {
    const first = await serve(endpoint, this.#services, options);
    const again = () => serve(first.endpoint, this.#services, options);
    const server = new RestartableServer(first, again, () => this.#servers.delete(server));
    this.#servers.add(server);
    return server;
  }

  /** Breaks all connections, and refuses new ones. */
  async down(): Promise<void> {
    this.#isDown = true;
    for (const call of this.#calls)
      call.abort(criError("connection_lost", `connection lost: ${this.#name} went down`));
    await Promise.all([...this.#servers].map((server) => server.down()));
  }

  /** Serves again. Rejects if an endpoint cannot be served, such as one that another process took; another call tries it again. */
  async up(): Promise<void> {
    if (!this.#isDown) return;
    await Promise.all([...this.#servers].map((server) => server.up()));
    this.#isDown = false;
  }

  /** Lets calls in memory fail while the daemon is down, as calls over a socket do. */
  #transport(inner: RpcTransport): RpcTransport {
    const calls = this.#calls;
    const begin = (signal: AbortSignal | undefined) => {
      if (this.#isDown)
        throw toConnectError(criError("connection_refused", `connection refused: ${this.#name} is down`));
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

/** A server that is closed and served again with each restart, until its owner closes it. */
class RestartableServer implements CriServer {
  readonly endpoint: string;
  readonly #serveAgain: () => Promise<CriServer>;
  readonly #onClose: () => void;
  #current: CriServer | undefined;
  #isClosed = false;

  constructor(first: CriServer, serveAgain: () => Promise<CriServer>, onClose: () => void) {
    this.endpoint = first.endpoint;
    this.#current = first;
    this.#serveAgain = serveAgain;
    this.#onClose = onClose;
  }

  get connections(): number {
    return this.#current?.connections ?? 0;
  }

  get calls(): number {
    return this.#current?.calls ?? 0;
  }

  async down(): Promise<void> {
    await this.#current?.close();
    this.#current = undefined;
  }

  async up(): Promise<void> {
    if (this.#current) return;
    const server = await this.#serveAgain();
    if (this.#isClosed) await server.close();
    else this.#current = server;
  }

  async close(options?: CloseOptions): Promise<void> {
    this.#isClosed = true;
    this.#onClose();
    await this.#current?.close(options);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
