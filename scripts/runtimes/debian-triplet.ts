import { join } from "node:path";

const triplets: Readonly<Record<string, string>> = {
  x64: "x86_64-linux-gnu",
  arm64: "aarch64-linux-gnu",
};

/** Debian's name of the folders of libraries on this machine. */
export const debianTriplet = triplets[process.arch] ?? process.arch;

/** Returns the `LD_LIBRARY_PATH` for programs of packages that were unpacked into a folder together with their libraries. */
export function libraryPath(folder: string): string {
  return ["usr/lib", "lib"].map((parent) => join(folder, parent, debianTriplet)).join(":");
}
