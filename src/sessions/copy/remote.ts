import type { Readable } from "node:stream";
import { finished } from "node:stream/promises";
import { StringDecoder } from "node:string_decoder";
import { deadlineError, isCriError } from "../../core/index.js";
import type { ExecSession } from "../../streaming/index.js";
import type { ExecOptions } from "../options.js";

/** Opens a session of a command in the container that is copied from or to. */
export type OpenCommand = (command: readonly string[], options: ExecOptions) => Promise<ExecSession>;

/** What is kept of a command's words: enough to show why it failed. */
const textLimit = 16_384;

/** What a command in the container says, as far as it is kept. */
export class Words {
  /** Resolves when nothing more comes. Never rejects. */
  readonly over: Promise<void>;
  #text = "";

  constructor(output: Readable | undefined, onMore: (text: string) => void = () => undefined) {
    this.over = output ? finished(output).catch(() => undefined) : Promise.resolve();
    const decoder = new StringDecoder("utf8");
    output?.on("data", (part: Buffer) => {
      if (this.#text.length < textLimit) this.#text += decoder.write(part);
      onMore(this.#text);
    });
  }

  /** All of it. */
  get text(): string {
    return this.#text;
  }

  /** The first line, for messages. */
  get line(): string {
    return this.#text.trim().split("\n")[0] ?? "";
  }
}

/**
 * Whether a shell or a runtime said that a program is not there. CRI-O has no error for it: the runtime's words come as
 * the command's own, with the exit code 255.
 */
export function lacksProgram(text: string, exitCode: number | undefined): boolean {
  if (exitCode !== undefined && exitCode !== 255) return exitCode === 127;
  return /not found|ENOENT|(?:exec: \\?"|executable).*no such file/i.test(text);
}

/** Carries out a copy, all of whose commands have the same deadline, however many there are. */
export async function untilDeadline<T>(
  open: OpenCommand,
  timeoutMs: number | undefined,
  copy: (open: OpenCommand) => Promise<T>,
): Promise<T> {
  // No deadline, or none that a session takes: it says so.
  if (timeoutMs === undefined || !(timeoutMs > 0) || timeoutMs === Number.POSITIVE_INFINITY)
    return copy((command, options) => open(command, { ...options, timeoutMs }));
  const deadlineAt = performance.now() + timeoutMs;
  const told = `the copy was not done within ${timeoutMs} ms`;
  const leftMs = () => Math.ceil(deadlineAt - performance.now());
  try {
    return await copy(async (command, options) => {
      const left = leftMs();
      if (left <= 0) throw deadlineError(told);
      return open(command, { ...options, timeoutMs: left });
    });
  } catch (error) {
    // A session tells of the time that was left for it. Timers are early by a millisecond at times.
    if (isCriError(error) && error.reason === "deadline" && leftMs() <= 1) throw error.with({ text: told });
    throw error;
  }
}
