import { randomBytes } from "node:crypto";
import type { Readable, Writable } from "node:stream";
import type { RuntimeClient } from "../clients/index.js";
import {
  CancellationScope,
  type CriError,
  checkArgument,
  checkTimeout,
  criError,
  invalidOption,
  isCriError,
  option,
  raceAbort,
  withDeadline,
} from "../core/index.js";
import {
  type CommandExit,
  type ExecSession,
  type StreamingTransport,
  sessionClosed,
  type TerminalSize,
} from "../streaming/index.js";
import { MarkedOutput, type MarkerResult } from "./marked-output.js";
import type { ExecOptions, KillableSession } from "./options.js";
import { parseStart, type StartRefusal, shell, startScript } from "./start-script.js";

/** The limit for a kill, including the time until the process id arrives and until the command has ended, in milliseconds. */
const killMs = 10_000;
/** The limit for the kill script, in seconds. */
const killSeconds = 5n;

/** Signals the command's process group; if the command does not lead one, only the command itself. */
const killScript =
  'kill -s "$1" -- "-$2" 2>/dev/null || kill -s "$1" "$2" 2>/dev/null || ! kill -0 "$2" 2>/dev/null';

/** Opens a session without `killOnClose`. */
export type OpenExec = (command: readonly string[], options: ExecOptions) => Promise<ExecSession>;

/** How commands are killed. */
export interface Kills {
  /** The client for the second command, which kills. */
  readonly runtime: RuntimeClient;
  /** Called with each kill that begins in the background; it never rejects. */
  readonly onKill: (kill: Promise<void>) => void;
}

/** Runs a command in such a way that a second command can kill it. */
export async function execKillable(
  kills: Kills,
  containerId: string,
  command: readonly string[],
  options: ExecOptions,
  open: OpenExec,
): Promise<KillableSession> {
  const { stdout = true, tty = false, stderr = !tty, signal } = options;
  const [program] = command;
  if (!program) throw noCommand();
  if (!stdout && !stderr)
    throw invalidOption("killOnClose", true, "requires stdout or stderr, on which the process id arrives");
  const scope = new CancellationScope(checkTimeout(options.timeoutMs), signal);
  if (scope.stopped) throw scope.stopped;
  const marker = `cri-sdk-${randomBytes(8).toString("hex")}:`;
  const wrapped = [shell, "-c", startScript(stdout ? "stdout" : "stderr"), marker, ...command];
  // The session itself must outlive its signal and its deadline until the command has been killed.
  const opening = open(wrapped, { ...options, signal: undefined, timeoutMs: undefined });
  const wrap = (session: ExecSession) =>
    new KillableCommand(session, { ...kills, containerId, marker, program }, scope);
  try {
    return wrap(await scope.race(opening));
  } catch (error) {
    scope.end();
    // A session that opens late kills its command, since its scope has been stopped.
    if (scope.stopped) void opening.then(wrap, () => undefined);
    throw error;
  }
}

interface KillableInit extends Kills {
  readonly containerId: string;
  /** The beginning of the output line with the process id. */
  readonly marker: string;
  readonly program: string;
}

class KillableCommand implements KillableSession {
  readonly stdin: Writable | undefined;
  readonly stdout: Readable | undefined;
  readonly stderr: Readable | undefined;
  readonly ended: Promise<CommandExit>;
  readonly started: Promise<boolean>;
  readonly #session: ExecSession;
  readonly #init: KillableInit;
  readonly #scope: CancellationScope;
  readonly #marked: MarkedOutput;
  /** Set when this side ends the command: resolves when the command was killed, or after {@link killMs}. */
  #killing: Promise<void> | undefined;
  #isOver = false;
  #rejectEnded: (error: CriError) => void = () => undefined;

