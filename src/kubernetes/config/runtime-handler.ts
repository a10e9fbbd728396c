import { StartError } from "../start-error.js";
import type { PodInputs } from "./pod-inputs.js";
import type { PodView } from "./pod-view.js";

/** Returns RunPodSandboxRequest.runtime_handler: that of the pod's RuntimeClass, "" without one. */
export function runtimeHandlerOf({ spec }: PodView, { runtimeClasses = {} }: PodInputs): string {
  const name = spec.runtimeClassName;
  if (name === undefined || name === "") return "";
  if (Object.hasOwn(runtimeClasses, name)) return runtimeClasses[name] ?? "";
  throw new StartError(
    "FailedCreatePodSandBox",
    `spec.runtimeClassName: RuntimeClass ${JSON.stringify(name)} not found`,
    { hint: `Pass \`runtimeClasses: { ${JSON.stringify(name)}: "<handler>" }\`` },
  );
}
