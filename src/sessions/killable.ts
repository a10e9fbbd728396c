import { randomBytes } from "node:crypto";
import type { Readable, Writable } from "node:stream";
import type { RuntimeClient } from "../clients/index.js";
import { CriError, checkTimeout, invalidOption, isCriError, Lifeline, sleep } from "../core/index.js";
import {
  type CommandExit,
  closedEarly,
  type ExecSession,
  type StreamingTransport,
  type TerminalSize,
} from "../streaming/index.js";
import { type Mark, MarkedOutput } from "./marked-output.js";
import type { ExecOptions, KillableSession } from "./options.js";

/** What a command that can be killed is started by. */
const shell = "/bin/sh";
/** What comes instead of a process id. */
const notFound = "not found";
/** How long a command may take to tell its process id, and after a kill to be seen to end, in milliseconds. */
const endMs = 10_000;
const killSeconds = 10n;

/** Tells the shell's process id after a mark, and becomes the command, which keeps the id; or that it cannot. */
const startScript = (tell: string) =>
  `command -v -- "$1" >/dev/null 2>&1 || { ${tell} "$0" "${notFound}"; exit 127; }; ${tell} "$0" "$$"; exec "$@"`;
/** An exec'd process leads a group of its own; where it does not, it is told alone. */
const killScript =
  'kill -s "$1" -- "-$2" 2>/dev/null || kill -s "$1" "$2" 2>/dev/null || ! kill -0 "$2" 2>/dev/null';

/** Opens a plain session. */
export type OpenExec = (command: readonly string[], options: ExecOptions) => Promise<ExecSession>;

/** Runs a command in such a way that another command can end it. */
export async function execKillable(
  runtime: RuntimeClient,
  containerId: string,
  command: readonly string[],
  options: ExecOptions,
  open: OpenExec,
): Promise<KillableSession> {
  const { stdout = true, tty = false, stderr = !tty, signal } = options;
  if (!command[0]) throw noCommand();
  if (!stdout && !stderr)
    throw invalidOption("kill", true, "needs stdout or stderr, on which the process id comes");
  const lifeline = new Lifeline(checkTimeout(options.timeoutMs), signal);
  if (lifeline.stopped) throw lifeline.stopped;
  const mark = `cri-sdk-${randomBytes(8).toString("hex")}:`;
  const tell = `printf "%s%s\\n" ${stdout ? "" : ">&2"}`;
  const wrapped = [shell, "-c", startScript(tell), mark, ...command];
  // The session itself must outlast its signal and its deadline, until the command is ended.
  const opening = open(wrapped, { ...options, signal: undefined, timeoutMs: undefined });
  const made = (session: ExecSession) =>
    new Killable(session, runtime, containerId, mark, command[0] ?? "", lifeline);
  try {
    return made(await lifeline.race(opening));
  } catch (error) {
    lifeline.end();
    // One that comes too late ends its command by itself.
    if (lifeline.stopped) void opening.then(made, () => undefined);
    throw error;
  }
}

class Killable implements KillableSession {
  readonly stdin: Writable | undefined;
  readonly stdout: Readable | undefined;
  readonly stderr: Readable | undefined;
  readonly exit: Promise<CommandExit>;
  readonly started: Promise<boolean>;
  readonly #session: ExecSession;
  readonly #runtime: RuntimeClient;
  readonly #containerId: string;
  readonly #program: string;
  readonly #lifeline: Lifeline;
  readonly #marked: MarkedOutput;
  /** Why the command is being ended from here, and the work of it. */
  #ending: { why: CriError; readonly work: Promise<void> } | undefined;
  #over = false;

