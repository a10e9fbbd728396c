import { readFileSync } from "node:fs";
import { describe } from "../../../core/index.js";
import { type Accounts, accountsOf, findUser, parseAccounts, withGroups } from "../accounts.js";
import type { DriverContainer, DriverUser } from "../driver.js";
import { invalidRequest, wrongState } from "./errors.js";
import { findProgram } from "./program.js";

/** The user of a process; undefined for the user of this process. */
export type ProcessUser = DriverUser | undefined;

const field = "config.linux.security_context";

/**
 * Looks up the user of a container: in the `/etc/passwd` and `/etc/group` of its image, or in those of this host for an image without
 * them. A uid without an account gets the group with the same number; container runtimes use group 0, which has rights on the host.
 * Groups of this host are not added, for the same reason. Throws `invalid_request` for an unknown user or group.
 */
export function containerUser(
  container: Pick<DriverContainer, "user" | "imageFiles" | "supplementalGroups" | "mergeGroups">,
): ProcessUser {
  const { user, imageFiles, supplementalGroups, mergeGroups } = container;
  if (user === undefined || user === "")
    return supplementalGroups.length > 0 ? withGroups(primaryOf(ownUser()), supplementalGroups) : undefined;
  const ofImage = accountsOf(imageFiles);
  const own = ownUser();
  const found = findUser(user, ofImage ?? hostAccounts(), (uid) => (uid === own.uid ? own.gid : uid));
  if (typeof found === "string") {
    const where = ofImage ? "the image" : "this host";
    const message = `must be a uid or the name of a user of ${where}, optionally with a group of ${where}, got ${describe(user)}: ${found}`;
    throw invalidRequest(field, user, message);
  }
  return withGroups(found, [...(ofImage && mergeGroups ? found.memberOf : []), ...supplementalGroups]);
}

/** Returns the user of this process, which containers without a user run as. */
export function ownUser(): DriverUser {
  const [uid, gid] = [process.geteuid?.() ?? 0, process.getegid?.() ?? 0];
  return withGroups({ uid, gid, groups: [gid] }, process.getgroups?.() ?? []);
}

function primaryOf({ uid, gid }: DriverUser): DriverUser {
  return { uid, gid, groups: [gid] };
}

/** How a process is started as a user. */
export interface SpawnIdentity {
  /** Options of `spawn`; the process then has no groups but the primary one. */
  readonly ids: { readonly uid?: number; readonly gid?: number };
  /** The program and the arguments that start the process's own program; Node cannot set supplementary groups. */
  readonly wrapper: readonly string[];
  /** The owner of its pipes; undefined for this process's user. */
  readonly owner: DriverUser | undefined;
}

/**
 * Determines how to start a process as a user. Rejects with `wrong_state` where only root could do it, and where supplementary groups
 * need the program `setpriv` of util-linux and it is not installed.
 */
export async function spawnIdentity(user: ProcessUser): Promise<SpawnIdentity> {
  const own = ownUser();
  if (!user || isUser(own, user)) return { ids: {}, wrapper: [], owner: undefined };
  if (own.uid !== 0) {
    const hint = "Run as root, or remove the user and the groups from the container's security context";
    if (user.uid !== own.uid)
      throw wrongState(
        `cannot start a process as uid ${user.uid}: this process runs as uid ${own.uid}, and only root can change the user`,
        hint,
      );
    throw wrongState(
      `cannot start a process with the groups ${user.groups}: only root can change groups`,
      hint,
    );
  }
  if (user.groups.length === 1) return { ids: { uid: user.uid, gid: user.gid }, wrapper: [], owner: user };
  const setpriv = await findProgram("setpriv", process.env.PATH ?? "", "/", "").catch(() => {
    throw wrongState(
      `cannot start a process with the groups ${user.groups}: the program setpriv is missing`,
      "Install util-linux, or remove the supplemental groups",
    );
  });
  const options = [`--reuid=${user.uid}`, `--regid=${user.gid}`, `--groups=${user.groups}`, "--"];
  return { ids: {}, wrapper: [setpriv, ...options], owner: user };
}

/** Reports whether a process of this process's user already is what is wanted. A user without privileges cannot drop groups. */
function isUser(own: DriverUser, { uid, gid, groups }: DriverUser): boolean {
  if (own.uid !== uid || own.gid !== gid) return false;
  const has = groups.every((group) => own.groups.includes(group));
  return has && (uid !== 0 || own.groups.length === groups.length);
}

/** Returns what a container's processes will be: users without privileges keep all groups of this process. */
export function reportedUser(user: ProcessUser): DriverUser {
  const own = ownUser();
  return !user || isUser(own, user) ? own : user;
}

function hostAccounts(): Accounts {
  // Some systems have no such files; numeric users still work.
  const read = (path: string) => {
    try {
      return readFileSync(path, "utf8");
    } catch {
      return "";
    }
  };
  return parseAccounts(read("/etc/passwd"), read("/etc/group"));
}
