import type { PodSandbox, PodSandboxStatus } from "../../gen/runtime/v1/api_pb.js";
import { nanosToDate } from "../core/index.js";

/** What never changes about a sandbox, and its address as it was last seen. */
export interface PodFacts {
  /** The sandbox's id. */
  readonly id: string;
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly attempt: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly createdAt: Date | undefined;
  readonly runtimeHandler: string;
  readonly ip: string | undefined;
}

/** By PodSandboxStatus. */
export function factsOfStatus(status: PodSandboxStatus): PodFacts {
  return { ...shared(status), ip: status.network?.ip || undefined };
}

/** By ListPodSandbox, which tells no address. */
export function factsOfSandbox(sandbox: PodSandbox): PodFacts {
  return { ...shared(sandbox), ip: undefined };
}

function shared({
  id,
  metadata,
  labels,
  annotations,
  createdAt,
  runtimeHandler,
}: PodSandbox | PodSandboxStatus) {
  const { name = "", namespace = "", uid = "", attempt = 0 } = metadata ?? {};
  return {
    id,
    name,
    namespace,
    uid,
    attempt,
    labels,
    annotations,
    createdAt: nanosToDate(createdAt),
    runtimeHandler,
  };
}
