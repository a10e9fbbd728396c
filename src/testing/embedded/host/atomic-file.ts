import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, linkSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { systemCode } from "./failures.js";

/** What the names of files look like that are not in their place yet; a crash may leave some. */
export const temporaryName = /^\.cri-sdk\.[0-9a-f]{12}\.tmp$/;

/** A new name for a temporary file in a folder. */
export function temporaryIn(folder: string): string {
  return `${folder}/.cri-sdk.${randomBytes(6).toString("hex")}.tmp`;
}

/** Writes a file so that others find the old text or the new one, also after a crash, and never a part. */
export function writeWhole(folder: string, name: string, text: string): void {
  const temporary = writeTemporary(folder, text);
  try {
    renameSync(temporary, `${folder}/${name}`);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** Like {@link writeWhole}, but only where no such file is; false where there is one. */
export function createWhole(folder: string, name: string, text: string): boolean {
  const temporary = writeTemporary(folder, text);
  try {
    linkSync(temporary, `${folder}/${name}`);
    return true;
  } catch (error) {
    if (systemCode(error) === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
}

function writeTemporary(folder: string, text: string): string {
  const path = temporaryIn(folder);
  const file = openSync(path, "wx", 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  return path;
}
