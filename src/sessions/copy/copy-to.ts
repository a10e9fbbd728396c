import type { Stats } from "node:fs";
import { open as openFile, stat } from "node:fs/promises";
import { bounded, isCriError } from "../../core/index.js";
import type { ExecSession } from "../../streaming/index.js";
import { asCopyFailure, copyFailed, copyIncomplete } from "./failures.js";
import type { CopyResult, CopySource, CopyToOptions } from "./options.js";
import { packContent, packFile, packFolder } from "./pack.js";
import { containerPath, notAFolder } from "./paths.js";
import { lacksProgram, type OpenCommand, Words } from "./remote.js";
import { send } from "./send.js";
import { Tally } from "./tally.js";

/** Input that nobody reads makes containerd lose the command's exit code: it is read to its end whatever happened. */
const drain = '{ code=$?; echo "ended with $code"; cat >/dev/null; exit $code; }';

/**
 * Unpacks its input into the folder `$1`, where no folder `$2` may be, and tells how much input came and how tar ended. The shell stays and holds
 * the output: containerd cuts off the input of a command whose output nobody holds, and calls that a success.
 */
const unpackScript =
  `command -v tar >/dev/null && command -v tee >/dev/null || { echo "no tar"; false || ${drain}; }; ` +
  `mkdir -p -- "$1" || ${drain}; ` +
  // GNU tar puts a file in the place of an empty folder.
  '[ -z "$2" ] || [ ! -d "$1/$2" ] || [ -L "$1/$2" ] || ' +
  `{ echo "$2 is in the way: it is a folder" >&2; false || ${drain}; }; ` +
  '{ { tee /dev/fd/4 | { bytes=$(wc -c); echo "arrived" $bytes >&3; }; } 4>&1 | ' +
  '{ tar -xf - -C "$1"; echo "ended with $?" >&3; cat >/dev/null; }; } 3>&1';

/** Writes its input to the file `$1` with the mode `$2`, and tells its size. */
const writeScript =
  `mkdir -p -- "$(dirname -- "$1")" && cat >"$1" && chmod "$2" "$1" || ${drain}; ` +
  'echo "arrived" $(wc -c <"$1"); echo "ended with 0"';

const shellHint = "Copying into a container needs a shell in it";

/** The folder that is unpacked into, and the name there when it is one file. */
type Into = readonly [folder: string, ...name: string[]];

type Source = { readonly kind: "folder"; readonly path: string } | OneFile;
type OneFile =
  | { readonly kind: "file"; readonly path: string; readonly stats: Stats }
  | { readonly kind: "content"; readonly bytes: Uint8Array; readonly mode: number };

/** Copies into a container. All of its commands have one deadline. */
export function copyTo(
  open: OpenCommand,
  from: CopySource,
  target: string,
  options: CopyToOptions = {},
): Promise<CopyResult> {
  return bounded(options, (signal) => copy(open, from, target, { ...options, signal }));
}

async function copy(
  open: OpenCommand,
  from: CopySource,
  target: string,
  options: CopyToOptions,
): Promise<CopyResult> {
  const { folder, base } = containerPath("target", target);
  const source = await examine(from);
  if (source.kind !== "folder") notAFolder("target", target);
  const tally = new Tally(options.onProgress);
  const archive =
    source.kind === "folder"
      ? packFolder(source.path, options, tally)
      : source.kind === "file"
        ? packFile(source.path, source.stats, base, options, tally)
        : packContent(source.bytes, source.mode, base, options, tally);
  const into: Into = source.kind === "folder" ? [target] : [folder, base];
  if (await unpackThere(open, archive, into, options)) return tally.result();
  if (source.kind === "folder")
    throw copyFailed("the container has no tar, without which only single files are copied");
  return writeThere(open, source, target, options);
}

async function examine(from: CopySource): Promise<Source> {
  if (typeof from !== "string") {
    const { content, mode = 0o644 } = from;
    return { kind: "content", bytes: typeof content === "string" ? Buffer.from(content) : content, mode };
  }
  const stats = await stat(from).catch((error) => {
    throw asCopyFailure(error);
  });
  if (stats.isDirectory()) return { kind: "folder", path: from };
  if (stats.isFile()) return { kind: "file", path: from, stats };
  throw copyFailed(`${from} is neither a file nor a folder`);
}

