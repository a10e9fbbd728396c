import { randomBytes } from "node:crypto";
import { stat } from "node:fs/promises";
import { isCriError, Violations, withDeadline } from "../../core/index.js";
import type { ExecSession } from "../../streaming/index.js";
import type { CopyResult, CopySource, CopyToOptions } from "../options.js";
import { copyFailed, copyIncomplete, toCopyError } from "./errors.js";
import { planFolder } from "./folder-plan.js";
import { joined, packContent, packFile, packFolder } from "./pack.js";
import { containerPath, refuseFolderPath } from "./paths.js";
import { ProgressCounter } from "./progress.js";
import { isProgramMissing, type OpenCommand, OutputText, sendAll } from "./remote.js";
import { unpackScript, writeScript } from "./scripts.js";
import { modeOf, openSource } from "./source-file.js";

const shellHint = "Use an image that has `sh`: copying into a container requires a shell";
const ownerHint =
  "Pass the ids of the container's user, or omit `owner`: only root with CAP_CHOWN can give files to others";

/** The largest id of a user or group: 4294967295 means "unchanged" to the system call. */
const maxId = 2 ** 32 - 2;
/** The bits of a regular file in `Stats.mode`. */
const regularFile = 0o100000;

/** The folder to unpack into, and the name of the file in it, which is empty for a folder. */
type Destination = readonly [folder: string, name: string];

type Source = { readonly kind: "folder"; readonly path: string } | FileSource;
type FileSource =
  | { readonly kind: "file"; readonly path: string; readonly mode: number }
  | { readonly kind: "content"; readonly bytes: Uint8Array; readonly mode: number };

/** Copies into a container. All commands share one deadline. */
export function copyTo(
  open: OpenCommand,
  from: CopySource,
  target: string,
  options: CopyToOptions = {},
): Promise<CopyResult> {
  return withDeadline(options, (signal) => copy(open, from, target, { ...options, signal }));
}

async function copy(
  open: OpenCommand,
  from: CopySource,
  target: string,
  options: CopyToOptions,
): Promise<CopyResult> {
  const { folder, base } = containerPath("target", target);
  checkNumbers(from, options);
  const source = await inspect(from);
  if (source.kind !== "folder") refuseFolderPath(target);
  const progress = new ProgressCounter(options.onProgress);
  const archive = await packed(source, base, options, progress);
  const destination: Destination = source.kind === "folder" ? [target, ""] : [folder, base];
  if (await unpackRemotely(open, archive, destination, options, progress)) return progress.finish();
  if (source.kind === "folder") throw copyFailed("the container has no tar, which copying a folder requires");
  return writeRemotely(open, source, target, options);
}

function checkNumbers(from: CopySource, { owner }: CopyToOptions): void {
  const violations = new Violations();
  const isBetween = (value: number, max: number) => Number.isInteger(value) && value >= 0 && value <= max;
  if (owner)
    for (const key of ["uid", "gid"] as const)
      violations.check(
        isBetween(owner[key], maxId),
        `owner.${key}`,
        `must be an integer from 0 to ${maxId}`,
        owner[key],
      );
  if (typeof from !== "string" && from.mode !== undefined)
    violations.check(
      isBetween(from.mode & ~regularFile, 0o7777) && Number.isInteger(from.mode),
      "source.mode",
      "must be an integer from 0 to 0o7777",
      from.mode,
    );
  violations.throwIfAny("invalid_option", "copyTo");
}

async function inspect(from: CopySource): Promise<Source> {
  if (typeof from !== "string") {
    const { content, mode = 0o644 } = from;
    return { kind: "content", bytes: typeof content === "string" ? Buffer.from(content) : content, mode };
  }
  const stats = await stat(from).catch((error) => {
    throw toCopyError(error);
  });
  if (stats.isDirectory()) return { kind: "folder", path: from };
  if (stats.isFile()) return { kind: "file", path: from, mode: stats.mode };
  throw copyFailed(`${from}: is neither a file nor a folder`);
}

/** What is sent to a script: lines about the entries, and the archive. */
interface Packed {
  readonly lines: Uint8Array;
  readonly archive: AsyncIterable<Uint8Array>;
}

async function packed(
  source: Source,
  name: string,
  options: CopyToOptions,
  progress: ProgressCounter,
): Promise<Packed> {
  const noLines = Buffer.from("\n");
  if (source.kind === "content")
    return { lines: noLines, archive: packContent(source.bytes, source.mode, name, options, progress) };
  if (source.kind === "file")
    return { lines: noLines, archive: packFile(source.path, name, options, progress) };
  const { filter = () => true, owner, signal } = options;
  const plan = await planFolder(source.path, filter, owner !== undefined, signal).catch((error) => {
    throw toCopyError(error);
  });
  const lines = Buffer.from([...plan.lines, "", ""].join("\n"));
  return { lines, archive: packFolder(source.path, plan.filter, options, progress) };
}

