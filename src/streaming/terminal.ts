import { finished, type Readable, type Writable } from "node:stream";
import type { Session } from "./command.js";
import { isTerminalSize } from "./resize.js";
import { beforeEnd } from "./terminal-undo.js";

/** What a terminal needs of this process: `process` fits. */
export interface TerminalProcess {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}

/** How a session is wired to a terminal. */
export interface TerminalOptions {
  /**
   * Bytes that, typed one after the other, leave the session: `"\x10\x11"` is the ^P ^Q of other container tools. What
   * the command does then: docs/exec.md.
   * @default none
   */
  readonly detachKeys?: string | undefined;
}

/**
 * Wires a session to the terminal of this process, and resolves when the session's output has ended. With a session
 * that was opened with `tty`, the terminal is in raw mode meanwhile, and each change of its size is passed on.
 *
 * Afterwards the terminal is as it was before: at the session's end, on an error, when this process exits (also by an
 * exception), and when SIGINT, SIGTERM, SIGHUP or SIGQUIT end it. A program that listens to one of these decides itself
 * what becomes of it, and has to exit. Other signals that end or stop a process, such as SIGKILL and SIGSTOP, leave the
 * terminal in raw mode.
 *
 * How the command ended comes from the session's `exit`. Rejects with the error of the session's output, at once where
 * the session has failed before.
 */
export async function attachTerminal(
  session: Session,
  terminal: TerminalProcess = process,
  { detachKeys }: TerminalOptions = {},
): Promise<void> {
  const { stdin, stdout, stderr } = terminal;
  const undo: (() => void)[] = [];
  const restore = () => {
    for (const step of undo.splice(0).reverse()) step();
  };
  undo.push(beforeEnd(restore));
  try {
    if (session.tty && stdin.isTTY) enterRawMode(stdin, undo);
    if (session.tty && stdout.isTTY) followSize(session, stdout, undo);
    if (session.stdin) {
      const detach = () => void session.detach();
      forward(
        stdin,
        session.stdin,
        undo,
        detachKeys ? { keys: Buffer.from(detachKeys, "latin1"), detach } : undefined,
      );
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
  const tell = () => {
    const { columns, rows } = stdout;
    if (isTerminalSize({ columns, rows })) session.resize({ columns, rows });
  };
  tell();
  stdout.on("resize", tell);
  undo.push(() => stdout.removeListener("resize", tell));
}

interface Detach {
  readonly keys: Buffer;
  readonly detach: () => void;
}

function forward(from: Readable, to: Writable, undo: (() => void)[], leaving: Detach | undefined): void {
  let typed = 0;
  /** What of a chunk is passed on: all but the keys that leave; undefined once they were all typed. */
  const passed = (chunk: Buffer): Buffer | undefined => {
    if (!leaving) return chunk;
    const out: number[] = [];
    for (const byte of chunk) {
      if (byte === leaving.keys[typed]) {
        typed++;
        if (typed === leaving.keys.byteLength) return undefined;
        continue;
      }
      // What looked like the keys was none: it belongs to the command.
      out.push(...leaving.keys.subarray(0, typed));
      typed = byte === leaving.keys[0] ? 1 : 0;
      if (typed === 0) out.push(byte);
    }
    return Buffer.from(out);
  };
  const onData = (chunk: Buffer) => {
    const bytes = passed(chunk);
    if (!bytes) leaving?.detach();
    else if (bytes.byteLength > 0 && !to.write(bytes)) from.pause();
  };
  const onDrain = () => void from.resume();
  const onEnd = () => void to.end();
  const wasFlowing = from.readableFlowing === true;
  // An input that is over says so to nobody who comes later.
  if (from.readableEnded || from.destroyed) onEnd();
  from.on("data", onData);
  from.once("end", onEnd);
  to.on("drain", onDrain);
  undo.push(() => {
    from.removeListener("data", onData);
    from.removeListener("end", onEnd);
    to.removeListener("drain", onDrain);
    // A standard input that goes on being read keeps the process alive.
    if (!wasFlowing) from.pause();
  });
}

/** Resolves when the output has ended and was passed on. Standard output is never ended. */
function show(output: Readable | undefined, to: Writable): Promise<void> {
  if (!output) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const resume = () => void output.resume();
    output.on("data", (chunk: Buffer) => {
      if (!to.write(chunk)) output.pause();
    });
    to.on("drain", resume);
    // Also tells of an output that was over before.
    finished(output, { writable: false }, () => {
      to.removeListener("drain", resume);
      if (output.errored) reject(output.errored);
      else resolve();
    });
  });
}
