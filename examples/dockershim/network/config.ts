// The configuration of the pod network: the first file of the CNI folder in lexical order, as in containerd and CRI-O.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { criError } from "cri-sdk/server";
import { messageOf } from "../errors.js";

/** A network: plugins that are called one after the other. Each extends the result of the previous one. */
export interface Network {
  readonly name: string;
  readonly cniVersion: string;
  readonly plugins: readonly PluginConfig[];
}

/** The configuration of one plugin. Its other fields concern only the plugin. */
export interface PluginConfig {
  /** The name of its program. */
  readonly type: string;
  /** The settings that it takes from the runtime, such as `{ portMappings: true }`. */
  readonly capabilities?: Readonly<Record<string, boolean>>;
  /** The plugin that assigns addresses. */
  readonly ipam?: { readonly type?: string; readonly dataDir?: string };
}

/** Reads the network. Fails if the folder has no configuration or an invalid one: a later file is not used instead. */
export async function readNetwork(confDir: string): Promise<Network> {
  const entries = await readdir(confDir, { withFileTypes: true }).catch((error: Error) => {
    throw unusable(`${confDir}: ${error.message}`, error);
  });
  const [first] = entries
    .filter((entry) => !entry.isDirectory() && /\.(conflist|conf|json)$/.test(entry.name))
    .map((entry) => join(confDir, entry.name))
    .sort();
  if (first === undefined) throw unusable(`${confDir} contains no CNI configuration`);
  try {
    return parseNetwork(await readFile(first, "utf8"));
  } catch (error) {
    throw unusable(`${first}: ${messageOf(error)}`, error);
  }
}

/** Parses a list of plugins, or the configuration of a single one. */
function parseNetwork(text: string): Network {
  // Checked below, as far as the shim uses it.
  const config = JSON.parse(text) as Partial<Network> | null;
  const { name, cniVersion = "0.1.0" } = config ?? {};
  if (typeof name !== "string" || name === "") throw new Error("name must be a string");
  const plugins: unknown = config?.plugins ?? [config];
  if (!Array.isArray(plugins) || plugins.length === 0) throw new Error("plugins must be a list of plugins");
  if (!plugins.every(isPluginConfig)) throw new Error("the type of a plugin must be a string");
  return { name, cniVersion, plugins };
}

function isPluginConfig(value: unknown): value is PluginConfig {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}

function unusable(text: string, cause?: unknown): Error {
  return criError("runtime_error", `the pod network is not usable: ${text}`, { code: "unknown", cause });
}
