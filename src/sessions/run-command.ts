import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { CriError, invalidOption } from "../core/index.js";
import type { ExecSession } from "../streaming/index.js";
import type { CommandInput, ExecOptions, KillableSession, RunOptions, RunResult } from "./options.js";

const defaultOutputBytes = 16 * 2 ** 20;

/** Runs a command to its end and collects what it prints. */
export async function runCommand(
  open: (options: ExecOptions) => Promise<ExecSession>,
  options: RunOptions = {},
): Promise<RunResult<string | Buffer>> {
  const { input, maxOutputBytes = defaultOutputBytes, encoding = "utf8", ...session } = options;
  if (!Number.isInteger(maxOutputBytes) || maxOutputBytes < 0)
    throw invalidOption("maxOutputBytes", maxOutputBytes, "must be a whole number of bytes, 0 or more");
  const { tty = false } = session;
  await using command = await open({ ...session, stdin: input !== undefined, stdout: true, stderr: !tty });
  // Why the command is being left from here, which says more than how its session then ends.
  let left: CriError | undefined;
  const leave = (why: CriError) => {
    left ??= why;
    void command.close();
  };
  const budget = new Budget(maxOutputBytes, leave);
  const outputs = Promise.all([collect(command.stdout, budget), collect(command.stderr, budget)]);
  outputs.catch(() => undefined);
  const ended = new AbortController();
  const fed = input === undefined ? undefined : feed(command, input, ended.signal, leave);
  try {
    const { exitCode, signal } = await command.exit;
    const [stdout, stderr] = (await outputs).map((bytes) =>
      encoding === "utf8" ? bytes.toString("utf8") : bytes,
    );
    if (left) throw left;
    return Object.freeze({ exitCode, signal, stdout: stdout ?? "", stderr: stderr ?? "" });
  } catch (error) {
    throw left ?? error;
  } finally {
    ended.abort();
    await fed;
  }
}

/** What all outputs of a command may take together. */
class Budget {
  readonly #limitBytes: number;
  readonly #onExceeded: (why: CriError) => void;
  #leftBytes: number;

  constructor(limitBytes: number, onExceeded: (why: CriError) => void) {
    this.#limitBytes = limitBytes;
    this.#leftBytes = limitBytes;
    this.#onExceeded = onExceeded;
  }

  /** Whether a part may be kept. */
  take(part: Buffer): boolean {
    this.#leftBytes -= part.byteLength;
    if (this.#leftBytes >= 0) return true;
    this.#onExceeded(
      new CriError({
        code: "resource_exhausted",
        reason: "output_limit",
        text: `the command printed more than maxOutputBytes (${this.#limitBytes})`,
        hint: "Raise maxOutputBytes, or read the output while it comes with cri.exec",
      }),
    );
    return false;
  }
}

function collect(output: Readable | undefined, budget: Budget): Promise<Buffer> {
  if (!output) return Promise.resolve(Buffer.alloc(0));
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    output.on("data", (part: Buffer) => {
      if (budget.take(part)) parts.push(part);
    });
    output.once("end", () => resolve(Buffer.concat(parts)));
    output.once("error", reject);
  });
}

/** Sends the input and its end. Never rejects: an input that fails leaves the command. */
async function feed(
  { stdin, started }: ExecSession & Partial<Pick<KillableSession, "started">>,
  input: CommandInput,
  signal: AbortSignal,
  leave: (why: CriError) => void,
): Promise<void> {
  // An input that can be read once is still whole when another attempt needs it.
  if (!stdin || (started && !(await started))) return;
  // A text or bytes are one chunk, not an iterable of characters or numbers.
  const whole = typeof input === "string" || input instanceof Uint8Array;
  const source = Readable.from(whole ? [input] : input, { objectMode: true });
  source.once("error", (cause) => {
    // An input that is left over when the command has ended did not fail.
    if (!signal.aborted && !stdin.destroyed)
      leave(
        new CriError({
          code: "canceled",
          reason: "aborted_by_caller",
          text: `the command's input failed: ${cause.message}`,
          cause,
        }),
      );
  });
  // What else goes wrong here is the session's end, which its exit tells.
  await pipeline(source, stdin, { signal }).catch(() => undefined);
}
