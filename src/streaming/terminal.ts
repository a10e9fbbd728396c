import { finished, type Readable, type Writable } from "node:stream";
import { checkArgument, type OptionCheck, OptionTable, onProcessExit, option } from "../core/index.js";
import { DetachKeys } from "./detach-keys.js";
import { isTerminalSize } from "./resize.js";
import type { Session } from "./session.js";

/** The parts of a process that a terminal needs; `process` has them. */
export interface TerminalProcess {
  /** As `process.stdin`. */
  readonly stdin: NodeJS.ReadStream;
  /** As `process.stdout`. */
  readonly stdout: NodeJS.WriteStream;
  /** As `process.stderr`. */
  readonly stderr: NodeJS.WriteStream;
}

/** Options of {@link attachTerminal}. */
export interface TerminalOptions {
  /**
   * Bytes that detach from the session when they are typed in sequence: `"\x10\x11"` is the ^P ^Q of other container tools. What
   * happens to the command: docs/exec.md.
   * @default none
   */
  readonly detachKeys?: string | undefined;
}

const terminalTable = new OptionTable<TerminalOptions>({ detachKeys: option.string });

const sessionCheck: OptionCheck<Session> = (value) =>
  typeof value === "object" && value !== null && "ended" in value && "detach" in value
    ? undefined
    : "must be a session of exec or attach";

const terminalCheck: OptionCheck<TerminalProcess> = (value) =>
  typeof value === "object" && value !== null && "stdin" in value && "stdout" in value && "stderr" in value
    ? undefined
    : "must have stdin, stdout and stderr, as `process` has";

/**
 * Connects a session to the terminal of this process. Resolves when the session's output has ended. If the session has `tty`, the
 * terminal is in raw mode meanwhile, and each change of its size is sent to the session.
 *
 * Restores the terminal at the end of the session, after an error, when this process exits (also with an exception), and when
 * SIGINT, SIGTERM, SIGHUP or SIGQUIT end it. If the program itself listens to one of these signals, the terminal is restored when
 * the program exits. Other signals that end or stop a process, such as SIGKILL and SIGSTOP, leave the terminal in raw mode.
 *
 * The session's `ended` has the exit code. Rejects with the error of the session's output; immediately if the session has
 * already failed.
 */
export async function attachTerminal(
  session: Session,
  terminal: TerminalProcess = process,
  options: TerminalOptions = {},
): Promise<void> {
  checkArgument("attachTerminal", "session", session, sessionCheck);
  checkArgument("attachTerminal", "terminal", terminal, terminalCheck);
  terminalTable.check("attachTerminal", options);
  const { detachKeys } = options;
  const { stdin, stdout, stderr } = terminal;
  const undo: (() => void)[] = [];
  const restore = () => {
    for (const step of undo.splice(0).reverse()) step();
  };
  undo.push(onProcessEnd(restore));
  try {
    if (session.tty && stdin.isTTY) enterRawMode(stdin, undo);
    if (session.tty && stdout.isTTY) followSize(session, stdout, undo);
    if (session.stdin) {
      const filter = detachKeys
        ? new DetachKeys(Buffer.from(detachKeys, "latin1"), () => void session.detach())
        : undefined;
      forward(stdin, session.stdin, undo, filter);
    }
    await Promise.all([show(session.stdout, stdout), show(session.stderr, stderr)]);
  } finally {
    restore();
  }
}

function enterRawMode(stdin: NodeJS.ReadStream, undo: (() => void)[]): void {
  const before = stdin.isRaw;
  stdin.setRawMode(true);
  undo.push(() => stdin.setRawMode(before));
}

function followSize(session: Session, stdout: NodeJS.WriteStream, undo: (() => void)[]): void {
  const onResize = () => {
    const { columns, rows } = stdout;
    if (isTerminalSize({ columns, rows })) session.resize({ columns, rows });
  };
  onResize();
  stdout.on("resize", onResize);
  undo.push(() => stdout.removeListener("resize", onResize));
}

function forward(from: Readable, to: Writable, undo: (() => void)[], filter: DetachKeys | undefined): void {
  const onData = (chunk: Buffer) => {
    const bytes = filter ? filter.take(chunk) : chunk;
    if (bytes.byteLength > 0 && !to.write(bytes)) from.pause();
  };
  const onDrain = () => void from.resume();
  const onEnd = () => void to.end();
  const wasFlowing = from.readableFlowing === true;
  // An input that has already ended emits no `end` for late listeners.
  if (from.readableEnded || from.destroyed) onEnd();
  from.on("data", onData);
  from.once("end", onEnd);
  to.on("drain", onDrain);
  undo.push(() => {
    from.removeListener("data", onData);
    from.removeListener("end", onEnd);
    to.removeListener("drain", onDrain);
    // A flowing standard input keeps the process alive.
    if (!wasFlowing) from.pause();
  });
}

/** Resolves when the output has ended and was written. Never ends the standard output. */
function show(output: Readable | undefined, to: Writable): Promise<void> {
  if (!output) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const resume = () => void output.resume();
    output.on("data", (chunk: Buffer) => {
      if (!to.write(chunk)) output.pause();
    });
    to.on("drain", resume);
    // Also calls back for an output that has already ended.
    finished(output, { writable: false }, () => {
      to.removeListener("drain", resume);
      if (output.errored) reject(output.errored);
      else resolve();
    });
  });
}

/** Signals that end this process without an `exit` event. Node itself restores the terminal at SIGINT and SIGTERM. */
const fatalSignals = ["SIGHUP", "SIGQUIT"] as const;

const callbacks = new Set<() => void>();

/** Calls back once when this process exits and when SIGHUP or SIGQUIT end it. Returns a function that removes the callback. */
function onProcessEnd(callback: () => void): () => void {
  if (callbacks.size === 0) for (const signal of fatalSignals) process.on(signal, onSignal);
  callbacks.add(callback);
  const removeExitCallback = onProcessExit(callback);
  return () => {
    removeExitCallback();
    if (callbacks.delete(callback) && callbacks.size === 0)
      for (const signal of fatalSignals) process.removeListener(signal, onSignal);
  };
}

function onSignal(signal: NodeJS.Signals): void {
  // A program with its own listener may continue to use its terminal. If it exits, the exit callback restores the terminal.
  if (process.listenerCount(signal) > 1) return;
  // Each callback removes itself.
  for (const callback of [...callbacks]) callback();
  // Without a listener, the signal has its default effect.
  process.kill(process.pid, signal);
}
