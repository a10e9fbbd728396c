// The RPCs that return a streaming URL, and the streaming server behind the URLs.
import { Readable } from "node:stream";
import { onAbort } from "../../../core/index.js";
import {
  type AttachContext,
  type CommandContext,
  createStreamingServer,
  type ExecContext,
  type PortForwardContext,
  type RuntimeImplementation,
  type StreamingHandlers,
  type StreamingServer,
} from "../../../server/index.js";
import { DetachKeys, type TerminalSize } from "../../../streaming/index.js";
import { runningProcess, startCommand } from "../exec.js";
import type { RuntimeState } from "../runtime-state.js";
import { copyStream, joinConnections } from "../stream-copy.js";

/** Exec, Attach and PortForward. The streaming server is started by the first of these calls. */
export class StreamingRpcs {
  readonly #state: RuntimeState;
  #server: Promise<StreamingServer> | undefined;

  constructor(state: RuntimeState) {
    this.#state = state;
  }

  service() {
    const state = this.#state;
    const { containers, sandboxes, errors, profile } = state;
    const checksCalls = profile.sessionChecks === "in the call";
    return {
      exec: async (request) => {
        const container = containers.get(request.containerId);
        const server = await this.#startedServer();
        if (checksCalls) runningProcess(state, container);
        return server.exec({ ...request, containerId: container.id });
      },
      attach: async (request) => {
        const container = containers.get(request.containerId);
        const server = await this.#startedServer();
        if (checksCalls) runningProcess(state, container);
        return server.attach({ ...request, containerId: container.id });
      },
      portForward: async ({ podSandboxId, port }) => {
        const server = await this.#startedServer();
        if (!checksCalls) return server.portForward({ podSandboxId, port });
        const sandbox = sandboxes.get(podSandboxId);
        if (!sandbox.isReady) throw errors.wrongState("sandbox container is not running");
        return server.portForward({ podSandboxId: sandbox.id, port });
      },
    } satisfies RuntimeImplementation;
  }

  /** Ends all sessions. A later call starts a new server. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    await (await server)?.close();
  }

  #startedServer(): Promise<StreamingServer> {
    this.#server ??= createStreamingServer(sessionHandlers(this.#state));
    return this.#server;
  }
}

function sessionHandlers(state: RuntimeState): StreamingHandlers {
  return {
    async exec(context: ExecContext) {
      const container = state.containers.get(context.containerId);
      runningProcess(state, container);
      const { tty, stdin, stdout, stderr, signal } = context;
      const sizes = tty ? new LatestSize(context.resize) : undefined;
      await sizes?.known;
      const options = { tty, stdin: stdin !== undefined, size: sizes?.current };
      const process = await startCommand(state, container, context.command, options);
      // When the client disconnects, the command is killed: its output could not be delivered.
      const removeCallback = onAbort(signal, () => process.kill("SIGKILL"));
      sizes?.onChange((size) => process.resize(size));
      if (stdin && process.stdin) void copyStream(stdin, process.stdin);
      await Promise.all([
        copyOutput(process.stdout, stdout),
        process.stderr ? copyOutput(process.stderr, tty ? stdout : stderr) : undefined,
      ]);
      removeCallback();
      return (await process.exit).exitCode & 255;
    },

    async attach(context: AttachContext) {
      const container = state.containers.get(context.containerId);
      // A process that exited since the RPC has no more output; that is not a failure.
      const isRefused = state.profile.sessionChecks === "on the stream" && !container.isRunning;
      const main = isRefused ? runningProcess(state, container) : container.main;
      if (!main) throw state.errors.wrongState(`container is in ${container.stateName} state`);
      const detach = main.attach({ stdout: context.stdout, stderr: context.stderr });
      if (context.tty) new LatestSize(context.resize).onChange((size) => main.resize(size));
      let end = () => {};
      const ended = new Promise<void>((resolve) => {
        end = resolve;
      });
      const removeCallback = onAbort(context.signal, end);
      // Without stdin_once, the process's input stays open after the session.
      if (context.stdin && main.stdin) {
        const keys = context.tty && state.profile.detachKeys ? new DetachKeys(ctrlPCtrlQ, end) : undefined;
        const input = keys ? Readable.from(withoutDetachKeys(context.stdin, keys)) : context.stdin;
        void copyStream(input, main.stdin, { end: container.config.stdinOnce });
      }
      await Promise.race([main.exit, ended]);
      removeCallback();
      detach();
    },

    async portForward({ podSandboxId, port, connection, signal }: PortForwardContext) {
      // CRI-O ends the connection of a pod that is missing or stopped, without an error.
      if (state.profile.sessionChecks === "on the stream" && !state.sandboxes.find(podSandboxId)?.isReady)
        return;
      const { pod, traffic } = state.sandboxes.get(podSandboxId);
      const toPod = await state.driver.connect(pod, port);
      const removeCallback = onAbort(signal, () => toPod.destroy());
      await joinConnections(connection, toPod, traffic);
      removeCallback();
    },
  };
}

const ctrlPCtrlQ = Buffer.from([0x10, 0x11]);

async function* withoutDetachKeys(stdin: Readable, keys: DetachKeys): AsyncGenerator<Buffer> {
  for await (const chunk of stdin as AsyncIterable<Buffer>) yield keys.take(chunk);
}

/** Copies an output. Reads it even if the client did not request it, so that the command is not stalled. */
async function copyOutput(source: Readable, target: CommandContext["stdout"]): Promise<void> {
  if (target) await copyStream(source, target, { end: false });
  else for await (const _ of source.iterator({ destroyOnReturn: false }));
}

/** How long an exec waits for the first size of its terminal: programs that read it only once would miss a later one. */
const firstSizeTimeoutMs = 100;

/** The latest size of a client's terminal. */
class LatestSize {
  /** Resolves when the first size has arrived, or after a timeout. Never rejects. */
  readonly known: Promise<void>;
  current: TerminalSize | undefined;
  #callback: ((size: TerminalSize) => void) | undefined;

  constructor(sizes: AsyncIterable<TerminalSize>) {
    this.known = new Promise((resolve) => {
      const timer = setTimeout(resolve, firstSizeTimeoutMs);
      void this.#follow(sizes, () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** Calls back with the current size, if there is one, and with each later one. */
  onChange(callback: (size: TerminalSize) => void): void {
    this.#callback = callback;
    if (this.current) callback(this.current);
  }

  async #follow(sizes: AsyncIterable<TerminalSize>, onKnown: () => void): Promise<void> {
    for await (const size of sizes) {
      this.current = size;
      this.#callback?.(size);
      onKnown();
    }
    onKnown();
  }
}
