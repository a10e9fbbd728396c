import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Cri } from "../../../cri.js";
import {
  type AttachContext,
  type CommandContext,
  createStreamingServer,
  type ExecContext,
  type PortForwardContext,
  type StreamingHandlers,
  type StreamingServer,
  type StreamingUrlResponse,
} from "../../../server/index.js";
import type { AttachSession, ExecSession } from "../../../streaming/index.js";
import type { KubeletStreamingOptions } from "../options.js";

/** The streams of a command, as CRI has them. */
interface CommandFields {
  readonly containerId: string;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

/** What CRI is asked for, to begin a session. */
export type SessionCall =
  | { readonly kind: "exec"; readonly fields: CommandFields & { readonly cmd: string[] } }
  | { readonly kind: "attach"; readonly fields: CommandFields }
  | {
      readonly kind: "portForward";
      readonly fields: { readonly podSandboxId: string; readonly port: number[] };
    };

/** Serves sessions in protocols that the runtime does not speak, over separate sessions with the runtime. */
export class Bridge {
  readonly #handlers: StreamingHandlers;
  readonly #idleTimeoutMs: number;
  #server: Promise<StreamingServer> | undefined;
  #sessions = () => 0;

  constructor(cri: Cri, streaming: KubeletStreamingOptions, idleTimeoutMs: number) {
    this.#handlers = sessionHandlers(cri, streaming);
    this.#idleTimeoutMs = idleTimeoutMs;
  }

  /** The number of open sessions. */
  get sessions(): number {
    return this.#sessions();
  }

  /** Takes over an upgrade, or refuses it. */
  async serve(call: SessionCall, request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const server = await this.#started();
    const { url } = offer(server, call);
    // The server finds the session by the token in the path.
    request.url = new URL(url).pathname;
    server.handleUpgrade(request, socket, head);
  }

  /** Ends all sessions. */
  async close(): Promise<void> {
    await (await this.#server)?.close();
  }

  #started(): Promise<StreamingServer> {
    this.#server ??= createStreamingServer(this.#handlers, {
      listen: false,
      idleTimeoutMs: this.#idleTimeoutMs,
    }).then((server) => {
      this.#sessions = () => server.sessions;
      return server;
    });
    return this.#server;
  }
}

function offer(server: StreamingServer, call: SessionCall): StreamingUrlResponse {
  switch (call.kind) {
    case "exec":
      return server.exec(call.fields);
    case "attach":
      return server.attach(call.fields);
    case "portForward":
      return server.portForward(call.fields);
  }
}

function sessionHandlers(cri: Cri, streaming: KubeletStreamingOptions): StreamingHandlers {
  return {
    async exec(context: ExecContext) {
      const { containerId, command, signal } = context;
      const session = await cri.exec(containerId, command, { ...streaming, ...streamsOf(context), signal });
      await joinCommand(context, session);
      return (await session.ended).exitCode;
    },

    async attach(context: AttachContext) {
      const { containerId, signal } = context;
      const session = await cri.attach(containerId, { ...streaming, ...streamsOf(context), signal });
      await joinCommand(context, session);
      await session.ended;
    },

    async portForward({ podSandboxId, port, connection, signal }: PortForwardContext) {
      await using forward = cri.portForward(podSandboxId, { ...streaming, signal });
      const toPod = await forward.connect(port);
      // The connection ends with the pod's side: no runtime passes on the end of the client's.
      connection.once("close", () => toPod.destroy());
      connection.pipe(toPod, { end: false });
      await pipeline(toPod, connection);
    },
  };
}

function streamsOf({ stdin, stdout, stderr, tty }: CommandContext) {
  return {
    stdin: stdin !== undefined,
    stdout: stdout !== undefined,
    stderr: stderr !== undefined,
    tty,
    // A terminal's input may stay open, and others are ended over SPDY.
    keepStdinOpen: tty,
  };
}

/** Connects the streams of a client with those of a session; resolves when all output was passed on. */
async function joinCommand(client: CommandContext, session: ExecSession | AttachSession): Promise<void> {
  const { stdin, stdout, stderr } = client;
  if (stdin && session.stdin) {
    // A command may end before its input does.
    session.stdin.on("error", () => undefined);
    stdin.pipe(session.stdin);
  }
  if (client.tty) void followSize(client, session);
  await Promise.all([
    session.stdout && stdout && pipeline(session.stdout, stdout),
    session.stderr && stderr && pipeline(session.stderr, stderr),
  ]);
}

async function followSize({ resize }: CommandContext, session: ExecSession | AttachSession): Promise<void> {
  for await (const size of resize) session.resize(size);
}