  constructor(session: ExecSession, init: KillableInit, scope: CancellationScope) {
    this.#session = session;
    this.#init = init;
    this.#scope = scope;
    const source = session.stdout ?? session.stderr;
    if (!source) throw new TypeError("the session has no output");
    this.#marked = new MarkedOutput(source, init.marker);
    this.started = this.#marked.marker.then((result) => pidOf(result) !== undefined);
    this.stdin = session.stdin;
    this.stdout = session.stdout && this.#marked;
    this.stderr = session.stdout ? session.stderr : this.#marked;
    const stopped = new Promise<never>((_, reject) => {
      this.#rejectEnded = reject;
    });
    this.ended = Promise.race([this.#waitForEnd(), stopped]);
    this.ended.catch(() => undefined);
    if (scope.stopped) void this.#stop(scope.stopped);
    else scope.onStop({ cancel: (error) => void this.#stop(error) });
  }

  get tty(): boolean {
    return this.#session.tty;
  }

  get transport(): StreamingTransport {
    return this.#session.transport;
  }

  get protocol(): string {
    return this.#session.protocol;
  }

  resize(size: TerminalSize): void {
    this.#session.resize(size);
  }

  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    checkArgument("kill", "signal", signal, option.string);
    return withDeadline({ timeoutMs: killMs }, (deadline) => this.#kill(signal, deadline));
  }

  async #kill(name: NodeJS.Signals, signal: AbortSignal): Promise<void> {
    const pid = pidOf(await raceAbort(this.#marked.marker, signal));
    if (pid === undefined || this.#isOver) return;
    const request = {
      containerId: this.#init.containerId,
      cmd: [shell, "-c", killScript, "sh", name.replace(/^SIG/, ""), pid],
      timeout: killSeconds,
    };
    const sent = this.#init.runtime.execSync(request, { signal });
    const { exitCode, stderr } = await raceAbort(sent, signal);
    if (exitCode === 0) return;
    const message = Buffer.from(stderr).toString("utf8").trim() || `kill exited with ${exitCode}`;
    const text = `${name} could not be sent to the command: ${message}`;
    throw criError("runtime_error", text, { code: "failed_precondition" });
  }

  async close(): Promise<void> {
    if (!this.#isOver) await this.#stop(sessionClosed());
    await this.#session.close();
  }

  detach(): Promise<void> {
    return this.#session.detach();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #waitForEnd(): Promise<CommandExit> {
    try {
      const exit = await this.#session.ended;
      if (exit.exitCode !== 0) this.#checkStarted(exit, await this.#marked.marker);
      return exit;
    } finally {
      this.#isOver = true;
      this.#scope.end();
    }
  }

  /** Throws `exec_not_started` for a missing program, and for a missing shell, for which CRI-O only returns an exit code. */
  #checkStarted({ exitCode, signal }: CommandExit, marker: MarkerResult): void {
    const { program } = this.#init;
    const start = parseStart(this.#marked.second ?? (marker.kind === "found" ? marker.value : ""));
    if ("refusal" in start) throw refused(start.refusal, program, exitCode);
    // A shell that was killed exists. On a terminal, CRI-O may lose a short output, so an empty output proves nothing.
    if (marker.kind === "absent" && signal === undefined && (marker.bytes > 0 || !this.tty))
      throw notStarted(`the container has no ${shell} to start the command; the exit code is ${exitCode}`);
  }

  /** Ends the session at once, and kills the command in the background. Resolves when it was killed, or after {@link killMs}. */
  #stop(error: CriError): Promise<void> {
    if (this.#killing === undefined) {
      this.#killing = this.#killAndClose();
      this.#init.onKill(this.#killing);
    }
    this.#rejectEnded(error);
    this.stdout?.destroy(error);
    this.stderr?.destroy(error);
    return this.#killing;
  }

  async #killAndClose(): Promise<void> {
    try {
      await withDeadline({ timeoutMs: killMs }, async (signal) => {
        await this.#kill("SIGKILL", signal);
        await raceAbort(this.#session.ended, signal);
      });
    } catch {
      // Neither the end of the session nor a failure to kill the command has another receiver: `ended` has been rejected.
    } finally {
      await this.#session.close();
    }
  }
}

function refused(refusal: StartRefusal, program: string, exitCode: number): CriError {
  const name = JSON.stringify(program);
  switch (refusal) {
    case "missing":
      return notStarted(`the container has no executable program ${name}`);
    case "denied":
      return notStarted(`${name} is not an executable file`);
    case "format":
      return notStarted(`${name} is neither a program of the container's own kind nor a script for one`).with(
        {
          hint: "If the kernel executes it nevertheless, pass `killOnClose: false`",
        },
      );
    case "exec":
      return notStarted(`the container cannot execute ${name}; the exit code is ${exitCode}`);
  }
}

function noCommand(): CriError {
  const message = "must not be empty";
  return criError("invalid_request", `refused before sending: cmd: ${message}`, {
    problems: [{ path: "cmd", message }],
  });
}

function notStarted(text: string): CriError {
  return criError("exec_not_started", text);
}

/** Reports whether a command was not started because the container has no shell. */
export function isShellMissing(error: unknown): boolean {
  return isCriError(error) && error.reason === "exec_not_started" && error.rawMessage.includes(shell);
}

/** Returns the process id that the start script printed. */
function pidOf(marker: MarkerResult): string | undefined {
  const start = marker.kind === "found" ? parseStart(marker.value) : undefined;
  return start && "pid" in start ? start.pid : undefined;
}
