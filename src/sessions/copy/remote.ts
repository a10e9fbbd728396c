import type { Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import type { ExecSession } from "../../streaming/index.js";
import type { ExecOptions } from "../options.js";

/** Opens a session of a command in the container that is copied from or to. */
export type OpenCommand = (command: readonly string[], options: ExecOptions) => Promise<ExecSession>;

/** What is kept of a command's words: enough to show why it failed. */
const textLimit = 16_384;

/** What a command in the container says, as far as it is kept. */
export class Words {
  #text = "";

  constructor(output: Readable | undefined, onMore: (text: string) => void = () => undefined) {
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

/** Whether a shell or a runtime said that a program is not there. */
export function lacksProgram(text: string, exitCode: number | undefined): boolean {
  return exitCode === 127 || /not found|ENOENT/i.test(text);
}
