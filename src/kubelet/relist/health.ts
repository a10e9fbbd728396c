import type { StatusResponse } from "../../../gen/runtime/v1/api_pb.js";

/** The health of the runtime and of the relists, as the condition Ready of a node reports it. */
export interface RuntimeHealth {
  /**
   * Why the node cannot run pods, in the kubelet's words: `container runtime is down`, `PLEG is not healthy: …`, `container runtime not
   * ready: …`. Empty while everything works.
   */
  readonly runtimeErrors: readonly string[];
  /** Why the network of the runtime is not ready, in the kubelet's words; undefined while it is ready. */
  readonly networkError: string | undefined;
  /** The last response of Status; undefined until the first one. */
  readonly status: StatusResponse | undefined;
}
