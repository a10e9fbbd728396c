import { posix } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { extract } from "tar-stream";
import { bounded, isCriError } from "../../core/index.js";
import type { ExecSession } from "../../streaming/index.js";
import { ArchiveEnd } from "./archive-end.js";
import { decoded, extractOptions } from "./entry-header.js";
import { asCopyFailure, copyFailed, copyIncomplete } from "./failures.js";
import type { CopyFromOptions, CopyResult } from "./options.js";
import { type ContainerPath, containerPath, linkedPath } from "./paths.js";
import { lacksProgram, type OpenCommand, Words } from "./remote.js";
import { Tally } from "./tally.js";
import { TarNotes } from "./tar-notes.js";
import { Unpacker } from "./unpack.js";

/** How many links a source may lead through, one after the other. */
const linksLimit = 10;

/** Copies out of a container. All of its commands have one deadline. */
export function copyFrom(
  open: OpenCommand,
  source: string,
  target: string,
  options: CopyFromOptions = {},
): Promise<CopyResult> {
  return bounded(options, (signal) => copy(open, source, target, { ...options, signal }));
}

async function copy(
  open: OpenCommand,
  source: string,
  target: string,
  options: CopyFromOptions,
): Promise<CopyResult> {
  let place = containerPath("source", source);
  const tally = new Tally(options.onProgress);
  for (let links = 0; links <= linksLimit; links++) {
    const unpacker = new Unpacker(target, place.base, tally);
    if (!(await copyArchive(open, place, unpacker, options))) return copyFile(open, source, target, options);
    // tar takes a link as a link, even the one that it is pointed to.
    if (unpacker.rootLink === undefined) {
      await unpacker.finish().catch((error) => {
        throw asCopyFailure(error);
      });
      return tally.result();
    }
    place = linkedPath(place.folder, unpacker.rootLink);
  }
  throw copyFailed(`${source} leads through more than ${linksLimit} links`);
}

/** Copies what is at a place, with tar; false when the container has none. */
async function copyArchive(
  open: OpenCommand,
  { folder, base }: ContainerPath,
  unpacker: Unpacker,
  { signal }: CopyFromOptions,
): Promise<boolean> {
  const end = new ArchiveEnd();
  const command = ["tar", "-cf", "-", "-C", folder, "--", base];
  const ended = await runForOutput(open, command, signal, (output) => unpack(output, end, unpacker));
  if (ended === "no program") return false;
  const { exitCode, complained, notes } = ended;
  // A file that grows, or goes away, is no reason to call off the copy of a folder.
  if (exitCode !== 0 && !(exitCode === 1 && notes.harmless))
    throw copyFailed(complained.line || `tar ended with ${exitCode}`);
  if (!end.seen) throw copyIncomplete(`the archive of ${posix.join(folder, base)} came without its end`);
  for (const note of notes.list) unpacker.note(note.name, note.reason);
  return true;
}

async function unpack(output: Readable, end: ArchiveEnd, unpacker: Unpacker): Promise<void> {
  const archive = extract(extractOptions);
  const arriving = pipeline(output, end, archive);
  // Told by the loop, which breaks with the same error, or by a better one.
  arriving.catch(() => undefined);
  try {
    // The entries are streams of another make than Node's, and as good.
    for await (const entry of archive) {
      end.noteEntry(entry.offset, entry.header.size);
      await unpacker.take(decoded(entry.header), entry as unknown as Readable);
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
  { onProgress, signal }: CopyFromOptions,
): Promise<CopyResult> {
  const tally = new Tally(onProgress);
  const unpacker = new Unpacker(target, ".", tally);
  const copied = await runForOutput(open, ["cat", "--", source], signal, (output) =>
    unpacker.take({ name: ".", type: "file" }, output),
  );
  if (copied === "no program") throw copyFailed("the container has neither tar nor cat");
  if (copied.exitCode !== 0) throw copyFailed(copied.complained.line || `cat ended with ${copied.exitCode}`);
  const result = tally.result();
  let text = "";
  const counted = await runForOutput(open, ["wc", "-c", "--", source], signal, async (output) => {
    for await (const part of output) text += String(part);
  });
  // A container without wc has no way to tell, nor has one whose file is gone by now.
  if (counted === "no program" || counted.exitCode !== 0) return result;
  const size = Number.parseInt(text, 10);
  // A log may have grown meanwhile.
  if (size > result.bytes) throw copyIncomplete(`${source} has ${size} bytes, and ${result.bytes} arrived`);
  return result;
}

interface Ended {
  readonly exitCode: number;
  readonly complained: Words;
  readonly notes: TarNotes;
}

/**
 * Runs a command and hands its output on. Rejects with what failed here, else with what failed on the way; gives
 * "no program" when the container does not have it.
 */
async function runForOutput(
  open: OpenCommand,
  command: readonly string[],
  signal: AbortSignal | undefined,
  take: (output: Readable) => Promise<void>,
): Promise<Ended | "no program"> {
  let session: ExecSession | undefined;
  try {
    session = await open(command, { signal });
    const { stdout } = session;
    if (!stdout) throw new TypeError("a session with output has one");
    const complained = new Words(session.stderr);
    const notes = new TarNotes(session.stderr);
    let over = false;
    let brokeHere = false;
    const taken = take(stdout).then(
      () => undefined,
      (error: unknown) => {
        brokeHere = !over;
        void session?.close();
        return error;
      },
    );
    const ended = await session.exit.then(
      ({ exitCode }) => ({ exitCode }),
      (error: unknown) => ({ error }),
    );
    over = true;
    const failure = await taken;
    if ("error" in ended) {
      const { error } = ended;
      if (isCriError(error) && error.reason === "exec_not_started" && lacksProgram(error.text, undefined))
        return "no program";
      // What broke here ended the session; else the session broke what was going on here.
      throw brokeHere ? asCopyFailure(failure) : error;
    }
    await complained.over;
    const { exitCode } = ended;
    if (lacksProgram(complained.text, exitCode)) return "no program";
    if (failure !== undefined) throw asCopyFailure(failure);
    return { exitCode, complained, notes };
  } finally {
    await session?.close();
  }
}
