/** crictl's files and output: its config files read into messages, and messages written as `crictl -o json` does. */
export {
  type ConfigFileOptions,
  loadContainerConfig,
  loadSandboxConfig,
  type ParseConfigOptions,
  parseContainerConfig,
  parseSandboxConfig,
} from "./config-file.js";
export type { ConfigDialect } from "./dialect.js";
export { type FromGoJsonOptions, fromGoJson, toGoJson } from "./go-json.js";
export { CrictlJson, type CrictlJsonWriter, toCrictlJson } from "./output.js";
export type { UnknownKeys } from "./read-message.js";
