import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmodSync, chownSync, lstatSync, mkdirSync, renameSync, rmSync, type Stats } from "node:fs";
import { connect, type Server } from "node:net";
import { dirname, join } from "node:path";
import { CriError, describe } from "../core/index.js";

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

/**
 * Lets a server listen on a socket file. It is made under another name and put in place when it can be connected to, so
 * that clients find the old one, or the new one, and never none. A stale file of a process that died is replaced; one
 * that somebody listens on is not. Gives what removes the file, if it is still this one.
 */
export async function listenOnFile(
  server: Server,
  path: string,
  { mode = 0o660, owner }: SocketFileOptions,
): Promise<() => void> {
  const there = fileAt(path);
  if (there && !there.isSocket()) throw inTheWay(path, "it is no socket");
  if (there && (await somebodyListens(path))) throw inTheWay(path, "somebody listens on it");
  mkdirSync(dirname(path), { recursive: true, mode: 0o750 });
  // As long as the name it gets is allowed to be: a socket's path has at most 107 bytes.
  const temporary = join(dirname(path), `.${randomBytes(4).toString("hex")}`);
  try {
    server.listen({ path: temporary });
    await once(server, "listening");
    chmodSync(temporary, mode);
    if (owner) chownSync(temporary, owner.uid, owner.gid);
    renameSync(temporary, path);
  } catch (cause) {
    server.close();
    rmSync(temporary, { force: true });
    const text = `cannot listen on ${path}: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw new CriError({ code: "unavailable", reason: "unreachable", text, cause });
  }
  const made = fileAt(path);
  return () => {
    const now = fileAt(path);
    if (now && now.ino === made?.ino && now.dev === made.dev) rmSync(path, { force: true });
  };
}

function fileAt(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
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
    socket.once("error", (error: NodeJS.ErrnoException) => settle(error.code === "EACCES"));
  });
}

function inTheWay(path: string, why: string): CriError {
  return new CriError({
    code: "already_exists",
    reason: "invalid_endpoint",
    text: `cannot listen on ${describe(path)}: ${why}`,
    problems: [{ path: "endpoint", message: why, value: path }],
  });
}
