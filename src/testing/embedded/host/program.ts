import { constants } from "node:fs";
import { access, mkdir, stat } from "node:fs/promises";
import { posix, resolve } from "node:path";
import { codeOf } from "../../../core/index.js";
import { notStarted } from "./errors.js";

/** Finds a working directory: in the container's folder, else on the host, else newly created in the container's folder. */
export async function resolveWorkingDir(
  rootfs: string,
  workingDir: string,
  program: string,
): Promise<string> {
  const path = posix.normalize(`/${workingDir}`);
  const inRootfs = path === "/" ? rootfs : `${rootfs}${path}`;
  for (const candidate of [inRootfs, path]) {
    const kind = await kindOf(candidate);
    if (kind === "folder") return candidate;
    if (kind === "other")
      throw notStarted(
        program,
        `the working directory ${JSON.stringify(path)} is not a directory that can be entered`,
      );
  }
  try {
    await mkdir(inRootfs, { recursive: true });
    return inRootfs;
  } catch (error) {
    throw notStarted(program, `no such working directory: ${JSON.stringify(path)}`, error);
  }
}

/**
 * Finds the file of a program: a bare name in `path` (the container's PATH); an absolute path in the container's folder (a
 * mounted script) and then on the host.
 */
export async function findProgram(
  program: string,
  path: string,
  workingDir: string,
  rootfs: string,
): Promise<string> {
  if (program === "") throw notStarted(program, "executable file not found: its name is empty");
  const candidates = program.startsWith("/")
    ? [`${rootfs}${posix.normalize(program)}`, program]
    : program.includes("/")
      ? [resolve(workingDir, program)]
      : path.split(":").map((folder) => resolve(workingDir, folder || ".", program));
  let why = program.includes("/") ? "no such file or directory" : "executable file not found in $PATH";
  for (const candidate of candidates) {
    const kind = await kindOf(candidate);
    if (kind === "folder" && program.includes("/")) why = "is a directory";
    if (kind !== "other") continue;
    // Checks this process's own user; the start itself reports a missing permission of another user.
    if (await isExecutable(candidate)) return candidate;
    why = "permission denied";
  }
  throw notStarted(program, why);
}

async function kindOf(path: string): Promise<"folder" | "other" | undefined> {
  try {
    return (await stat(path)).isDirectory() ? "folder" : "other";
  } catch (error) {
    return codeOf(error) === "EACCES" ? "other" : undefined;
  }
}

function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