/** Whether the container could unpack; false when it has no tar. */
async function unpackThere(
  open: OpenCommand,
  archive: AsyncIterable<Uint8Array>,
  [folder, ...name]: Into,
  options: CopyToOptions,
): Promise<boolean> {
  const command = ["sh", "-c", unpackScript, "sh", folder, ...name];
  const ran = await runWithInput(open, command, archive, options);
  if (/^no tar$/m.test(ran.said.text)) return false;
  verify(ran, `unpack into ${folder}`);
  return true;
}

/** Writes one file without tar. */
async function writeThere(
  open: OpenCommand,
  source: OneFile,
  target: string,
  options: CopyToOptions,
): Promise<CopyResult> {
  const tally = new Tally(options.onProgress);
  const mode = (source.kind === "file" ? source.stats.mode : source.mode) & 0o7777;
  const counted = (async function* () {
    tally.file("");
    for await (const chunk of contentOf(source)) {
      tally.bytes(chunk.byteLength);
      yield chunk;
    }
  })();
  const command = ["sh", "-c", writeScript, "sh", target, mode.toString(8)];
  verify(await runWithInput(open, command, counted, options), `write ${target}`);
  return tally.result();
}

/** A file's bytes. It is opened when they are asked for: before, nobody would hear that it cannot be, or close it. */
async function* contentOf(source: OneFile): AsyncGenerator<Uint8Array> {
  if (source.kind === "content") {
    yield source.bytes;
    return;
  }
  const file = await openFile(source.path);
  try {
    yield* file.createReadStream({ autoClose: false }) as AsyncIterable<Buffer>;
  } finally {
    await file.close();
  }
}

/** Holds what a script told to what was sent. */
function verify({ said, complained, exitCode, bytes }: Ran, task: string): void {
  const code = Number(/^ended with (\d+)$/m.exec(said.text)?.[1] ?? exitCode);
  if (code !== 0 || exitCode !== 0) {
    const why = complained.line || `the command ended with ${code || exitCode}`;
    const hint = lacksProgram(complained.text, exitCode) ? shellHint : undefined;
    throw copyFailed(`the container could not ${task}: ${why}`, undefined, hint);
  }
  const arrived = Number(/^arrived (\d+)$/m.exec(said.text)?.[1] ?? Number.NaN);
  if (arrived !== bytes)
    throw copyIncomplete(`${bytes} bytes were sent, and ${arrived} of them arrived in the container`);
}

interface Ran {
  readonly said: Words;
  readonly complained: Words;
  readonly exitCode: number;
  /** How much was sent. */
  readonly bytes: number;
}

/** Runs a script that is fed from here; stops feeding it when it says that it failed. */
async function runWithInput(
  open: OpenCommand,
  command: readonly string[],
  input: AsyncIterable<Uint8Array>,
  { signal }: CopyToOptions,
): Promise<Ran> {
  const stop = new AbortController();
  let session: ExecSession | undefined;
  try {
    session = await open(command, { stdin: true, signal });
    const said = new Words(session.stdout, (text) => {
      if (/ended with [1-9]/.test(text)) stop.abort();
    });
    const complained = new Words(session.stderr);
    const sending = send(input, session, stop.signal);
    // What broke here says more than how the command takes it.
    void sending.then(({ error }) => {
      if (error !== undefined) void session?.close();
    });
    const ended = await session.exit.then(
      ({ exitCode }) => ({ exitCode, error: undefined }),
      (error: unknown) => ({ exitCode: -1, error }),
    );
    stop.abort();
    const { bytes, error } = await sending;
    if (error !== undefined) throw asCopyFailure(error);
    if (ended.error !== undefined) throw needsShell(ended.error);
    return { said, complained, exitCode: ended.exitCode, bytes };
  } finally {
    stop.abort();
    await session?.close();
  }
}

function needsShell(error: unknown): unknown {
  if (!isCriError(error) || error.reason !== "exec_not_started" || !lacksProgram(error.text, undefined))
    return error;
  return error.with({ hint: shellHint });
}
