// Connects to ports in a pod's network namespace, where processes may listen on localhost only. Node cannot enter a namespace, but a
// helper process that was started in it can connect and pass the socket on.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { criError } from "cri-sdk/server";

export interface DialRequest {
  readonly id: number;
  readonly port: number;
}

/** Comes with the socket, unless there is an error. */
export interface DialResult {
  readonly id: number;
  readonly error?: string;
}

/** A helper that has not been needed for this time ends, in milliseconds. */
const defaultIdleMs = 30_000;
/** How long a helper may take to start and to connect, in milliseconds. */
const dialMs = 30_000;

/** The arguments of Node. Sources need the loader of this process. */
const helper = import.meta.url.endsWith(".ts")
  ? [...process.execArgv, fileURLToPath(new URL("./port-helper.ts", import.meta.url))]
  : [fileURLToPath(new URL("./port-helper.js", import.meta.url))];

export class PodDialer {
  readonly #child: ChildProcess;
  readonly #onEnd: () => void;
  readonly #idleTimer: NodeJS.Timeout;
  readonly #pending = new Map<number, (result: Socket | Error) => void>();
  readonly #sockets = new Set<Socket>();
  readonly #ended: Promise<void>;
  #lastId = 0;
  #complaint = "";

  /** Starts a helper. `enter` is the command that starts a program in the network namespace; `onEnd` is called before the helper ends. */
  constructor(enter: readonly string[], onEnd: () => void, idleMs = defaultIdleMs) {
    const [file = "", ...args] = [...enter, process.execPath, ...helper];
    const child = spawn(file, args, { stdio: ["ignore", "ignore", "pipe", "ipc"] });
    this.#child = child;
    this.#onEnd = onEnd;
    this.#idleTimer = setTimeout(() => {
      if (this.#pending.size > 0) this.#idleTimer.refresh();
      else this.#end();
    }, idleMs);
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#complaint = (this.#complaint + text).slice(-1_000);
    });
    child.on("message", (message, handle) => {
      // Nothing else than the helper sends messages.
      const { id, error } = message as DialResult;
      if (handle instanceof Socket) this.#settle(id, handle);
      else this.#settle(id, criError("port_refused", error ?? "the connection ended at once"));
    });
    this.#ended = this.#whenEnded();
  }

  /** Connects to a port on the pod's localhost. */
  async connect(port: number, signal: AbortSignal): Promise<Socket> {
    signal.throwIfAborted();
    const id = ++this.#lastId;
    const leave = () => this.#settle(id, signal.reason);
    const expire = () => this.#settle(id, failed(`localhost:${port} has not answered for ${dialMs} ms`));
    const timer = setTimeout(expire, dialMs);
    signal.addEventListener("abort", leave, { once: true });
    const result = await new Promise<Socket | Error>((resolve) => {
      this.#pending.set(id, resolve);
      const request: DialRequest = { id, port };
      // That it cannot be sent means that the helper has ended, which is reported with the reason.
      this.#child.send(request, () => undefined);
    });
    signal.removeEventListener("abort", leave);
    clearTimeout(timer);
    this.#idleTimer.refresh();
    if (result instanceof Error) throw result;
    this.#sockets.add(result);
    return result.once("close", () => this.#sockets.delete(result));
  }

  /** Ends the helper and its connections, any of which would keep the network namespace. */
  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#end();
    await this.#ended;
  }

  #end(): void {
    clearTimeout(this.#idleTimer);
    this.#onEnd();
    this.#child.kill("SIGKILL");
  }

  async #whenEnded(): Promise<void> {
    await once(this.#child, "close").catch((error: Error) => {
      this.#complaint = error.message;
    });
    this.#end();
    const text = `the helper in the pod's network namespace has ended: ${this.#complaint.trim()}`;
    for (const id of this.#pending.keys()) this.#settle(id, failed(text));
  }

  #settle(id: number, result: Socket | Error): void {
    const resolve = this.#pending.get(id);
    this.#pending.delete(id);
    if (resolve) resolve(result);
    else if (result instanceof Socket) result.destroy();
  }
}

function failed(text: string): Error {
  return criError("runtime_error", text, { code: "unavailable" });
}
