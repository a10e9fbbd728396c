import { readFileSync } from "node:fs";
import { describe } from "../../../core/index.js";
import { invalidRequest, wrongState } from "./failures.js";

/** Whom a process runs as; undefined for the user of this process. */
export type ProcessUser = { readonly uid: number; readonly gid: number } | undefined;

/** What `/etc/passwd` tells of a user. */
interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

const field = "config.linux.security_context";

/**
 * Reads `uid`, `uid:gid`, a name, or `name:gid`, by the host's `/etc/passwd`. A user without a line there gets the group
 * of its own number: that of root, which container runtimes give, means something on the host.
 */
export function parseUser(text: string | undefined): ProcessUser {
  if (text === undefined || text === "") return undefined;
  const [, who = "", group] = /^([^:]+)(?::(\d+))?$/.exec(text) ?? [];
  const wanted = /^\d+$/.test(who) ? Number(who) : who;
  const account = accounts().find(({ name, uid }) => wanted === uid || wanted === name);
  const uid = account?.uid ?? (typeof wanted === "number" ? wanted : undefined);
  if (uid === undefined)
    throw invalidRequest(field, text, `must name a user of this host, or be a uid, got ${describe(text)}`);
  const gid = group === undefined ? (account?.gid ?? uid) : Number(group);
  if (uid >= 2 ** 32 - 1 || gid >= 2 ** 32 - 1)
    throw invalidRequest(field, text, "has a number out of range");
  return { uid, gid };
}

/** What a spawn is told of the user. Refuses what only root may do. */
export function becomeUser(user: ProcessUser): { uid?: number; gid?: number } {
  if (!user) return {};
  const [uid, gid] = [process.geteuid?.(), process.getegid?.()];
  if (user.uid === uid && (user.gid === gid || uid !== 0)) return {};
  if (uid === 0) return user;
  throw wrongState(
    `a process cannot run as uid ${user.uid}: this one runs as uid ${uid}, and only root may change that`,
    "Run as root, or leave the user out of the container's security context",
  );
}

function accounts(): Account[] {
  let text = "";
  try {
    text = readFileSync("/etc/passwd", "utf8");
  } catch {
    // Some systems keep their users elsewhere; numbers still work.
  }
  return text.split("\n").flatMap((line) => {
    const [name, , uid, gid] = line.split(":");
    return name && uid && gid ? { name, uid: Number(uid), gid: Number(gid) } : [];
  });
}
