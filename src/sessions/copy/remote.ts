import type { Readable } from "node:stream";
import { finished } from "node:stream/promises";
import { StringDecoder } from "node:string_decoder";
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
