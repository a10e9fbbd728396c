// The room of crictl's formats: reads its config files into messages, and formats messages as `crictl -o json` does. Other
// rooms import it by this file; the door `cri-sdk/crictl` (`src/crictl.ts`) lists what is public.
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
export type { UnknownKeyPolicy } from "./read-message.js";
