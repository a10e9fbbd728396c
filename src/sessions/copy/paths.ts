import { posix, sep } from "node:path";
import { type CriError, criError } from "../../core/index.js";
import { copyFailed } from "./errors.js";

/** The longest target of a link on Linux, in bytes. */
const linkLimit = 4_096;

/** A path in a container as a folder and a name in it; the name is `.` for the folder itself. */
export interface ContainerPath {
  readonly folder: string;
  readonly base: string;
}

/** Splits an absolute path in a container. Throws `invalid_request`. */
export function containerPath(name: string, path: string): ContainerPath {
  const problem = path.startsWith("/")
    ? path.includes("\0")
      ? "must not contain NUL"
      : undefined
    : "must be absolute";
  if (problem !== undefined) throw invalidPath(name, problem, path);
  const clean = posix.normalize(path).replace(/(?<=.)\/$/, "");
  return { folder: posix.dirname(clean), base: posix.basename(clean) || "." };
}

/** A path that ends with a separator, or with a part that only a folder can have. */
const folderPath = sep === "/" ? /(?:^|\/)\.{0,2}$/ : /(?:^|[/\\])\.{0,2}$/;

/** Refuses a path that can only be a folder, such as `/etc/app/`, as the target of a file. Throws `invalid_request`. */
export function refuseFolderPath(target: string): void {
  if (folderPath.test(target))
    throw invalidPath("target", "must end with a file name, since the source is a file", target);
}

/** Returns the target of a link in a folder of a container. Does not normalize it: the meaning of `..` depends on other links. */
export function linkedPath(folder: string, link: string): ContainerPath {
  if (link === "" || link.length > linkLimit || link.includes("\0"))
    throw copyFailed(`${folder}: the target of a link in it is not a valid path`);
  const path = link.startsWith("/") ? link : `${folder}/${link}`;
  const end = path.endsWith("/") ? path.length - 1 : path.length;
  const base = path.slice(path.lastIndexOf("/", end - 1) + 1, end);
  if (["", ".", ".."].includes(base)) return { folder: path, base: "." };
  return { folder: path.slice(0, end - base.length), base };
}

function invalidPath(name: string, problem: string, value: string): CriError {
  return criError("invalid_request", `${name}: ${problem}, got ${JSON.stringify(value)}`, {
    problems: [{ path: name, message: problem, value }],
  });
}

/** Splits the name of an archive entry, without empty parts and dots. Returns undefined for a name that leads out of the archive. */
export function entryParts(name: string): string[] | undefined {
  if (name.startsWith("/") || name.includes("\0")) return undefined;
  // On Windows, these separate folders and drives, too.
  if (sep !== "/" && /[\\:]/.test(name)) return undefined;
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  return parts.includes("..") ? undefined : parts;
}
