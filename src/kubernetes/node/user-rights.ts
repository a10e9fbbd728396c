import { homedir } from "node:os";
import { join } from "node:path";

/** Whether this process runs as root: only root is asked for mounts, and only root owns the folders of the system. */
export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** The folder of this user's state: $XDG_STATE_HOME when it is absolute, otherwise ~/.local/state. */
export function userStateFolder(): string {
  const { XDG_STATE_HOME: stateHome = "" } = process.env;
  return stateHome.startsWith("/") ? stateHome : join(homedir(), ".local", "state");
}
