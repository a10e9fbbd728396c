import { markerName } from "./process-table.js";

/** Where a program is looked for when the container's PATH does not say. */
export const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Tells a process where its container's folder is, as it is not the root of what it sees. */
export const rootfsName = "CRI_SDK_ROOTFS";

/** Where a process is at home. */
export interface Surroundings {
  readonly rootfs: string;
  readonly workingDir: string;
  readonly marker: string;
  readonly tty: boolean;
}

/** The whole environment of a process. Nothing of this process's own environment is in it. */
export function environmentOf(
  given: Readonly<Record<string, string>>,
  { rootfs, workingDir, marker, tty }: Surroundings,
): Record<string, string> {
  return {
    PATH: defaultPath,
    // Not the real one of the user: what programs keep there goes with the container.
    HOME: rootfs,
    ...(tty ? { TERM: "xterm" } : {}),
    ...given,
    PWD: workingDir,
    [rootfsName]: rootfs,
    [markerName]: marker,
  };
}
