import { posix } from "node:path";
import { CriError } from "../../core/index.js";

/** An absolute path in a container, cut into the folder and the name in it. Throws `invalid_request`. */
export function containerPath(
  name: string,
  path: string,
): { readonly folder: string; readonly base: string } {
  const problem = path.startsWith("/")
    ? path.includes("\0")
      ? "must not have a NUL"
      : undefined
    : "must be absolute";
  if (problem !== undefined)
    throw new CriError({
      code: "invalid_argument",
      reason: "invalid_request",
      text: `${name} ${problem}: ${JSON.stringify(path)}`,
      problems: [{ path: name, message: problem, value: path }],
    });
  const clean = posix.normalize(path).replace(/(?<=.)\/$/, "");
  return { folder: posix.dirname(clean), base: posix.basename(clean) || "." };
}

/** The parts of an archive entry's name, without empty ones and dots; undefined for a name that leaves the archive. */
export function entryParts(name: string): string[] | undefined {
  if (name.startsWith("/") || name.includes("\0")) return undefined;
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  return parts.includes("..") ? undefined : parts;
}
