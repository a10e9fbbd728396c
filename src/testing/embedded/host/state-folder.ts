import { randomBytes } from "node:crypto";
import {
  accessSync,
  constants,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
} from "node:fs";
import { isCriError } from "../../../core/index.js";
import { temporaryName, writeWhole } from "./atomic-file.js";
import { systemCode, unusableFolder } from "./failures.js";
import { lockFolder, lockName } from "./lock.js";

const stateName = "cri-sdk.json";
const stateKind = "cri-sdk embedded runtime";
const stateVersion = 1;

/** The folder of a driver, which is this process's own until it is let go. */
export interface StateFolder {
  readonly path: string;
  /** Names this folder in the markers of processes; the same for ever. */
  readonly id: string;
  /** Where each container has its folder. */
  readonly containers: string;
  unlock(): void;
}

/** Makes or opens a state folder. Refuses what is not ours or cannot be read, and then changes nothing. */
export async function openStateFolder(stateDir: string): Promise<StateFolder> {
  let unlock: (() => void) | undefined;
  try {
    // Users of containers pass through the folder, but do not look around in it.
    mkdirSync(stateDir, { recursive: true, mode: 0o711 });
    const path = realpathSync(stateDir);
    if (!statSync(path).isDirectory()) throw folderInTheWay(stateDir, stateDir);
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
    refuseStrangers(path);
    unlock = await lockFolder(path);
    const id = readId(path) ?? makeId(path);
    const folder = { path, id, containers: `${path}/containers`, unlock };
    makeFolder(path, folder.containers);
    for (const name of readdirSync(path))
      if (temporaryName.test(name)) rmSync(`${path}/${name}`, { force: true });
    return folder;
  } catch (error) {
    unlock?.();
    if (isCriError(error)) throw error;
    throw explain(stateDir, error);
  }
}

/** Files that we did not make mean that the folder is somebody else's, and that removing things would hurt. */
function refuseStrangers(path: string): void {
  const names = readdirSync(path);
  if (names.includes(stateName)) return;
  // What is left when the first start was cut short.
  const stranger = names.find((name) => name !== lockName && !temporaryName.test(name));
  if (stranger === undefined) return;
  const why = `it has files of others (${JSON.stringify(stranger)}) and no ${stateName}`;
  throw unusableFolder(path, why, "Choose a folder that is empty, or does not exist yet");
}

function readId(path: string): string | undefined {
  let text: string;
  try {
    text = readFileSync(`${path}/${stateName}`, "utf8");
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
  const { kind, version, id } = parseState(text);
  const hint = `Remove ${path} with all that is in it, or choose another folder`;
  if (kind !== stateKind || typeof id !== "string" || !/^[0-9a-f]{16}$/.test(id))
    throw unusableFolder(path, `its ${stateName} is broken, or not ours`, hint);
  if (version !== stateVersion)
    throw unusableFolder(
      path,
      `it was made by another version (${JSON.stringify(version)}, not ${stateVersion})`,
      hint,
    );
  return id;
}

function parseState(text: string): Readonly<Record<string, unknown>> {
  try {
    const state: unknown = JSON.parse(text);
    return typeof state === "object" && state !== null ? { ...state } : {};
  } catch {
    return {};
  }
}

function makeId(path: string): string {
  const id = randomBytes(8).toString("hex");
  writeWhole(path, stateName, `${JSON.stringify({ kind: stateKind, version: stateVersion, id })}\n`);
  return id;
}

function makeFolder(path: string, inner: string): void {
  // Not through a link: what is in these folders gets removed.
  const there = lstatSync(inner, { throwIfNoEntry: false });
  if (!there) mkdirSync(inner, { mode: 0o711 });
  else if (!there.isDirectory()) throw folderInTheWay(path, inner);
}

function folderInTheWay(path: string, inner: string): Error {
  const hint = `Remove ${inner}, or choose another folder`;
  return unusableFolder(path, `${JSON.stringify(inner)} is there, and is no folder`, hint);
}

function explain(path: string, error: unknown): Error {
  const code = systemCode(error);
  const why =
    code === "EACCES" || code === "EPERM" || code === "EROFS"
      ? "this user may not write it"
      : code === "EEXIST" || code === "ENOTDIR"
        ? "there is a file where a folder should be"
        : error instanceof Error
          ? error.message
          : String(error);
  return unusableFolder(path, why, "Choose a folder that this user may make or write", error);
}
