import type { Readable } from "node:stream";
import { copyFailed, copyIncomplete } from "./errors.js";
import { type OpenCommand, runForOutput } from "./remote.js";
import { readScript } from "./scripts.js";
import type { DoubtfulFile, Unpacker } from "./unpack.js";

/** The limits for one command: a system call accepts only so many arguments. */
const [maxFiles, maxPathBytes] = [1_000, 65_536];
/** The number of characters of base64 that are decoded together; a multiple of four. */
const decodedTogether = 65_536;

/**
 * Reads files whose archived content may be wrong with commands of their own. Files of the kernel, in /proc and in cgroups, report
 * the size 0, so tar archives them without content; it fills a file that became shorter with zeros.
 */
export async function readAgain(
  open: OpenCommand,
  folder: string,
  unpacker: Unpacker,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (const files of batches(unpacker.doubtful)) {
    const paths = files.map(({ name }) => `${folder}/${name}`);
    const reader = new AnswerReader(unpacker, files);
    const command = ["sh", "-c", readScript, "sh", ...paths];
    const result = await runForOutput(open, command, signal, (output) => reader.read(output));
    if (result === "no program" || reader.hasNoTools) for (const file of files) unread(unpacker, file);
    else if (!reader.isComplete)
      throw copyIncomplete(
        result.stderr.firstLine || "the command that reads empty files again ended before its last file",
      );
  }
}

function* batches(files: readonly DoubtfulFile[]): Generator<DoubtfulFile[]> {
  let [batch, bytes]: [DoubtfulFile[], number] = [[], 0];
  for (const file of files) {
    const size = Buffer.byteLength(file.name);
    if (batch.length === maxFiles || (batch.length > 0 && bytes + size > maxPathBytes)) {
      yield batch;
      [batch, bytes] = [[], 0];
    }
    batch.push(file);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}

function unread(unpacker: Unpacker, { name, isPadded }: DoubtfulFile): void {
  if (isPadded) throw copyFailed(`${name}: became shorter while it was read`);
  unpacker.skip(
    name,
    "was copied without content: its size is 0, and the container lacks the tools to check that it is empty",
  );
}

/** Reads the answer of {@link readScript}. */
class AnswerReader {
  isComplete = false;
  hasNoTools = false;
  readonly #unpacker: Unpacker;
  readonly #files: readonly DoubtfulFile[];

  constructor(unpacker: Unpacker, files: readonly DoubtfulFile[]) {
    this.#unpacker = unpacker;
    this.#files = files;
  }

  async read(output: Readable): Promise<void> {
    const lines = linesOf(output);
    let line = await lines.next();
    if (line.value === "no tools") this.hasNoTools = true;
    else if (line.value === "empty") this.isComplete = true;
    else {
      for (const file of this.#files) {
        if (!(await this.#file(file, line, lines))) return;
        line = await lines.next();
      }
      this.isComplete = true;
    }
    for await (const _ of lines); // Nothing should follow.
  }

  /** Reads one file, from its first line on. Returns false if the output ends before. */
  async #file(
    file: DoubtfulFile,
    first: IteratorResult<string>,
    lines: AsyncGenerator<string>,
  ): Promise<boolean> {
    let end: string | undefined;
    const content = async function* () {
      let text = "";
      for (let line = first; !line.done; line = await lines.next()) {
        if (line.value.startsWith("= ")) {
          end = line.value;
          break;
        }
        text += line.value;
        if (text.length < decodedTogether) continue;
        yield Buffer.from(text.slice(0, decodedTogether), "base64");
        text = text.slice(decodedTogether);
      }
      if (text !== "") yield Buffer.from(text, "base64");
    };
    await this.#unpacker.replace(file, content());
    if (end === undefined) return false;
    const [, code, message] = /^= (\d+) ?(.*)$/.exec(end) ?? [];
    if (code === "0") return true;
    const problem = `${file.name}: could not be read: ${message || `base64 exited with ${code}`}`;
    if (file.isPadded || file.isRoot) throw copyFailed(problem);
    this.#unpacker.skip(file.name, `was copied without content: ${message || `base64 exited with ${code}`}`);
    return true;
  }
}

async function* linesOf(output: Readable): AsyncGenerator<string, void, undefined> {
  let rest = "";
  for await (const part of output) {
    const lines = (rest + String(part)).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  if (rest !== "") yield rest;
}
