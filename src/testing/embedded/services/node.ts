import { CgroupDriver } from "../../../../gen/runtime/v1/api_pb.js";
import type { RuntimeImplementation } from "../../../server/index.js";
import type { ReportedFeatures } from "../profile.js";
import type { RuntimeState } from "../runtime-state.js";
import { verboseInfo } from "./verbose-info.js";

/** The RPCs about the runtime itself. */
export function nodeService({ profile, handlers, driver }: RuntimeState) {
  const podCidr = { value: "" };
  return {
    version: () => ({
      version: "0.1.0",
      runtimeName: profile.runtimeName,
      runtimeVersion: profile.runtimeVersion,
      runtimeApiVersion: "v1",
    }),
    status: ({ verbose }) => ({
      status: {
        conditions: [
          { type: "RuntimeReady", status: true },
          { type: "NetworkReady", status: true },
        ],
      },
      ...(profile.features ? featuresOf(profile.features, handlers) : {}),
      info: verbose
        ? verboseInfo({ driver: driver.kind, warning: driver.notice, podCidr: podCidr.value })
        : {},
    }),
    updateRuntimeConfig({ runtimeConfig }) {
      podCidr.value = runtimeConfig?.networkConfig?.podCidr ?? podCidr.value;
      return {};
    },
    runtimeConfig: () => ({ linux: { cgroupDriver: CgroupDriver.CGROUPFS } }),
  } satisfies RuntimeImplementation;
}

/** Converts the features of a runtime to fields of StatusResponse. There are no user namespaces without isolation. */
function featuresOf(
  { supplementalGroupsPolicy, recursiveReadOnlyMounts }: ReportedFeatures,
  handlers: readonly string[],
) {
  const handlerFeatures = { recursiveReadOnlyMounts, userNamespaces: false };
  return {
    runtimeHandlers: handlers.map((name) => ({ name, features: handlerFeatures })),
    features: { supplementalGroupsPolicy },
  };
}