  constructor(
    session: ExecSession,
    runtime: RuntimeClient,
    containerId: string,
    mark: string,
    program: string,
    lifeline: Lifeline,
  ) {
    this.#program = program;
    this.#session = session;
    this.#runtime = runtime;
    this.#containerId = containerId;
    this.#lifeline = lifeline;
    const source = session.stdout ?? session.stderr;
    if (!source) throw new TypeError("a session that can be killed has an output");
    this.#marked = new MarkedOutput(source, mark);
    this.started = this.#marked.mark.then((mark) => pidOf(mark) !== undefined);
    this.stdin = session.stdin;
    this.stdout = session.stdout && this.#marked;
    this.stderr = session.stdout ? session.stderr : this.#marked;
    this.exit = this.#untilExit();
    this.exit.catch(() => undefined);
    if (lifeline.stopped) void this.#stop(lifeline.stopped);
    else lifeline.onStop({ cancel: (error) => void this.#stop(error) });
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
    const pid = await this.#pid();
    if (pid === undefined || this.#over) return;
    const { exitCode, stderr } = await this.#runtime.execSync({
      containerId: this.#containerId,
      cmd: [shell, "-c", killScript, "sh", signal.replace(/^SIG/, ""), pid],
      timeout: killSeconds,
    });
    if (exitCode === 0) return;
    const why = Buffer.from(stderr).toString("utf8").trim() || `kill ended with ${exitCode}`;
    const text = `the command could not be sent ${signal}: ${why}`;
    throw new CriError({ code: "failed_precondition", reason: "runtime_error", text });
  }

  async close(): Promise<void> {
    if (!this.#over) await this.#stop(closedEarly());
    await this.#session.close();
  }

  detach(): Promise<void> {
    return this.#session.detach();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** The process id, once the command has told it; undefined when it never will. */
  #pid(): Promise<string | undefined> {
    const stop = new AbortController();
    const never = sleep(endMs, stop.signal).then(
      () => undefined,
      () => undefined,
    );
    return Promise.race([this.#marked.mark.then(pidOf), never]).finally(() => stop.abort());
  }

  async #untilExit(): Promise<CommandExit> {
    const outcome = await this.#session.exit.then(
      (exit) => ({ exit, error: undefined }),
      (error: unknown) => ({ exit: undefined, error }),
    );
    this.#over = true;
    this.#lifeline.end();
    if (this.#ending) {
      await this.#ending.work;
      throw this.#ending.why;
    }
    if (!outcome.exit) throw outcome.error;
    if (outcome.exit.exitCode !== 0) this.#checkStart(outcome.exit, await this.#marked.mark);
    return outcome.exit;
  }

  /** What the runtime itself says of a program that is not there; of a shell that is not, CRI-O says just this. */
  #checkStart({ exitCode, signal }: CommandExit, mark: Mark): void {
    if (exitCode === 127 && mark.kind === "found" && mark.value === notFound)
      throw notStarted(`the container has no program ${JSON.stringify(this.#program)} that can be executed`);
    // A shell that was killed was there; and CRI-O may lose all that little which came on a terminal.
    if (mark.kind === "absent" && signal === undefined && (mark.bytes > 0 || !this.tty))
      throw notStarted(`the container has no ${shell} that starts the command; the exit code is ${exitCode}`);
  }

  #stop(why: CriError): Promise<void> {
    if (!this.#ending) {
      this.#ending = { why, work: Promise.resolve().then(() => this.#end()) };
      // Ours end at once, as those of any session do; the command's end is waited for.
      this.stdout?.destroy(why);
      this.stderr?.destroy(why);
    }
    return this.#ending.work;
  }

  async #end(): Promise<void> {
    const stop = new AbortController();
    try {
      await this.kill();
      const seen = this.#session.exit.then(
        () => undefined,
        () => undefined,
      );
      await Promise.race([seen, sleep(endMs, stop.signal).catch(() => undefined)]);
    } catch (error) {
      const ending = this.#ending;
      const failure = error instanceof Error ? error.message : String(error);
      if (ending) ending.why = ending.why.with({ hint: `The command may still run: ${failure}` });
    } finally {
      stop.abort();
      await this.#session.close();
    }
  }
}

function noCommand(): CriError {
  const message = "the command must not be empty";
  return new CriError({
    code: "invalid_argument",
    reason: "invalid_request",
    text: `refused before sending: cmd: ${message}`,
    problems: [{ path: "cmd", message }],
  });
}

function notStarted(text: string): CriError {
  return new CriError({ code: "failed_precondition", reason: "exec_not_started", text });
}

/** Whether a command was not started for want of a shell. */
export function lacksShell(error: unknown): boolean {
  return isCriError(error) && error.reason === "exec_not_started" && error.text.includes(shell);
}

/** The process id that a command told; undefined where it told none. */
function pidOf(mark: Mark): string | undefined {
  return mark.kind === "found" && mark.value !== notFound ? mark.value : undefined;
}
