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
import {
  type CriError,
  codeOf,
  criError,
  describe,
  isCriError,
  messageOf,
  OptionTable,
  option,
} from "../core/index.js";

/** The permissions and the owner of a socket file, which decide who may connect. */
export interface SocketFileOptions {
  /**
   * Permissions of the socket file. A user with write permission can do everything that the runtime can.
   * @default 0o660
   */
  readonly mode?: number | undefined;
  /** The owner of the socket file. @default this process's user and group */
  readonly owner?:
    | {
        /** The user id. */
        readonly uid: number;
        /** The group id. */
        readonly gid: number;
      }
    | undefined;
}

const ownerTable = new OptionTable<NonNullable<SocketFileOptions["owner"]>>({
  uid: option.required(option.wholeNumber(0)),
  gid: option.required(option.wholeNumber(0)),
});

/** The options of {@link SocketFileOptions}. */
export const socketFileTable = new OptionTable<SocketFileOptions>({
  mode: (value) =>
    Number.isInteger(value) && value >= 0 && value <= 0o777
      ? undefined
      : "must be permissions from 0o000 to 0o777",
  owner: option.nested(ownerTable),
});

/** How long an existing socket may take to accept a connection before it counts as in use. */
const probeMs = 1_000;
/** The kernel's limit for a socket path. */
const maxPathBytes = 107;
/** How often another process may recreate the file before the attempt is given up. */
const maxAttempts = 10;

/**
 * Makes a server listen on a socket file. The file is created under a temporary name and gets its real one when it accepts
 * connections. The stale file of a dead process is replaced, but never one that another process listens on, even if that appears
 * meanwhile: of several servers that want one path, exactly one succeeds. Returns a function that removes the file, if it is
 * still the same one.
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
    // Set before `listening` is emitted, so that no other user can connect in between.
    if (server.listening) chmodSync(temporary, mode);
    await once(server, "listening");
    if (owner) chownSync(temporary, owner.uid, owner.gid);
    const created = lstatSync(temporary);
    await putInPlace(temporary, path);
    return () => {
      if (isSame(fileAt(path), created)) rmSync(path, { force: true });
    };
  } catch (cause) {
    server.close();
    if (isCriError(cause)) throw cause;
    const text = `cannot listen on ${path}: ${messageOf(cause)}`;
    throw criError("unreachable", text, { cause });
  } finally {
    discard(temporary);
  }
}

/** Returns the stale file at a path, undefined for none. Throws `endpoint_in_use` for a live socket or another kind of file. */
async function refuseIfTaken(path: string): Promise<Stats | undefined> {
  const existing = fileAt(path);
  if (existing && !existing.isSocket()) throw endpointInUse(path, "the file is not a socket");
  if (existing && (await acceptsConnections(path)))
    throw endpointInUse(path, "another process is listening on it");
  return existing;
}

/** Gives the file its name by a link, which fails where the name is taken; a rename would overwrite. Stale files are moved away first. */
async function putInPlace(temporary: string, path: string): Promise<void> {
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const stale = await refuseIfTaken(path);
    if (stale) moveAway(path, stale);
    if (linkUnlessTaken(temporary, path)) return;
  }
  throw endpointInUse(path, "other processes keep recreating it");
}

/** Removes a stale file. If another file has replaced it meanwhile, that one gets its name back. */
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
    // A file system without hard links: the last process wins.
    if (!["EPERM", "ENOTSUP", "ENOSYS"].includes(codeOf(error) ?? "")) throw error;
    renameSync(from, to);
    return true;
  }
}

/** Returns a temporary name in the same directory, within the kernel's limit. */
function temporaryName(path: string): string {
  const folder = dirname(path);
  const available = maxPathBytes - Buffer.byteLength(folder) - 2;
  return join(folder, `.${randomBytes(6).toString("hex").slice(0, Math.max(4, available))}`);
}

/** Removes our own temporary file, ignoring errors: the caller reports the cause. */
function discard(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {}
}

function fileAt(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

/** Compares two files. Inode numbers are reused, so the modification time counts, which a socket keeps from its creation. */
function isSame(one: Stats | undefined, other: Stats): boolean {
  return one?.ino === other.ino && one.dev === other.dev && one.mtimeMs === other.mtimeMs;
}

function acceptsConnections(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    const settle = (accepts: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(accepts);
    };
    // A process that accepts slowly is alive.
    const timer = setTimeout(() => settle(true), probeMs);
    socket.once("connect", () => settle(true));
    // Only these two mean a dead socket; a full backlog or another socket type belongs to a live process.
    socket.once("error", (error) => settle(!["ECONNREFUSED", "ENOENT"].includes(codeOf(error) ?? "")));
  });
}

function endpointInUse(path: string, why: string): CriError {
  return criError("endpoint_in_use", `cannot listen on ${describe(path)}: ${why}`);
}
