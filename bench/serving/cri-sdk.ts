import { serve } from "cri-sdk/server";
import { list, version } from "./handlers.js";

/** This package's server. */
export function serveCriSdk(path: string): Promise<unknown> {
  return serve(path, { runtime: { version: () => version, listContainers: () => list } });
}
