import { serve } from "cri-sdk/server";
import type { Messages } from "./messages.js";
import { events } from "./subscribers.js";

/** The server of cri-sdk. */
export function serveCriSdk(path: string, { version, event, list }: Messages): Promise<unknown> {
  return serve(path, {
    runtime: {
      version: () => version,
      listContainers: ({ filter }) => list(filter?.id),
      getContainerEvents: (_, { signal }) => events(event, signal),
    },
  });
}
