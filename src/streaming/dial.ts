import { isIP, connect as netConnect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { connect as tlsConnect } from "node:tls";
import { CriError, type CriErrorReason, type Lifeline } from "../core/index.js";
import type { StreamingOptions } from "./options.js";
import { describeUrl, hostsOf, portOf } from "./url.js";

/** Connects to a URL's host. Rejects with `unavailable`, or with why the lifeline was stopped. */
export async function dial(
  url: URL,
  options: Pick<StreamingOptions, "dial" | "tls">,
  lifeline: Lifeline,
): Promise<Duplex> {
  const { dial: own } = options;
  if (own) {
    const dialed = (async () => guarded(await own(url)))();
    try {
      return await lifeline.race(dialed);
    } catch (error) {
      // What comes too late belongs to nobody.
      dialed.then((socket) => socket.destroy()).catch(() => undefined);
      throw lifeline.stopped ?? dialFailure(url, error);
    }
  }
  let failure: unknown;
  for (const host of hostsOf(url)) {
    const socket = guarded(open(url, host, options));
    try {
      await lifeline.race(connected(socket, url.protocol === "https:" ? "secureConnect" : "connect"));
      return socket;
    } catch (error) {
      socket.destroy();
      if (lifeline.stopped) throw lifeline.stopped;
      failure ??= error;
    }
  }
  throw dialFailure(url, failure);
}

function open(url: URL, host: string, { tls }: Pick<StreamingOptions, "tls">): Socket {
  const port = portOf(url);
  if (url.protocol === "http:") return netConnect({ host, port, noDelay: true });
  // TLS knows no server name that is an address, and Node warns of one.
  const name = isIP(host) ? {} : { servername: host };
  // HTTP/2, which Go would offer, knows no upgrade.
  return tlsConnect({ host, port, ...name, ...tls, ALPNProtocols: ["http/1.1"] });
}

/** A connection may fail at a moment when nobody listens, and must not end the process then. */
function guarded<Connection extends Duplex>(connection: Connection): Connection {
  return connection.on("error", () => undefined);
}

function connected(socket: Socket, event: "connect" | "secureConnect"): Promise<void> {
  return new Promise((resolve, reject) => {
    const closed = () => reject(new Error("the connection was closed while it opened"));
    socket.once("error", reject);
    socket.once("close", closed);
    socket.once(event, () => {
      socket.removeListener("error", reject);
      socket.removeListener("close", closed);
      socket.setNoDelay(true);
      resolve();
    });
  });
}

function dialFailure(url: URL, cause: unknown): CriError {
  const [code, text] = explain(cause);
  const reasons: Readonly<Record<string, CriErrorReason>> = {
    ECONNREFUSED: "connection_refused",
    ENOENT: "socket_missing",
    EACCES: "socket_forbidden",
    ECONNRESET: "connection_lost",
  };
  return new CriError({
    code: "unavailable",
    reason: reasons[code] ?? "unreachable",
    endpoint: describeUrl(url),
    text: `cannot connect to the streaming server: ${text}`,
    hint: "The runtime gave this URL: does it run on this machine, and in this network namespace? See rewriteUrl",
    cause,
  });
}

function explain(cause: unknown): [code: string, text: string] {
  const error = cause instanceof AggregateError ? cause.errors[0] : cause;
  const code = typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
  return [code, error instanceof Error ? error.message : String(error)];
}
