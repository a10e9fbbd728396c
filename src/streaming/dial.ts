import { isIP, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { connect as tlsConnect } from "node:tls";
import {
  type CancellationScope,
  type CriError,
  type CriErrorReason,
  codeOf,
  criError,
  errorsOf,
  messageOf,
} from "../core/index.js";
import { connectDirect } from "./direct-socket.js";
import type { StreamingOptions } from "./options.js";
import { describeUrl, hostsOf, portOf } from "./url.js";

/** Connects to a URL's host. Rejects with `unavailable`, or with the error that stopped the scope. */
export async function dial(
  url: URL,
  options: Pick<StreamingOptions, "dial" | "tls">,
  scope: CancellationScope,
): Promise<Duplex> {
  const { dial: customDial } = options;
  if (customDial) {
    const dialed = (async () => ignoreErrors(await customDial(url)))();
    try {
      return await scope.race(dialed);
    } catch (error) {
      // A connection that arrives late has no owner.
      dialed.then((socket) => socket.destroy()).catch(() => undefined);
      throw scope.stopped ?? dialFailure(url, error);
    }
  }
  let failure: unknown;
  for (const host of hostsOf(url)) {
    const socket = ignoreErrors(open(url, host, options));
    try {
      await scope.race(connected(socket, url.protocol === "https:" ? "secureConnect" : "connect"));
      return socket;
    } catch (error) {
      socket.destroy();
      if (scope.stopped) throw scope.stopped;
      failure ??= error;
    }
  }
  throw dialFailure(url, failure);
}

/** Sets whether a connection keeps the process alive. Has no effect on an in-memory connection. */
export function keepProcess(connection: Duplex, keep: boolean): void {
  const socket = connection as Partial<Pick<Socket, "ref" | "unref">>;
  if (keep) socket.ref?.();
  else socket.unref?.();
}

function open(url: URL, host: string, { tls }: Pick<StreamingOptions, "tls">): Socket {
  const port = portOf(url);
  if (url.protocol === "http:") return connectDirect({ host, port, noDelay: true });
  // TLS server names cannot be IP addresses, and Node warns about them.
  const name = isIP(host) ? {} : { servername: host };
  // Without this, Go's servers would negotiate HTTP/2, which has no upgrade.
  return tlsConnect({ host, port, ...name, ...tls, ALPNProtocols: ["http/1.1"] });
}

/** Keeps a connection that fails while it has no other error listener from ending the process. */
function ignoreErrors<Connection extends Duplex>(connection: Connection): Connection {
  return connection.on("error", () => undefined);
}

function connected(socket: Socket, event: "connect" | "secureConnect"): Promise<void> {
  return new Promise((resolve, reject) => {
    const onClose = () => reject(new Error("the connection closed while it was being opened"));
    socket.once("error", reject);
    socket.once("close", onClose);
    socket.once(event, () => {
      socket.removeListener("error", reject);
      socket.removeListener("close", onClose);
      socket.setNoDelay(true);
      resolve();
    });
  });
}

const reasonByErrno: Readonly<Record<string, CriErrorReason>> = {
  ECONNREFUSED: "connection_refused",
  ENOENT: "socket_missing",
  EACCES: "socket_forbidden",
  ECONNRESET: "connection_lost",
};

function dialFailure(url: URL, cause: unknown): CriError {
  const error = errorsOf(cause)?.[0] ?? cause;
  const message = messageOf(error);
  return criError(
    reasonByErrno[codeOf(error) ?? ""] ?? "unreachable",
    `cannot connect to the streaming server: ${message}`,
    {
      endpoint: describeUrl(url),
      hint: "The runtime returned this URL. If it runs on another machine or in another network namespace, pass `rewriteUrl`",
      cause,
    },
  );
}
