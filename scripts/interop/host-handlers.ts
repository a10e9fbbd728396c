import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { constants } from "node:os";
import { pipeline } from "node:stream/promises";
import type {
  CommandContext,
  ExecContext,
  PortForwardContext,
  StreamingHandlers,
} from "../../src/server/index.js";

/** The time between SIGTERM and SIGKILL for a command whose client disconnected, in milliseconds. */
const killDelayMs = 2_000;

/** Returns handlers that use this machine as the container and the pod: commands run here, ports are on 127.0.0.1. */
export function hostHandlers(attachTo: readonly string[]): StreamingHandlers {
  return {
    exec: runCommand,
    async attach(context) {
      await runCommand({ ...context, command: attachTo });
    },
    portForward,
  };
}

async function runCommand(context: ExecContext): Promise<number> {
  if (context.tty) return fakeTerminal(context);
  const { command, stdin, stdout, stderr, signal } = context;
  const [file = "", ...args] = command;
  // In its own process group, as a runtime starts it.
  const child = spawn(file, args, { stdio: ["pipe", "pipe", "pipe"], detached: true });
  await once(child, "spawn");
  const kill = () => void terminate(child);
  signal.addEventListener("abort", kill, { once: true });
  try {
    // A closed stdin or a disconnected client ends the copying only; the exit code still comes from the command.
    if (stdin) stdin.pipe(child.stdin).on("error", () => stdin.unpipe().resume());
    else child.stdin.end();
    if (stdout) child.stdout.pipe(stdout, { end: false });
    else child.stdout.resume();
    if (stderr) child.stderr.pipe(stderr, { end: false });
    else child.stderr.resume();
    const [code, killedBy] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
    return code ?? 128 + (killedBy ? constants.signals[killedBy] : 0);
  } finally {
    signal.removeEventListener("abort", kill);
  }
}

async function terminate(child: ChildProcess): Promise<void> {
  // Drain the remaining output: the command must not block on a full pipe.
  child.stdout?.resume();
  child.stderr?.resume();
  signalGroup(child, "SIGTERM");
  const timer = setTimeout(() => signalGroup(child, "SIGKILL"), killDelayMs);
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  clearTimeout(timer);
}

function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch {
    // The group has already exited.
  }
}

/** Imitates a terminal, since Node cannot open one: prints its sizes and echoes the input until ^D. */
async function fakeTerminal({ stdin, stdout, resize }: CommandContext): Promise<number> {
  const sizes = (async () => {
    for await (const { columns, rows } of resize) stdout?.write(`size ${columns}x${rows}\r\n`);
  })();
  void sizes;
  for await (const part of stdin ?? []) {
    stdout?.write(`typed ${JSON.stringify(String(part))}\r\n`);
    if (String(part).includes("\x04")) break;
  }
  return 7;
}

async function portForward({ connection, port, signal }: PortForwardContext): Promise<void> {
  const upstream = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
  signal.addEventListener("abort", () => upstream.destroy(), { once: true });
  await once(upstream, "connect");
  await Promise.all([pipeline(connection, upstream), pipeline(upstream, connection)]);
}
