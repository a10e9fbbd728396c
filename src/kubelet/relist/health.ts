import type { RuntimeCondition, StatusResponse } from "../../../gen/runtime/v1/api_pb.js";
import { durationText } from "../../kubernetes/index.js";

/** The health of the runtime and of the relists, as the condition Ready of a node reports it. */
export interface RuntimeHealth {
  /**
   * Why the node cannot run pods, in the kubelet's wording: `container runtime is down`, `PLEG is not healthy: …`, `container runtime not
   * ready: …`. Empty while everything works.
   */
  readonly runtimeErrors: readonly string[];
  /** Why the network of the runtime is not ready, in the kubelet's wording; undefined while it is ready. */
  readonly networkError: string | undefined;
  /** The last response of Status; undefined until the first one. */
  readonly status: StatusResponse | undefined;
}

/** The conditions of CRI's RuntimeStatus. */
const conditionTypes = { runtime: "RuntimeReady", network: "NetworkReady" } as const;

/** The times and the response that health is computed from. Times are milliseconds on one clock. */
export interface HealthInput {
  readonly nowMs: number;
  /** When the last relist began that succeeded. */
  readonly relistedAtMs: number | undefined;
  /** When Status said last that the runtime is ready. */
  readonly runtimeReadyAtMs: number | undefined;
  readonly status: StatusResponse | undefined;
  readonly unhealthyAfterMs: number;
  readonly downAfterMs: number;
}

/** Computes the health, with the kubelet's rules and messages. */
export function runtimeHealth(input: HealthInput): RuntimeHealth {
  const { nowMs, relistedAtMs, runtimeReadyAtMs, status } = input;
  const runtimeErrors: string[] = [];
  if (runtimeReadyAtMs === undefined)
    runtimeErrors.push("container runtime status check may not have completed yet");
  else if (nowMs - runtimeReadyAtMs >= input.downAfterMs) runtimeErrors.push("container runtime is down");
  const pleg = relistProblem(nowMs, relistedAtMs, input.unhealthyAfterMs);
  if (pleg !== undefined) runtimeErrors.push(`PLEG is not healthy: ${pleg}`);
  const runtimeCondition = conditionOf(status, conditionTypes.runtime);
  if (status && !runtimeCondition?.status)
    runtimeErrors.push(`container runtime not ready: ${conditionText(runtimeCondition)}`);
  return { runtimeErrors, networkError: networkError(status), status };
}

/** Returns whether a response of Status reports that the runtime is ready. */
export function isRuntimeReady(status: StatusResponse): boolean {
  return conditionOf(status, conditionTypes.runtime)?.status ?? false;
}

function relistProblem(nowMs: number, relistedAtMs: number | undefined, limitMs: number): string | undefined {
  if (relistedAtMs === undefined) return "pleg has yet to be successful";
  const ageMs = nowMs - relistedAtMs;
  if (ageMs <= limitMs) return undefined;
  return `pleg was last seen active ${durationText(ageMs)} ago; threshold is ${durationText(limitMs)}`;
}

function networkError(status: StatusResponse | undefined): string | undefined {
  if (!status) return "network state unknown";
  const condition = conditionOf(status, conditionTypes.network);
  return condition?.status ? undefined : `container runtime network not ready: ${conditionText(condition)}`;
}

function conditionOf(status: StatusResponse | undefined, type: string): RuntimeCondition | undefined {
  return status?.status?.conditions.find((one) => one.type === type);
}

/** Formats a condition as the kubelet does. */
function conditionText(condition: RuntimeCondition | undefined): string {
  if (!condition) return "<nil>";
  const { type, status, reason, message } = condition;
  return `${type}=${status} reason:${reason} message:${message}`;
}