/** Unpacks an archive in the container. Returns false when the container has no tar. */
async function unpackRemotely(
  open: OpenCommand,
  { lines, archive }: Packed,
  [folder, name]: Destination,
  options: CopyToOptions,
  progress: ProgressCounter,
): Promise<boolean> {
  const suffix = randomBytes(8).toString("hex");
  const command = ["sh", "-c", unpackScript, "sh", folder, name, ownerText(options), suffix];
  const input = joined(
    (async function* () {
      yield lines;
      yield* archive;
    })(),
  );
  const { sentBytes, ...result } = await runWithInput(open, command, input, options);
  if (/^no tar$/m.test(result.stdout.text)) return false;
  verify({ ...result, sentBytes: sentBytes - lines.byteLength }, `unpack into ${folder}`, options);
  if (/^no special modes$/m.test(result.stdout.text))
    progress.skipSpecialModes(
      "was copied without setuid and setgid: the container's tar sets them only for root",
    );
  return true;
}

/** Writes one file without tar. */
async function writeRemotely(
  open: OpenCommand,
  source: FileSource,
  target: string,
  options: CopyToOptions,
): Promise<CopyResult> {
  const progress = new ProgressCounter(options.onProgress);
  const counted = (async function* () {
    progress.addFile("");
    for await (const chunk of contentOf(source)) {
      progress.addBytes(chunk.byteLength);
      yield chunk;
    }
  })();
  const mode = modeOf(source.mode).toString(8);
  const command = ["sh", "-c", writeScript, "sh", target, mode, ownerText(options)];
  verify(await runWithInput(open, command, counted, options), `write ${target}`, options);
  return progress.finish();
}

/** Returns the owner as an argument of `chown`, empty for the default. */
function ownerText({ owner }: CopyToOptions): string {
  return owner ? `${owner.uid}:${owner.gid}` : "";
}

/** Yields the bytes of a file. Opens it only when the first bytes are read: before that, nothing would handle an error or close it. */
async function* contentOf(source: FileSource): AsyncGenerator<Uint8Array> {
  if (source.kind === "content") {
    yield source.bytes;
    return;
  }
  const { handle } = await openSource(source.path, source.path);
  try {
    yield* handle.createReadStream({ autoClose: false }) as AsyncIterable<Buffer>;
  } finally {
    await handle.close();
  }
}

/** Compares the output of a script with what was sent. */
function verify(
  { stdout, stderr, exitCode, sentBytes }: CommandResult,
  task: string,
  options: CopyToOptions,
): void {
  const code = Number(/^ended with (\d+)$/m.exec(stdout.text)?.[1] ?? exitCode);
  // BusyBox's tar reports a link or an empty folder that it could not create, and succeeds.
  const complaint = /^tar: can't (?:create|make) .*$/m.exec(stderr.text)?.[0];
  if (code !== 0 || exitCode !== 0 || complaint !== undefined) {
    const message = (complaint ?? stderr.firstLine) || `the command exited with ${code || exitCode}`;
    if (/^owner refused$/m.test(stdout.text))
      throw copyFailed(
        `owner: the container's user cannot give files to ${ownerText(options)}: ${message}`,
        undefined,
        ownerHint,
      );
    const hint = isProgramMissing(stderr.text, exitCode) ? shellHint : undefined;
    throw copyFailed(`the container could not ${task}: ${message}`, undefined, hint);
  }
  const arrived = Number(/^arrived (\d+)$/m.exec(stdout.text)?.[1] ?? Number.NaN);
  if (arrived !== sentBytes)
    throw copyIncomplete(`${sentBytes} bytes were sent, but ${arrived} of them arrived in the container`);
}
interface CommandResult {
  readonly stdout: OutputText;
  readonly stderr: OutputText;
  readonly exitCode: number;
  readonly sentBytes: number;
}

/** Runs a script and sends its input; stops sending when the script prints that it failed. */
async function runWithInput(
  open: OpenCommand,
  command: readonly string[],
  input: AsyncIterable<Uint8Array>,
  { signal }: CopyToOptions,
): Promise<CommandResult> {
  const stop = new AbortController();
  let session: ExecSession | undefined;
  try {
    session = await open(command, { stdin: true, signal });
    const stdout = new OutputText(session.stdout, (text) => {
      if (/ended with [1-9]/.test(text)) stop.abort();
    });
    const stderr = new OutputText(session.stderr);
    const sending = sendAll(input, session, stop.signal);
    // The error of the source is more precise than the command's reaction to an incomplete input.
    void sending.then(({ error }) => {
      if (error !== undefined) void session?.close();
    });
    const outcome = await session.ended.then(
      ({ exitCode }) => ({ exitCode, error: undefined }),
      (error: unknown) => ({ exitCode: -1, error }),
    );
    stop.abort();
    const { bytes, error } = await sending;
    if (error !== undefined) throw toCopyError(error);
    if (outcome.error !== undefined) throw withShellHint(outcome.error);
    return { stdout, stderr, exitCode: outcome.exitCode, sentBytes: bytes };
  } finally {
    stop.abort();
    await session?.close();
  }
}

function withShellHint(error: unknown): unknown {
  if (
    !isCriError(error) ||
    error.reason !== "exec_not_started" ||
    !isProgramMissing(error.rawMessage, undefined)
  )
    return error;
  return error.with({ hint: shellHint });
}
