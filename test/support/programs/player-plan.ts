import type { PlayPodOptions, Pod } from "../../../src/kubernetes/index.js";

/** What the program plays, and when it is killed. */
export interface PlayerPlan {
  readonly endpoint: string;
  readonly manifest: Pod;
  readonly options: Pick<PlayPodOptions, "rootDir" | "node" | "withoutMounts">;
  /** The number of the call that changes something, from 1; 0 for none. */
  readonly call: number;
  readonly moment: "during" | "after";
}

/** The calls that change something, by their CRI names: all that a worker makes. */
export const changingCalls: ReadonlySet<string> = new Set([
  "PullImage",
  "RunPodSandbox",
  "CreateContainer",
  "StartContainer",
  "ExecSync",
  "StopContainer",
  "StopPodSandbox",
  "RemoveContainer",
  "RemovePodSandbox",
]);
