// Users and groups: from the files of an image, or from those of this host.
import type { DriverUser, ImageFiles } from "./driver.js";

/** One line of `/etc/passwd`. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** One line of `/etc/group`. */
export interface Group {
  readonly name: string;
  readonly gid: number;
  /** The names of its members. */
  readonly members: readonly string[];
}

/** The users and groups that names are looked up in. */
export interface Accounts {
  readonly users: readonly Account[];
  readonly groups: readonly Group[];
}

/** Parses the texts of `/etc/passwd` and `/etc/group`. Skips lines that it does not understand. */
export function parseAccounts(passwd: string, group: string): Accounts {
  const users = passwd.split("\n").flatMap((line) => {
    const [name, , uid, gid] = line.split(":");
    return name && uid && gid ? [{ name, uid: Number(uid), gid: Number(gid) }] : [];
  });
  const groups = group.split("\n").flatMap((line) => {
    const [name, , gid, members = ""] = line.split(":");
    return name && gid ? [{ name, gid: Number(gid), members: members.split(",") }] : [];
  });
  return { users, groups };
}

/** Returns the users and groups of an image; undefined for an image without `/etc/passwd`. */
export function accountsOf(files: ImageFiles): Accounts | undefined {
  const text = (path: string) => Buffer.from(files.get(path) ?? []).toString();
  return files.has("/etc/passwd") ? parseAccounts(text("/etc/passwd"), text("/etc/group")) : undefined;
}

/** Larger numbers are not valid: the largest one means "no change" to the kernel. */
const maxId = 2 ** 32 - 2;

/** A user that was looked up. */
export interface FoundUser extends DriverUser {
  /** The groups that the user is a member of, without the primary one. */
  readonly memberOf: readonly number[];
}

/**
 * Looks up `uid`, `uid:gid`, a name, or a name with a group's number or name. `defaultGid` returns the group of a uid without an account.
 * Returns a text that describes the problem with the user.
 */
export function findUser(
  text: string,
  { users, groups }: Accounts,
  defaultGid: (uid: number) => number,
): FoundUser | string {
  const [, user = "", group] = /^([^:]+)(?::([^:]+))?$/.exec(text) ?? [];
  const isNumber = /^\d+$/.test(user);
  const account = users.find(({ name, uid }) => (isNumber ? uid === Number(user) : name === user));
  const uid = account?.uid ?? (isNumber ? Number(user) : undefined);
  if (uid === undefined) return "no users found";
  const gid =
    group === undefined
      ? (account?.gid ?? defaultGid(uid))
      : /^\d+$/.test(group)
        ? Number(group)
        : groups.find(({ name }) => name === group)?.gid;
  if (gid === undefined) return "no groups found";
  if (uid > maxId) return "uid out of range";
  if (gid > maxId) return "gid out of range";
  const memberOf = groups
    .filter(({ members }) => account && members.includes(account.name))
    .map(({ gid }) => gid);
  return { uid, gid, groups: [gid], memberOf };
}

/** Adds groups to a user, each once. */
export function withGroups(user: DriverUser, more: readonly number[]): DriverUser {
  return { uid: user.uid, gid: user.gid, groups: [...new Set([...user.groups, ...more])] };
}
