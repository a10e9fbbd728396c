import { type Cri, type ExecSession, isCriError } from "cri-sdk";
import type { RawData, WebSocket } from "ws";
import type { TerminalMessage } from "../messages.js";
import { HttpError } from "./access.js";
import { Credit } from "./credit.js";
import { readSocketRequest } from "./socket-requests.js";

const maxSize = 1_000;
/** The input that is held for a command which does not read it. */
const maxQueuedBytes = 2 ** 20;

/** What a page asks for when it opens a terminal. */
export interface TerminalOpening {
  readonly container: string;
  readonly command: readonly string[];
  readonly columns: number;
  readonly rows: number;
}

/** Reads the parameters of a request. Throws {@link HttpError}. */
export function readTerminalRequest(query: URLSearchParams): TerminalOpening {
  const container = query.get("container") ?? "";
  if (container === "") throw new HttpError(400, "container: is missing");
  const command = (query.get("command") ?? "sh").split(/\s+/).filter(Boolean);
  if (command.length === 0) throw new HttpError(400, "command: must not be empty");
  return { container, command, columns: size(query, "columns", 80), rows: size(query, "rows", 24) };
}

function size(query: URLSearchParams, name: string, byDefault: number): number {
  const text = query.get(name) ?? String(byDefault);
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > maxSize)
    throw new HttpError(400, `${name}: must be from 1 to ${maxSize}, got ${JSON.stringify(text)}`);
  return value;
}

/** Runs a command on a terminal until it ends or the page closes the socket. */
export async function runTerminal(cri: Cri, socket: WebSocket, opening: TerminalOpening): Promise<void> {
  const { container, command, columns, rows } = opening;
  const controller = new AbortController();
  socket.once("close", () => controller.abort());
  const credit = new Credit(socket);
  const send = (message: TerminalMessage) => {
    if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(message));
  };
  let requested = { columns, rows };
  let session: ExecSession | undefined;
  const early: Buffer[] = [];
  socket.on("message", (data, isBinary) => {
    if (isBinary) {
      const input = bytesOf(data);
      if (!session?.stdin) early.push(input);
      else if (session.stdin.writableLength > maxQueuedBytes)
        socket.close(1008, "the command reads no input");
      else session.stdin.write(input);
      return;
    }
    const request = readSocketRequest(String(data));
    if (request?.type === "shown") credit.acknowledge(request);
    if (request?.type !== "resize") return;
    requested = { columns: request.columns, rows: request.rows };
    session?.resize(requested);
  });
  try {
    session = await open(cri, container, command, { columns, rows }, controller.signal);
    // The input of a command that has ended, or hung up, is lost.
    session.stdin?.on("error", () => {});
    send({ type: "started", command: command.join(" ") });
    session.resize(requested);
    for (const input of early.splice(0)) session.stdin?.write(input);
    for await (const chunk of session.stdout ?? []) if (!(await credit.send(chunk))) break;
    const { exitCode, signal } = await session.ended;
    send({ type: "exit", exitCode, signal });
  } catch (error) {
    if (controller.signal.aborted) return;
    if (!isCriError(error)) throw error;
    send({ type: "error", text: error.message });
  } finally {
    await session?.close();
  }
}

/** Opens the session so that a closed tab kills the command; without a shell in the container, that is left to the runtime. */
async function open(
  cri: Cri,
  container: string,
  command: readonly string[],
  size: { readonly columns: number; readonly rows: number },
  signal: AbortSignal,
): Promise<ExecSession> {
  const options = { tty: true, stdin: true, size, signal } as const;
  try {
    const session = await cri.exec(container, command, { ...options, killOnClose: true });
    // One that was not started has an error at its end.
    if (!(await session.started)) await session.ended;
    return session;
  } catch (error) {
    if (!isCriError(error) || error.reason !== "exec_not_started") throw error;
    return await cri.exec(container, command, options);
  }
}

function bytesOf(data: RawData): Buffer {
  if (Array.isArray(data)) return Buffer.concat(data);
  return Buffer.isBuffer(data) ? data : Buffer.from(data);
}
