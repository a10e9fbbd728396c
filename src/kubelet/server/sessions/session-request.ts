import type { IncomingMessage } from "node:http";
import { headerList } from "../../../server/index.js";
import { HttpError } from "../http-error.js";

/** How a client wants to speak after the upgrade. */
export type SessionUpgrade =
  | { readonly transport: "spdy"; readonly protocols: readonly string[] }
  | { readonly transport: "websocket"; readonly protocols: readonly string[] };

/** Reads the upgrade that a request asks for. Throws 400 for one without an upgrade that this server knows. */
export function readUpgrade({ headers, method }: IncomingMessage): SessionUpgrade {
  const upgrades = headerList(headers.upgrade).map((name) => name.toLowerCase());
  if (upgrades.includes("websocket")) {
    if (method !== "GET")
      throw new HttpError(400, "unable to upgrade: the method of a WebSocket upgrade must be GET");
    return { transport: "websocket", protocols: headerList(headers["sec-websocket-protocol"]) };
  }
  if (!upgrades.includes("spdy/3.1"))
    throw new HttpError(
      400,
      `unable to upgrade: missing upgrade headers in request: "Upgrade: SPDY/3.1" or "Upgrade: websocket"`,
    );
  const protocols = headerList(headers["x-stream-protocol-version"]);
  if (protocols.length === 0)
    throw new HttpError(400, "unable to upgrade: the request has no X-Stream-Protocol-Version");
  return { transport: "spdy", protocols };
}

/** The streams of a command that a request asks for. */
export interface CommandStreams {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

/** Reads the streams of exec and attach. Throws 400 for a request without any. */
export function readStreams(query: URLSearchParams): CommandStreams {
  const has = (name: string) => query.get(name) === "1" || query.get(name) === "true";
  const tty = has("tty");
  // A terminal has one output.
  const streams = { stdin: has("input"), stdout: has("output"), stderr: has("error") && !tty, tty };
  if (!streams.stdin && !streams.stdout && !streams.stderr)
    throw new HttpError(400, "you must specify at least 1 of stdin, stdout, stderr");
  return streams;
}

/** Reads the command of exec. Throws 400 for a request without one. */
export function readCommand(query: URLSearchParams): string[] {
  const command = query.getAll("command");
  if (command.length === 0 || command[0] === "") throw new HttpError(400, "you must specify a command");
  return command;
}

/** Reads the ports of a port-forward, which only those over WebSocket channels have. Throws 400 for what is not a port. */
export function readPorts(query: URLSearchParams): number[] {
  const texts = query.getAll("port").flatMap((list) => list.split(","));
  return texts.map((text) => {
    const port = Number(text);
    if (!/^\d+$/.test(text) || port < 1 || port > 65_535)
      throw new HttpError(400, `unable to parse "${text}" as a port`);
    return port;
  });
}
