/**
 * Reads crictl's config files into CRI messages, and formats CRI messages as `crictl -o json` prints them.
 *
 * @packageDocumentation
 */

// Config files.
// Output.
export {
  type ConfigDialect,
  type ConfigFileOptions,
  CrictlJson,
  type CrictlJsonWriter,
  type FromGoJsonOptions,
  fromGoJson,
  loadContainerConfig,
  loadSandboxConfig,
  type ParseConfigOptions,
  parseContainerConfig,
  parseSandboxConfig,
  toCrictlJson,
  toGoJson,
  type UnknownKeyPolicy,
} from "./crictl/index.js";
