import { join } from "node:path";
import { type InstallOptions, unpacked } from "./unpacked.js";

/** Makes sure of promtool, which brings Prometheus' own parsers. Gives its path. */
export async function installPromtool(options: InstallOptions = {}): Promise<string> {
  return join(await unpacked("promtool", "bookworm", ["prometheus"], options), "usr/bin/promtool");
}
