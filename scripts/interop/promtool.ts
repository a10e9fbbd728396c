import { join } from "node:path";
import { type InstallOptions, unpacked } from "./unpacked.js";

/** Installs promtool, which contains Prometheus' own parsers, if it is missing; returns its path. */
export async function installPromtool(options: InstallOptions = {}): Promise<string> {
  return join(await unpacked("promtool", "bookworm", ["prometheus"], options), "usr/bin/promtool");
}
