import { randomBytes } from "node:crypto";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  renameSync,
  rmSync,
  type Stats,
} from "node:fs";
import { connect, type Server } from "node:net";
import { dirname, join } from "node:path";
import { CriError, describe, isCriError } from "../core/index.js";

/** Whom a socket file belongs to, and who may connect. */
export interface SocketFileOptions {
  /**
   * Permissions of the socket file. Whoever may write it may do anything that the runtime can.
   * @default 0o660
   */
  readonly mode?: number | undefined;
  /** @default this process's user and group */
  readonly owner?: { readonly uid: number; readonly gid: number } | undefined;
}

/** How long a socket that is there may take to prove that somebody listens. */
const probeMs = 1_000;
/** The longest path that the kernel takes for a socket. */
const maxPathBytes = 107;
/** How often the place may change hands while it is looked at. */
const maxTurns = 10;

/**
 * Lets a server listen on a socket file. It is made under another name and put in place when it can be connected to. A
 * stale file of a process that died is replaced; one that somebody listens on is not, also when it comes up meanwhile:
 * of several servers that want one path, one gets it. Gives what removes the file, if it is still this one.
 */
export async function listenOnFile(
  server: Server,
  path: string,
  { mode = 0o660, owner }: SocketFileOptions,
): Promise<() => void> {
  const temporary = temporaryName(path);
  try {
    await refuseIfTaken(path);
    mkdirSync(dirname(path), { recursive: true, mode: 0o750 });
    server.listen({ path: temporary });
    // It exists as soon as it listens, which Node says a moment later: nobody else is let in between.
    if (server.listening) chmodSync(temporary, mode);
    await once(server, "listening");
    if (owner) chownSync(temporary, owner.uid, owner.gid);
    const made = lstatSync(temporary);
    await putInPlace(temporary, path);
    return () => {
      if (isSame(fileAt(path), made)) rmSync(path, { force: true });
    };
  } catch (cause) {
    server.close();
    if (isCriError(cause)) throw cause;
    const text = `cannot listen on ${path}: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw new CriError({ code: "unavailable", reason: "unreachable", text, cause });
  } finally {
    discard(temporary);
  }
}

/** The file at a path where nobody listens; undefined where there is none. Throws `invalid_endpoint` for another. */
async function refuseIfTaken(path: string): Promise<Stats | undefined> {
  const there = fileAt(path);
  if (there && !there.isSocket()) throw inTheWay(path, "it is no socket");
  if (there && (await somebodyListens(path))) throw inTheWay(path, "somebody listens on it");
  return there;
}

/** Gives a file its name only if nobody else has it, which a rename would not ask; stale files are moved away first. */
async function putInPlace(temporary: string, path: string): Promise<void> {
  for (let turn = 0; turn < maxTurns; turn++) {
    const stale = await refuseIfTaken(path);
    if (stale) moveAway(path, stale);
    if (linkUnlessTaken(temporary, path)) return;
  }
  throw inTheWay(path, "others keep taking it");
}

/** Removes a stale file. What came in its place since it was looked at is given its name back. */
function moveAway(path: string, stale: Stats): void {
  const aside = temporaryName(path);
  try {
    renameSync(path, aside);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return;
    throw error;
  }
  try {
    if (!isSame(fileAt(aside), stale)) linkUnlessTaken(aside, path);
  } finally {
    discard(aside);
  }
}

function linkUnlessTaken(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    // A file system without links: here the last one to come has the path.
    if (!["EPERM", "ENOTSUP", "ENOSYS"].includes(codeOf(error) ?? "")) throw error;
    renameSync(from, to);
    return true;
  }
}

/** A name beside the path, and not longer than the kernel takes. */
function temporaryName(path: string): string {
  const folder = dirname(path);
  const room = maxPathBytes - Buffer.byteLength(folder) - 2;
  return join(folder, `.${randomBytes(6).toString("hex").slice(0, Math.max(4, room))}`);
}

/** Removes what is ours, if it is there: why it is not, others have said. */
function discard(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {}
}

function fileAt(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

/** Whether it is the same file; inodes are used again, and a socket's time of change is that of its making. */
function isSame(one: Stats | undefined, other: Stats): boolean {
  return one?.ino === other.ino && one.dev === other.dev && one.mtimeMs === other.mtimeMs;
}

function somebodyListens(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    const settle = (listens: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(listens);
    };
    // Whoever accepts slowly is there.
    const timer = setTimeout(() => settle(true), probeMs);
    socket.once("connect", () => settle(true));
    // Only these two say that nobody does: a full backlog, or a socket of another kind, has somebody behind it.
    socket.once("error", (error) => settle(!["ECONNREFUSED", "ENOENT"].includes(codeOf(error) ?? "")));
  });
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

function inTheWay(path: string, why: string): CriError {
  return new CriError({
    code: "already_exists",
    reason: "invalid_endpoint",
    text: `cannot listen on ${describe(path)}: ${why}`,
    problems: [{ path: "endpoint", message: why, value: path }],
  });
}
