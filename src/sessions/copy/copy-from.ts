import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { extract } from "tar-stream";
import { isCriError } from "../../core/index.js";
import type { ExecSession } from "../../streaming/index.js";
import { ArchiveEnd } from "./archive-end.js";
import { asCopyFailure, copyFailed, copyIncomplete } from "./failures.js";
import type { CopyFromOptions, CopyResult } from "./options.js";
import { containerPath } from "./paths.js";
import { lacksProgram, type OpenCommand, Words } from "./remote.js";
import { Tally } from "./tally.js";
import { Unpacker } from "./unpack.js";

/** Copies out of a container. */
export async function copyFrom(
  open: OpenCommand,
  source: string,
  target: string,
  options: CopyFromOptions = {},
): Promise<CopyResult> {
  const { folder, base } = containerPath("source", source);
  const tally = new Tally(options.onProgress);
  const unpacker = new Unpacker(target, base, tally);
  const end = new ArchiveEnd();
  const archived = await runForOutput(
    open,
    ["tar", "-cf", "-", "-C", folder, "--", base],
    options,
    (output) => unpack(output, end, unpacker),
  );
  if (archived === "no program") return copyFile(open, source, target, options);
  if (!end.seen) throw copyIncomplete(`the archive of ${source} came without its end`);
  await unpacker.finish().catch((error) => {
    throw asCopyFailure(error);
  });
  return tally.result();
}

async function unpack(output: Readable, end: ArchiveEnd, unpacker: Unpacker): Promise<void> {
  const archive = extract();
  const arriving = pipeline(output, end, archive);
  // Told by the loop, which breaks with the same error, or by a better one.
  arriving.catch(() => undefined);
  try {
    // The entries are streams of another make than Node's, and as good.
    for await (const entry of archive) {
      end.noteEntry(entry.offset, entry.header.size);
      await unpacker.take(entry.header, entry as unknown as Readable);
    }
  } catch (error) {
    archive.destroy();
    const broken: unknown = await arriving.catch((cause: unknown) => cause);
    // The words of tar-stream, which has no codes.
    if (broken instanceof Error && broken.message === "Unexpected end of data")
      throw copyIncomplete("the archive ends in the middle of a file");
    throw error;
  }
  await arriving;
}

/** Copies one file without tar: its contents, and not its mode. */
async function copyFile(
  open: OpenCommand,
  source: string,
  target: string,
  options: CopyFromOptions,
): Promise<CopyResult> {
  const tally = new Tally(options.onProgress);
  const unpacker = new Unpacker(target, ".", tally);
  const copied = await runForOutput(open, ["cat", "--", source], options, (output) =>
    unpacker.take({ name: ".", type: "file" }, output),
  );
  if (copied === "no program") throw copyFailed("the container has neither tar nor cat");
  const result = tally.result();
  let counted = "";
  await runForOutput(open, ["wc", "-c", "--", source], options, async (output) => {
    for await (const part of output) counted += String(part);
  });
  // A log may have grown meanwhile, and a container without wc has no way to tell.
  const size = Number.parseInt(counted, 10);
  if (size > result.bytes) throw copyIncomplete(`${source} has ${size} bytes, and ${result.bytes} arrived`);
  return result;
}

/**
 * Runs a command and hands its output on. Rejects with what failed here, else with what failed there; gives
 * "no program" when the container does not have it.
 */
async function runForOutput(
  open: OpenCommand,
  command: readonly string[],
  { signal, timeoutMs }: CopyFromOptions,
  take: (output: Readable) => Promise<void>,
): Promise<"done" | "no program"> {
  let session: ExecSession | undefined;
  try {
    session = await open(command, { signal, timeoutMs });
    const { stdout } = session;
    if (!stdout) throw new TypeError("a session with output has one");
    const complained = new Words(session.stderr);
    const taken = take(stdout).then(
      () => undefined,
      (error: unknown) => {
        void session?.close();
        return error;
      },
    );
    const ended = await session.exit.then(
      ({ exitCode }) => ({ exitCode, error: undefined }),
      (error: unknown) => ({ exitCode: undefined, error }),
    );
    const failure = await taken;
    const { exitCode, error } = ended;
    const missing =
      isCriError(error) && error.reason === "exec_not_started" && lacksProgram(error.text, exitCode);
    if (missing || exitCode === 127) return "no program";
    if (failure !== undefined && failure !== error) throw asCopyFailure(failure);
    if (error !== undefined) throw error;
    if (exitCode !== 0) throw copyFailed(complained.line || `${command[0]} ended with ${exitCode}`);
    return "done";
  } finally {
    await session?.close();
  }
}
