import { randomBytes } from "node:crypto";
import {
  accessSync,
  constants,
  lstatSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
} from "node:fs";
import { codeOf, FileRefused, isCriError, messageOf, readRegularFileSync } from "../../../core/index.js";
import { unusableStateDir } from "./errors.js";
import { lockFolder, lockName, temporaryName, writeAtomically } from "./folder-lock.js";

const stateName = "cri-sdk.json";
const stateKind = "cri-sdk embedded runtime";
const stateVersion = 1;

/** The state directory of a driver, locked for this process. */
export interface StateFolder {
  readonly path: string;
  /** Identifies the folder in the markers of processes; never changes. */
  readonly id: string;
  /** The folder with one folder for each container. */
  readonly containers: string;
  unlock(): void;
}

/**
 * Creates or opens a state directory, and locks it. Rejects with `invalid_option` for a directory that is in use, contains
 * other files, or has an invalid state file; changes nothing then.
 */
export async function openStateFolder(stateDir: string): Promise<StateFolder> {
  let unlock: (() => void) | undefined;
  try {
    // Processes of other users can pass through the directory, but not list it.
    mkdirSync(stateDir, { recursive: true, mode: 0o711 });
    const path = realpathSync(stateDir);
    if (!statSync(path).isDirectory()) throw notADirectory(stateDir, stateDir);
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
    checkOwnFiles(path);
    unlock = await lockFolder(path);
    const id = readId(path) ?? createId(path);
    const folder = { path, id, containers: `${path}/containers`, unlock };
    createContainersFolder(path, folder.containers);
    for (const name of readdirSync(path))
      if (temporaryName.test(name)) rmSync(`${path}/${name}`, { force: true });
    return folder;
  } catch (error) {
    unlock?.();
    if (isCriError(error)) throw error;
    throw explain(stateDir, error);
  }
}

/** Refuses a directory that contains other files: it is not a state directory, and the driver removes what it finds. */
function checkOwnFiles(path: string): void {
  const names = readdirSync(path);
  if (names.includes(stateName)) return;
  // A first start that was interrupted leaves a lock and temporary files.
  const other = names.find((name) => name !== lockName && !temporaryName.test(name));
  if (other === undefined) return;
  const why = `it contains other files (${JSON.stringify(other)}) and no ${stateName}`;
  throw unusableStateDir(path, why, "Choose a directory that is empty or does not exist");
}

function readId(path: string): string | undefined {
  let content: string;
  try {
    content = readRegularFileSync(`${path}/${stateName}`).toString();
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    if (error instanceof FileRefused)
      throw unusableStateDir(path, `its ${stateName} ${error.message}`, removeHint(path));
    throw error;
  }
  const { kind, version, id } = parseState(content);
  const hint = removeHint(path);
  if (kind !== stateKind || typeof id !== "string" || !/^[0-9a-f]{16}$/.test(id))
    throw unusableStateDir(path, `its ${stateName} is damaged or belongs to another program`, hint);
  if (version !== stateVersion)
    throw unusableStateDir(
      path,
      `its format version is ${JSON.stringify(version)}, this version of cri-sdk uses ${stateVersion}`,
      hint,
    );
  return id;
}

function removeHint(path: string): string {
  return `Remove ${path} with its contents, or choose another directory`;
}

function parseState(content: string): Readonly<Record<string, unknown>> {
  try {
    const state: unknown = JSON.parse(content);
    return typeof state === "object" && state !== null ? { ...state } : {};
  } catch {
    return {};
  }
}

function createId(path: string): string {
  const id = randomBytes(8).toString("hex");
  writeAtomically(path, stateName, `${JSON.stringify({ kind: stateKind, version: stateVersion, id })}\n`);
  return id;
}

function createContainersFolder(path: string, containers: string): void {
  // A link is refused: the driver removes the contents of this folder.
  const existing = lstatSync(containers, { throwIfNoEntry: false });
  if (!existing) mkdirSync(containers, { mode: 0o711 });
  else if (!existing.isDirectory()) throw notADirectory(path, containers);
}

function notADirectory(stateDir: string, path: string): Error {
  const hint = `Remove ${path}, or choose another directory`;
  return unusableStateDir(stateDir, `${JSON.stringify(path)} exists and is not a directory`, hint);
}

function explain(path: string, error: unknown): Error {
  const code = codeOf(error);
  const why =
    code === "EACCES" || code === "EPERM" || code === "EROFS"
      ? "this user has no write permission"
      : code === "EEXIST" || code === "ENOTDIR"
        ? "a part of the path is a file"
        : messageOf(error);
  return unusableStateDir(path, why, "Choose a directory that this user can create or write to", error);
}
