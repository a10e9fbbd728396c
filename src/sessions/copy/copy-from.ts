import { posix } from "node:path";
import { withDeadline } from "../../core/index.js";
import type { CopyFromOptions, CopyResult } from "../options.js";
import { loadArchiveReader } from "./archive.js";
import { copyFailed, copyIncomplete, toCopyError } from "./errors.js";
import { type ContainerPath, containerPath, linkedPath } from "./paths.js";
import { ProgressCounter } from "./progress.js";
import { readAgain } from "./read-again.js";
import { type OpenCommand, runForOutput } from "./remote.js";
import { Unpacker } from "./unpack.js";

/** The limit for symbolic links that a source leads through. */
const maxLinks = 10;

/** Copies out of a container. All commands share one deadline. */
export function copyFrom(
  open: OpenCommand,
  source: string,
  target: string,
  options: CopyFromOptions = {},
): Promise<CopyResult> {
  return withDeadline(options, (signal) => copy(open, source, target, { ...options, signal }));
}

async function copy(
  open: OpenCommand,
  source: string,
  target: string,
  options: CopyFromOptions,
): Promise<CopyResult> {
  let path = containerPath("source", source);
  const progress = new ProgressCounter(options.onProgress);
  for (let links = 0; links <= maxLinks; links++) {
    await using unpacker = new Unpacker(target, path.base, progress);
    if (!(await copyArchive(open, path, unpacker, options))) return copyFile(open, source, target, options);
    // tar archives a link as a link, even when the link is its argument.
    if (unpacker.rootLink === undefined) return progress.finish();
    path = linkedPath(path.folder, unpacker.rootLink);
  }
  throw copyFailed(`${source}: leads through more than ${maxLinks} links`);
}

/** Copies a path with tar. Returns false when the container has no tar. */
async function copyArchive(
  open: OpenCommand,
  { folder, base }: ContainerPath,
  unpacker: Unpacker,
  { signal }: CopyFromOptions,
): Promise<boolean> {
  // Loaded before the command runs, so that its output is read at once.
  const readArchive = await loadArchiveReader();
  let isComplete = false;
  const command = ["tar", "-cf", "-", "-C", folder, "--", base];
  const result = await runForOutput(open, command, signal, async (output) => {
    ({ isComplete } = await readArchive(output, (header, content) => unpacker.take(header, content)));
  });
  if (result === "no program") return false;
  const { exitCode, stderr, warnings } = result;
  // A file that changes or disappears does not fail the copy of its folder.
  if (exitCode !== 0 && !(exitCode === 1 && warnings.areAll))
    throw copyFailed(stderr.firstLine || `tar exited with ${exitCode}`);
  if (!isComplete)
    throw copyIncomplete(`the archive of ${posix.join(folder, base)} is cut off: its end marker is missing`);
  for (const { name, reason, isPadded } of warnings.list)
    if (isPadded) unpacker.doubt(name);
    else unpacker.skip(name, reason);
  await readAgain(open, folder, unpacker, signal);
  await unpacker.finish().catch((error) => {
    throw toCopyError(error);
  });
  return true;
}

/** Copies the content of one file without tar, and without its mode. */
async function copyFile(
  open: OpenCommand,
  source: string,
  target: string,
  { onProgress, signal }: CopyFromOptions,
): Promise<CopyResult> {
  const progress = new ProgressCounter(onProgress);
  await using unpacker = new Unpacker(target, ".", progress);
  const copied = await runForOutput(open, ["cat", "--", source], signal, (output) =>
    unpacker.take({ name: ".", type: "file" }, output),
  );
  if (copied === "no program") throw copyFailed("the container has neither tar nor cat");
  if (copied.exitCode !== 0)
    throw copyFailed(copied.stderr.firstLine || `cat exited with ${copied.exitCode}`);
  const result = progress.finish();
  let text = "";
  const counted = await runForOutput(open, ["wc", "-c", "--", source], signal, async (output) => {
    for await (const part of output) text += String(part);
  });
  // Without wc, or when the file has been removed, the size is unknown.
  if (counted === "no program" || counted.exitCode !== 0) return result;
  const size = Number.parseInt(text, 10);
  // A log may have grown in the meantime, so only a larger size means a loss.
  if (size > result.bytes) throw copyIncomplete(`${source}: ${result.bytes} of ${size} bytes arrived`);
  return result;
}
