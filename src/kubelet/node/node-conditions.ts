import { isRecord } from "../../core/index.js";
import type { NodeCondition } from "../../kubernetes/index.js";
import type { NodePressures } from "../eviction/index.js";
import type { RuntimeHealth } from "../relist/index.js";

/** A condition without its times, which the kubelet sets. */
export type NodeConditionState = Omit<NodeCondition, "lastHeartbeatTime" | "lastTransitionTime">;

/** Changes the conditions of a Node, or adds some. The times of what it returns are ignored. */
export type NodeConditionsHook = (
  conditions: readonly NodeConditionState[],
) => readonly NodeConditionState[] | Promise<readonly NodeConditionState[]>;

/** The reasons and messages of a pressure, without and with it. */
interface PressureTexts {
  readonly type: string;
  readonly absent: readonly [reason: string, message: string];
  readonly present: readonly [reason: string, message: string];
}

const pressureTexts: Readonly<Record<keyof NodePressures, PressureTexts>> = {
  memory: {
    type: "MemoryPressure",
    absent: ["KubeletHasSufficientMemory", "kubelet has sufficient memory available"],
    present: ["KubeletHasInsufficientMemory", "kubelet has insufficient memory available"],
  },
  disk: {
    type: "DiskPressure",
    absent: ["KubeletHasNoDiskPressure", "kubelet has no disk pressure"],
    present: ["KubeletHasDiskPressure", "kubelet has disk pressure"],
  },
  pid: {
    type: "PIDPressure",
    absent: ["KubeletHasSufficientPID", "kubelet has sufficient PID available"],
    present: ["KubeletHasInsufficientPID", "kubelet has insufficient PID available"],
  },
};

/** Returns the conditions of a node in the kubelet's order: the pressures, then Ready. */
export function nodeConditions(
  pressures: NodePressures,
  health: Pick<RuntimeHealth, "runtimeErrors" | "networkError">,
): readonly NodeConditionState[] {
  const { runtimeErrors, networkError } = health;
  return [
    pressureCondition(pressures, "memory"),
    pressureCondition(pressures, "disk"),
    pressureCondition(pressures, "pid"),
    readyCondition([...runtimeErrors, ...(networkError === undefined ? [] : [networkError])]),
  ];
}

function pressureCondition(pressures: NodePressures, name: keyof NodePressures): NodeConditionState {
  const { type, absent, present } = pressureTexts[name];
  const [reason, message] = pressures[name] ? present : absent;
  return { type, status: pressures[name] ? "True" : "False", reason, message };
}

/** Returns the condition Ready: with several errors, its message lists them in brackets. */
export function readyCondition(errors: readonly string[]): NodeConditionState {
  const different = [...new Set(errors)];
  const [first] = different;
  if (first === undefined)
    return {
      type: "Ready",
      status: "True",
      reason: "KubeletReady",
      message: "kubelet is posting ready status",
    };
  const message = different.length === 1 ? first : `[${different.join(", ")}]`;
  return { type: "Ready", status: "False", reason: "KubeletNotReady", message };
}

/** Returns the conditions with their times: the heartbeat is now, and the transition time is kept while the status is the same. */
export function withTimes(
  states: readonly NodeConditionState[],
  before: readonly NodeCondition[],
  now: Date,
): NodeCondition<Date>[] {
  const known = new Map(before.map((condition) => [condition.type, condition]));
  return states.map(({ type, status, reason, message }) => {
    const old = known.get(type);
    const since = old?.status === status ? old.lastTransitionTime : undefined;
    return {
      type,
      status,
      lastHeartbeatTime: now,
      lastTransitionTime: since === undefined ? now : new Date(since),
      ...(reason === undefined ? {} : { reason }),
      ...(message === undefined ? {} : { message }),
    };
  });
}

/** Returns the conditions with the transition times of an earlier run, where the status is the same. */
export function sinceEarlier(
  conditions: readonly NodeCondition<Date>[],
  earlier: readonly NodeCondition[],
): NodeCondition<Date>[] {
  const known = new Map(earlier.map((condition) => [condition.type, condition]));
  return conditions.map((condition) => {
    const old = known.get(condition.type);
    if (old?.status !== condition.status || old.lastTransitionTime === undefined) return condition;
    return { ...condition, lastTransitionTime: new Date(old.lastTransitionTime) };
  });
}

const statuses: ReadonlySet<unknown> = new Set(["True", "False", "Unknown"]);

/** Returns the conditions of a callback unchanged. Throws when they are not conditions, or when Ready is missing. */
export function checkedConditions(given: readonly NodeConditionState[]): readonly NodeConditionState[] {
  const isCondition = (one: NodeConditionState) =>
    isRecord(one) && typeof one.type === "string" && statuses.has(one.status);
  if (!Array.isArray(given) || !given.every(isCondition))
    throw new TypeError('must return conditions with a type, and the status "True", "False" or "Unknown"');
  const types = new Set(given.map(({ type }) => type));
  if (types.size < given.length) throw new TypeError("must return each type of condition once");
  if (!types.has("Ready")) throw new TypeError("must return the condition Ready");
  return given;
}

const eventReasons: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  MemoryPressure: { True: "NodeHasInsufficientMemory", False: "NodeHasSufficientMemory" },
  DiskPressure: { True: "NodeHasDiskPressure", False: "NodeHasNoDiskPressure" },
  PIDPressure: { True: "NodeHasInsufficientPID", False: "NodeHasSufficientPID" },
  Ready: { True: "NodeReady", False: "NodeNotReady" },
};

/** Returns the reasons of the events about conditions whose status has changed, in the order of the conditions. */
export function conditionEvents(
  before: readonly NodeCondition[],
  after: readonly NodeCondition[],
): readonly string[] {
  const known = new Map(before.map(({ type, status }) => [type, status]));
  return after.flatMap(({ type, status }) => {
    if (known.get(type) === status) return [];
    const reason = eventReasons[type]?.[status];
    return reason === undefined ? [] : [reason];
  });
}
