import { join } from "node:path";
import { runCommand } from "../runtimes/command.js";
import { libraryPath } from "../runtimes/debian-triplet.js";
import { type InstallOptions, unpacked } from "./unpacked.js";

/** The client of nghttp2, and what it links beside the C library. */
const packages = [
  "nghttp2-client",
  "libc-ares2",
  "libev4",
  "libicu72",
  "libjansson4",
  "libjemalloc2",
  "liblzma5",
  "libnghttp2-14",
  "libssl3",
  "libxml2",
  "zlib1g",
];
/** Runs nghttp2's `nghttp`, which prints every frame, or its load generator `h2load`; resolves with the output. */
export type Nghttp2 = (program: "nghttp" | "h2load", args: readonly string[]) => Promise<string>;

/** Installs nghttp2's clients, if they are missing. */
export async function installNghttp2(options: InstallOptions = {}): Promise<Nghttp2> {
  const folder = await unpacked("nghttp2", "bookworm", packages, options);
  const env = { LD_LIBRARY_PATH: libraryPath(folder) };
  return (program, args) => runCommand(join(folder, "usr/bin", program), args, { env, timeoutMs: 120_000 });
}
