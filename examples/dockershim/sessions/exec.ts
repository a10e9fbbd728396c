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
  const hasDetached = () => isCriError(signal.reason) && signal.reason.reason === "client_closed";
  return run(process, signal, hasDetached, async (socket) => {
    // A terminal's input must not end: the engine would drop its output from then on.
    stdin?.pipe(socket, { end: !tty });
    const copy = (output: typeof stdout, errors: typeof stderr) =>
      tty ? copyRaw(socket, output) : copyFrames(socket, { stdout: output, stderr: errors });
    await firstOutput(socket);
    if (!(await process.hasStarted())) {
      const report = new CollectedOutput({ leftBytes: outputLimitBytes });
      await copy(report, report);
      throw notStarted(containerId, report);
    }
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
  const what = { containerId, command, stdin: false, tty: false };
  const process = await ExecProcess.create(engine, what, caller);
  const stop = new AbortController();
  const cancel = () => stop.abort(caller.reason);
  const expire = () => stop.abort(timedOut(command, timeoutSeconds));
  const timer = setTimeout(
    expire,
    timeoutSeconds > 0 ? Math.min(timeoutSeconds * 1_000, longestMs) : longestMs,
  );
  caller.addEventListener("abort", cancel, { once: true });
  if (caller.aborted) cancel();
  try {
    return await run(
      process,
      stop.signal,
      () => false,
      async (socket) => {
        const room = { leftBytes: outputLimitBytes };
        const [stdout, stderr] = [new CollectedOutput(room), new CollectedOutput(room)];
        await copyFrames(socket, { stdout, stderr });
        const exitCode = await process.exitCode();
        if (exitCode !== 0 && !(await process.hasStarted())) throw notStarted(containerId, stdout);
        if (room.leftBytes < 0) throw tooLarge(outputLimitBytes - room.leftBytes);
        return { stdout: stdout.bytes, stderr: stderr.bytes, exitCode };
      },
    );
  } finally {
    clearTimeout(timer);
    caller.removeEventListener("abort", cancel);
  }
}

/** Starts a command and works with its connection. When the signal fires, kills the command, unless it may continue. */
async function run<T>(
  process: ExecProcess,
  signal: AbortSignal,
  mayContinue: () => boolean,
  work: (socket: Socket) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const socket = await process.start();
  // Errors come from reading; this one is for those that come while nothing reads.
  socket.on("error", () => undefined);
  const leave = () => socket.destroy();
  signal.addEventListener("abort", leave, { once: true });
  try {
    signal.throwIfAborted();
    return await work(socket);
  } catch (error) {
    if (!signal.aborted) throw error;
    // If the engine no longer answers, the process keeps running: only the engine knows its pid.
    if (!mayContinue()) await process.kill().catch(() => undefined);
    throw signal.reason;
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

/** The error for a command that the engine could not start, with what the engine has sent instead of the command's output. */
function notStarted(containerId: string, report: CollectedOutput): Error {
  const text = report.bytes.toString().trim();
  return criError("exec_not_started", `failed to start exec in container ${containerId}: ${text}`);
}

/** The end of the text is what clients look for, and so in the next error. */
function timedOut(command: readonly string[], seconds: number): Error {
  return criError(
    "exec_timeout",
    `command ${JSON.stringify(command)} timed out: timeout ${seconds}s exceeded`,
  );
}

function tooLarge(bytes: number): Error {
  const text = `the command's output: trying to send message larger than max (${bytes} vs. ${outputLimitBytes})`;
  return criError("output_too_large", text);
}
