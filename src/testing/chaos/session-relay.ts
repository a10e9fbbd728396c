import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { Transform } from "node:stream";

/** How the connections of a session break. */
export interface SessionCut {
  readonly afterBytes: number | undefined;
  readonly afterMs: number | undefined;
  /** Whether the connection stays: the faults are paused. */
  readonly isPaused: () => boolean;
  /** Called when a connection breaks because of this. */
  readonly onCut: () => void;
}

/** The time for a client to connect to a session, after which its relay closes. Runtimes give a minute, too. */
const unusedMs = 60_000;

/** Relays of streaming sessions on loopback, whose connections break with the proxy, or as a rule says. */
export class SessionRelays {
  readonly #open = new Set<SessionRelay>();
  #isClosed = false;

  /** Returns a URL that leads to this one through a relay. Returns URLs other than `http://` unchanged. */
  async through(url: string, cut?: SessionCut): Promise<string> {
    const target = URL.canParse(url) ? new URL(url) : undefined;
    if (target?.protocol !== "http:" || this.#isClosed) return url;
    const relay = new SessionRelay(target, cut, () => this.#open.delete(relay));
    this.#open.add(relay);
    target.host = await relay.listen();
    return target.href;
  }

  /** Breaks all sessions. */
  breakAll(): void {
    for (const relay of this.#open) relay.close();
  }

  close(): void {
    this.#isClosed = true;
    this.breakAll();
  }
}

class SessionRelay {
  readonly #host: string;
  readonly #port: number;
  readonly #cut: SessionCut | undefined;
  readonly #onClose: () => void;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #timer: NodeJS.Timeout | undefined;

  constructor({ hostname, port }: URL, cut: SessionCut | undefined, onClose: () => void) {
    this.#host = hostname.replace(/^\[|\]$/g, "");
    this.#port = Number(port || 80);
    this.#cut = cut;
    this.#onClose = onClose;
    this.#server = createServer({ allowHalfOpen: true }, (client) => this.#relay(client));
    this.#server.on("error", () => this.close());
  }

  /** Resolves with the host and port. */
  async listen(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    this.#closeUnused();
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    this.#onClose();
  }

  #relay(client: Socket): void {
    clearTimeout(this.#timer);
    const upstream = connect({ host: this.#host, port: this.#port, allowHalfOpen: true });
    const both = [client, upstream];
    const breakBoth = () => both.forEach((socket) => void socket.destroy());
    for (const socket of both) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("error", breakBoth);
      socket.once("close", () => {
        this.#sockets.delete(socket);
        if (!socket.readableEnded || socket.errored) breakBoth();
        if (this.#sockets.size === 0) this.#closeUnused();
      });
    }
    client.pipe(upstream);
    if (this.#cut) this.#cutAfter(this.#cut, client, upstream, breakBoth);
    else upstream.pipe(client);
  }

  #cutAfter(
    { afterBytes, afterMs, isPaused, onCut }: SessionCut,
    client: Socket,
    upstream: Socket,
    breakBoth: () => void,
  ): void {
    const cut = () => {
      if (client.destroyed || upstream.destroyed) return;
      onCut();
      breakBoth();
    };
    if (afterBytes === undefined) upstream.pipe(client);
    // An empty write is called back when the client's socket has taken all bytes before it.
    else
      upstream
        .pipe(limited(afterBytes, isPaused, () => setImmediate(() => client.write("", cut))))
        .pipe(client);
    if (afterMs === undefined) return;
    const timer = setTimeout(() => isPaused() || cut(), afterMs);
    upstream.once("close", () => clearTimeout(timer));
  }

  #closeUnused(): void {
    clearTimeout(this.#timer);
    if (!this.#server.listening) return;
    this.#timer = setTimeout(() => this.close(), unusedMs);
    this.#timer.unref();
  }
}

/** Passes on this many bytes, then calls back once and drops the rest. Passes on everything while the faults are paused. */
function limited(bytes: number, isPaused: () => boolean, onLimit: () => void): Transform {
  let left = bytes;
  let isDone = false;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (isPaused()) return done(null, chunk);
      if (isDone) return done();
      isDone = chunk.length >= left;
      if (left > 0) this.push(chunk.subarray(0, left));
      left -= chunk.length;
      if (isDone) onLimit();
      done();
    },
  });
}
