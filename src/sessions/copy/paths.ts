import { posix } from "node:path";
import { CriError } from "../../core/index.js";
import { copyFailed } from "./failures.js";

/** No link of Linux is longer. */
const linkLimit = 4_096;

/** A path in a container: the folder, and the name in it; the name is `.` for the folder itself. */
export interface ContainerPath {
  readonly folder: string;
  readonly base: string;
}

/** An absolute path in a container, cut into the folder and the name in it. Throws `invalid_request`. */
export function containerPath(name: string, path: string): ContainerPath {
  const problem = path.startsWith("/")
    ? path.includes("\0")
      ? "must not have a NUL"
      : undefined
    : "must be absolute";
  if (problem !== undefined) throw invalidPath(name, problem, path);
  const clean = posix.normalize(path).replace(/(?<=.)\/$/, "");
  return { folder: posix.dirname(clean), base: posix.basename(clean) || "." };
}

/** Refuses a path that can only be a folder's, such as `/etc/app/`, as what a file becomes. Throws `invalid_request`. */
export function notAFolder(name: string, path: string): void {
  if (/\/\.{0,2}$/.test(path))
    throw invalidPath(name, "is a folder, and the source is a file: add the file's name", path);
}

/** Where a link leads that is in this folder of a container. Nothing is shortened: what `..` means is up to links. */
export function linkedPath(folder: string, link: string): ContainerPath {
  if (link === "" || link.length > linkLimit || link.includes("\0"))
    throw copyFailed(`a link in ${folder} leads to no path`);
  const path = link.startsWith("/") ? link : `${folder}/${link}`;
  const end = path.endsWith("/") ? path.length - 1 : path.length;
  const base = path.slice(path.lastIndexOf("/", end - 1) + 1, end);
  if (["", ".", ".."].includes(base)) return { folder: path, base: "." };
  return { folder: path.slice(0, end - base.length), base };
}

function invalidPath(name: string, problem: string, value: string): CriError {
  return new CriError({
    code: "invalid_argument",
    reason: "invalid_request",
    text: `${name} ${problem}: ${JSON.stringify(value)}`,
    problems: [{ path: name, message: problem, value }],
  });
}

/** The parts of an archive entry's name, without empty ones and dots; undefined for a name that leaves the archive. */
export function entryParts(name: string): string[] | undefined {
  if (name.startsWith("/") || name.includes("\0")) return undefined;
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  return parts.includes("..") ? undefined : parts;
}
