import type { Readable } from "node:stream";
import { type CriError, criError, isCriError, withDeadline, withJson } from "../core/index.js";
import type { ExecSession } from "../streaming/index.js";
import { isShellMissing } from "./killable.js";
import type { ExecOptions, RunCommandOptions, RunCommandResult } from "./options.js";

const defaultOutputBytes = 16 * 2 ** 20;

/** Opens the session of the command. */
type OpenCommand = (options: ExecOptions) => Promise<ExecSession>;
type Result = RunCommandResult<string | Buffer>;

/** Runs a command to its end and collects its output. */
export function runCommand(open: OpenCommand, options: RunCommandOptions): Promise<Result> {
  if (!options.killOnClose) return collectOutput(open, options);
  // Both attempts share one deadline.
  return withDeadline(options, (signal) => {
    const limited = { ...options, signal, timeoutMs: undefined };
    return collectOutput(open, limited).catch((error: unknown) => {
      if (!isShellMissing(error)) throw error;
      return collectOutput((streams) => open({ ...streams, killOnClose: false }), limited);
    });
  });
}

async function collectOutput(open: OpenCommand, options: RunCommandOptions): Promise<Result> {
  const { maxOutputBytes = defaultOutputBytes, encoding = "utf8", ...session } = options;
  const command = await open({ ...session, stdout: true, stderr: !session.tty });
  let outputError: CriError | undefined;
  const budget = new OutputBudget(maxOutputBytes, (error) => {
    outputError ??= error;
    void command.close();
  });
  const outputs = Promise.all([collect(command.stdout, budget), collect(command.stderr, budget)]);
  outputs.catch(() => undefined);
  try {
    const { exitCode, signal } = await command.ended;
    const [stdout, stderr] = (await outputs).map((bytes) =>
      encoding === "utf8" ? bytes.toString("utf8") : bytes,
    );
    if (outputError) throw outputError;
    return Object.freeze(withJson({ exitCode, signal, stdout: stdout ?? "", stderr: stderr ?? "" }));
  } catch (error) {
    // Clean-up continues in the background and does not delay the error.
    void command.close();
    // The session only reports that it was closed.
    if (outputError) throw outputError;
    throw options.killOnClose ? error : withKillHint(error);
  }
}

/** Adds a hint to the error of a session that this side ended, because the runtime may let the command continue. */
function withKillHint(error: unknown): unknown {
  if (!isCriError(error) || error.hint !== undefined) return error;
  if (error.code !== "canceled" && error.reason !== "deadline") return error;
  return error.with({ hint: "The command may still be running. Pass `killOnClose: true` to kill it" });
}

/** The limit for all outputs of a command together. */
class OutputBudget {
  readonly #limitBytes: number;
  readonly #onExceeded: (error: CriError) => void;
  #remainingBytes: number;

  constructor(limitBytes: number, onExceeded: (error: CriError) => void) {
    this.#limitBytes = limitBytes;
    this.#remainingBytes = limitBytes;
    this.#onExceeded = onExceeded;
  }

  /** Reports whether a part fits. */
  take(part: Buffer): boolean {
    this.#remainingBytes -= part.byteLength;
    if (this.#remainingBytes >= 0) return true;
    this.#onExceeded(
      criError("output_limit", `the command printed more than maxOutputBytes (${this.#limitBytes})`, {
        hint: "Raise `maxOutputBytes`, or read the output as a stream with `cri.exec`",
      }),
    );
    return false;
  }
}

function collect(output: Readable | undefined, budget: OutputBudget): Promise<Buffer> {
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
