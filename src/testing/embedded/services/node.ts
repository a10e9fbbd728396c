import { CgroupDriver } from "../../../../gen/runtime/v1/api_pb.js";
import type { RuntimeImplementation } from "../../../server/index.js";
import type { Machine } from "../machine.js";
import { info } from "./info.js";

const warnings = {
  host: "containers are processes of this host, without any isolation",
  scripted: "containers are functions of a test",
} as const;

/** The RPCs on the runtime itself. */
export function nodeService({ profile, handlers, driver }: Machine) {
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
      ...(profile.tellsFeatures
        ? { runtimeHandlers: handlers.map((name) => ({ name, features: {} })), features: {} }
        : {}),
      info: verbose
        ? info({ driver: driver.kind, warning: warnings[driver.kind], podCidr: podCidr.value })
        : {},
    }),
    updateRuntimeConfig({ runtimeConfig }) {
      podCidr.value = runtimeConfig?.networkConfig?.podCidr ?? podCidr.value;
      return {};
    },
    runtimeConfig: () => ({ linux: { cgroupDriver: CgroupDriver.CGROUPFS } }),
  } satisfies RuntimeImplementation;
}
