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

/** How long a command whose client left may take to end, before it is killed for good. */
const killMs = 2_000;

/** Handlers for which this machine is the container and the pod: commands run here, ports are those of 127.0.0.1. */
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
  // In a group of its own, as a runtime starts it.
  const child = spawn(file, args, { stdio: ["pipe", "pipe", "pipe"], detached: true });
  await once(child, "spawn");
  const kill = () => void end(child);
  signal.addEventListener("abort", kill, { once: true });
  try {
    // A command that closes its input, or a client that leaves, ends a copy; how the command ends is another matter.
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

async function end(child: ChildProcess): Promise<void> {
  // Nobody reads what it still says.
  child.stdout?.resume();
  child.stderr?.resume();
  signalGroup(child, "SIGTERM");
  const timer = setTimeout(() => signalGroup(child, "SIGKILL"), killMs);
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  clearTimeout(timer);
}

function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch {
    // It has ended meanwhile.
  }
}

/** Node opens no terminals. This one tells its sizes, and gives back what is typed, until a ^D. */
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
