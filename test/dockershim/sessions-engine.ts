// A stand-in for the sessions of a Docker Engine, on a unix socket. Its containers are this machine: a command that is run in one is
// a process of this test.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { Socket } from "node:net";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import type { TestContext } from "node:test";
import { Engine } from "../../examples/dockershim/engine/client.js";
import { Sessions } from "../../examples/dockershim/sessions/sessions.js";
import { cleanup } from "../support/cleanup.js";
import { tempFolder } from "../support/temp.js";

/** An id that is part of each path in /proc/PID/cgroup, where a command looks for its container. */
export const containerId = ":";

export interface FakeExec {
  readonly create: { readonly Cmd: readonly string[]; readonly Tty: boolean; readonly AttachStdin: boolean };
  start?: unknown;
  child?: ChildProcess;
  exitCode: number | null;
  /** Whether the client has ended its direction of the connection, or both. */
  hasInputEnded: boolean;
}

/** The connection of an attached client. */
export interface FakeAttach {
  readonly socket: Socket;
  input: string;
  hasInputEnded: boolean;
}

/** Returns a frame of output. */
export function frame(stream: 1 | 2, content: Uint8Array | string): Buffer {
  const header = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(Buffer.byteLength(content), 4);
  return Buffer.concat([header, Buffer.from(content)]);
}

/** Reads the body of a request for an upgrade, which node:http leaves on the connection up to Node 24. */
async function upgradeBody(request: IncomingMessage, socket: Socket, head: Buffer): Promise<unknown> {
  if (Number.parseInt(process.versions.node, 10) > 24) {
    const body = await json(request);
    if (head.byteLength > 0) socket.unshift(head);
    return body;
  }
  const bytes = Number(request.headers["content-length"]);
  let body = head;
  while (body.byteLength < bytes) body = Buffer.concat([body, (await once(socket, "data"))[0]]);
  socket.pause();
  if (body.byteLength > bytes) socket.unshift(body.subarray(bytes));
  return JSON.parse(body.subarray(0, bytes).toString());
}

export class SessionsEngine {
  apiVersion = "1.45";
  /** The container that is attached to. */
  container = { State: { Running: true }, Config: { Tty: false, OpenStdin: true } };
  /** The text with which starts fail, as the engine sends it. */
  startFailure: string | undefined;
  /** How many times a process is reported as one that has not started yet. */
  unstartedReports = 0;
  readonly execs: FakeExec[] = [];
  /** The requests without their bodies: `POST /exec/0/resize?h=1&w=2`. */
  readonly requests: string[] = [];
  readonly attached: FakeAttach[] = [];
  /** Ends the calls that wait for the container. */
  readonly waits: (() => void)[] = [];

  async answer(method: string, path: string, request: IncomingMessage): Promise<unknown> {
    const [, execId = ""] = /^\/exec\/(\d+)\/json$/.exec(path) ?? [];
    if (path === "/version") return { Version: "26.1.5", ApiVersion: this.apiVersion, MinAPIVersion: "1.24" };
    if (path.endsWith("/exec")) {
      this.execs.push({
        create: (await json(request)) as FakeExec["create"],
        exitCode: null,
        hasInputEnded: false,
      });
      return { Id: String(this.execs.length - 1) };
    }
    if (execId !== "") return this.#inspect(Number(execId));
    if (path.endsWith("/wait")) {
      await new Promise<void>((resolve) => this.waits.push(resolve));
      return { StatusCode: 0 };
    }
    if (method === "GET" && path.startsWith("/containers/")) return this.container;
    return {};
  }

  async upgrade(path: string, request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    const body = await upgradeBody(request, socket, head);
    socket.write("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
    const [, execId] = /^\/exec\/(\d+)\/start$/.exec(path) ?? [];
    if (execId === undefined) {
      const attach: FakeAttach = { socket, input: "", hasInputEnded: false };
      socket.on("data", (chunk) => {
        attach.input += chunk;
      });
      socket.once("end", () => {
        attach.hasInputEnded = true;
      });
      socket.resume();
      this.attached.push(attach);
    } else this.#start(this.execs[Number(execId)], body, socket);
  }

  #start(exec: FakeExec | undefined, body: unknown, socket: Socket): void {
    if (!exec) throw new Error("no such exec");
    const { Cmd, Tty, AttachStdin } = exec.create;
    const send = (stream: 1 | 2, content: Uint8Array | string) =>
      socket.write(Tty ? content : frame(stream, content));
    exec.start = body;
    socket.once("end", () => {
      exec.hasInputEnded = true;
    });
    if (this.startFailure !== undefined) {
      exec.exitCode = 126;
      send(1, `${this.startFailure}\r\n`);
      socket.end();
      return;
    }
    const [file = "", ...args] = Cmd;
    const child = spawn(file, args, { stdio: [AttachStdin ? "pipe" : "ignore", "pipe", "pipe"] });
    exec.child = child;
    if (child.stdin) socket.pipe(child.stdin.on("error", () => undefined));
    else socket.resume();
    child.stdout?.on("data", (chunk: Buffer) => send(1, chunk));
    child.stderr?.on("data", (chunk: Buffer) => send(2, chunk));
    child.once("close", (code) => {
      exec.exitCode = code ?? 137;
      socket.end();
    });
  }

  #inspect(index: number) {
    const { child, exitCode = null } = this.execs[index] ?? {};
    const isReported = child !== undefined && this.unstartedReports-- <= 0;
    return { Running: exitCode === null, ExitCode: exitCode, Pid: isReported ? child.pid : 0 };
  }
}

/** Starts a stand-in, and sessions that use it. */
export async function serveSessions(t: TestContext, settings: Partial<SessionsEngine> = {}) {
  const fake = Object.assign(new SessionsEngine(), settings);
  const path = join(await tempFolder(t), "docker.sock");
  const sockets = new Set<Socket>();
  const pathOf = (request: IncomingMessage) => {
    const url = new URL(request.url ?? "", "http://docker");
    const path = url.pathname.replace(/^\/v\d\.\d+/, "");
    fake.requests.push(`${request.method} ${path}${url.search}`);
    return path;
  };
  const server: Server = createServer({ keepAlive: true }, (request, response) => {
    void fake.answer(request.method ?? "", pathOf(request), request).then((answer) => {
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
    });
  });
  server.on("connection", (socket) => sockets.add(socket.on("error", () => undefined)));
  server.on(
    "upgrade",
    (request, socket, head) => void fake.upgrade(pathOf(request), request, socket as Socket, head),
  );
  await once(server.listen(path), "listening");
  const engine = new Engine(path);
  const sessions = new Sessions(engine);
  const stop = async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    for (const { child } of fake.execs) child?.kill("SIGKILL");
  };
  cleanup(t, stop);
  cleanup(t, async () => {
    await sessions.close();
    engine.close();
  });
  return { fake, sessions, stop };
}
