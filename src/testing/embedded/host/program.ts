import { constants } from "node:fs";
import { access, mkdir, stat } from "node:fs/promises";
import { posix, resolve } from "node:path";
import { notStarted, systemCode } from "./failures.js";

/**
 * Where a process works: the folder of the container if it has one at that path, the same folder of the host if that
 * exists, or else a new one in the container.
 */
export async function workingDirOf(rootfs: string, asked: string, program: string): Promise<string> {
  const path = posix.normalize(`/${asked}`);
  const inside = path === "/" ? rootfs : `${rootfs}${path}`;
  for (const place of [inside, path]) {
    const kind = await kindOf(place);
    if (kind === "folder") return place;
    if (kind === "other")
      throw notStarted(
        program,
        `the working directory ${JSON.stringify(path)} is not a directory that may be entered`,
      );
  }
  try {
    await mkdir(inside, { recursive: true });
    return inside;
  } catch (error) {
    throw notStarted(program, `no such working directory: ${JSON.stringify(path)}`, error);
  }
}

/**
 * The file of a program: by the container's PATH, or for an absolute path the file in the container (a mounted script)
 * before that of the host.
 */
export async function findProgram(
  program: string,
  path: string,
  workingDir: string,
  rootfs: string,
): Promise<string> {
  if (program === "") throw notStarted(program, "executable file not found: its name is empty");
  const places = program.startsWith("/")
    ? [`${rootfs}${posix.normalize(program)}`, program]
    : program.includes("/")
      ? [resolve(workingDir, program)]
      : path.split(":").map((folder) => resolve(workingDir, folder || ".", program));
  let why = program.includes("/") ? "no such file or directory" : "executable file not found in $PATH";
  for (const place of places) {
    const kind = await kindOf(place);
    if (kind === "folder" && program.includes("/")) why = "is a directory";
    if (kind !== "other") continue;
    // Node asks for this process's own user; that another one may not is told by the start itself.
    if (await mayExecute(place)) return place;
    why = "permission denied";
  }
  throw notStarted(program, why);
}

async function kindOf(path: string): Promise<"folder" | "other" | undefined> {
  try {
    return (await stat(path)).isDirectory() ? "folder" : "other";
  } catch (error) {
    return systemCode(error) === "EACCES" ? "other" : undefined;
  }
}

function mayExecute(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
