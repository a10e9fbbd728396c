// Exec and ExecSync: commands in a running container.
import type { Socket } from "node:net";
import { isCriError } from "cri-sdk";
import { criError, type ExecContext } from "cri-sdk/server";
import type { Engine } from "../engine/client.js";
import { copyFrames, copyRaw } from "../engine/frames.js";
import { CollectedOutput } from "./collected-output.js";
import { ExecProcess } from "./exec-process.js";
import { followSizes } from "./terminal.js";

/** The limit of ExecSync's output, which has to fit into one message; the rest is dropped, and the call fails. */
const outputLimitBytes = 16 * 2 ** 20;
/** The longest time of a timer, about 25 days. */
const longestMs = 2 ** 31 - 1;

export interface ExecSyncResult {
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
  readonly exitCode: number;
}

/** Runs a command with a client's streams; resolves with its exit code. Kills it if the client disconnects, but not if it detaches. */
export async function exec(engine: Engine, context: ExecContext): Promise<number> {
  const { containerId, command, stdin, stdout, stderr, tty, signal } = context;
  const process = await ExecProcess.create(engine, { containerId, command, stdin: !!stdin, tty }, signal);
  void followSizes(context.resize, (size) => process.resize(size));
  return run(process, signal, async (socket) => {
    // A terminal's input must not end: the engine would drop its output from then on.
    stdin?.pipe(socket, { end: !tty });
    const copy = (output: typeof stdout, errors: typeof stderr) =>
      tty ? copyRaw(socket, output) : copyFrames(socket, { stdout: output, stderr: errors });
    await firstOutput(socket);
    await process.started(async () => {
      const report = new CollectedOutput({ leftBytes: outputLimitBytes });
      await copy(report, report);
      return report.bytes.toString();
    });
    await copy(stdout, stderr);
    return process.exitCode();
  });
}

/** Runs a command without input and returns its output. Kills it after `timeoutSeconds`, if not 0, and when the caller cancels. */
export async function execSync(
  engine: Engine,
  containerId: string,
  command: readonly string[],
  timeoutSeconds: number,
  caller: AbortSignal,
): Promise<ExecSyncResult> {
  const process = await ExecProcess.create(
    engine,
    { containerId, command, stdin: false, tty: false },
    caller,
  );
  const stop = new AbortController();
  const cancel = () => stop.abort(caller.reason);
  caller.addEventListener("abort", cancel, { once: true });
  const expire = () =>
    stop.abort(
      // The second half is what clients look for.
      criError(
        "exec_timeout",
        `command ${JSON.stringify(command)} timed out: timeout ${timeoutSeconds}s exceeded`,
      ),
    );
  const timer =
    timeoutSeconds > 0 ? setTimeout(expire, Math.min(timeoutSeconds * 1_000, longestMs)) : undefined;
  try {
    if (caller.aborted) cancel();
    return await run(process, stop.signal, async (socket) => {
      const room = { leftBytes: outputLimitBytes };
      const [stdout, stderr] = [new CollectedOutput(room), new CollectedOutput(room)];
      await copyFrames(socket, { stdout, stderr });
      await process.started(() => stdout.bytes.toString());
      const exitCode = await process.exitCode();
      if (room.leftBytes < 0)
        throw criError(
          "output_too_large",
          `the command's output is larger than max (${outputLimitBytes - room.leftBytes} vs. ${outputLimitBytes})`,
        );
      return { stdout: stdout.bytes, stderr: stderr.bytes, exitCode };
    });
  } finally {
    clearTimeout(timer);
    caller.removeEventListener("abort", cancel);
  }
}

/** Starts a command and works with its connection. When the signal fires, kills the command, unless the client has detached. */
async function run<T>(
  process: ExecProcess,
  signal: AbortSignal,
  work: (socket: Socket) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const socket = await process.start();
  const leave = () => socket.destroy();
  signal.addEventListener("abort", leave, { once: true });
  // Errors come from reading; this one is for those that come while nothing reads.
  socket.on("error", () => undefined);
  try {
    signal.throwIfAborted();
    return await work(socket);
  } catch (error) {
    if (!signal.aborted) throw error;
    const { reason } = signal;
    const hasDetached = isCriError(reason) && reason.reason === "client_closed";
    // An engine that does not answer leaves it running: nothing else knows the process.
    if (!hasDetached) await process.kill().catch(() => undefined);
    throw reason;
  } finally {
    signal.removeEventListener("abort", leave);
    socket.destroy();
  }
}

/** Waits for the first output, or for the end. */
async function firstOutput(socket: Socket): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = () => {
      socket.off("readable", done).off("close", done);
      resolve();
    };
    socket.on("readable", done).on("close", done);
  });
}
