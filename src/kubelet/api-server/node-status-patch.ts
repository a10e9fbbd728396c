import type { NodeCondition, NodeStatus } from "../../kubernetes/index.js";
import { isSameJson, mergeListPatch, replaceListPatch } from "./merge-lists.js";

/**
 * Returns the status with the transition times that the API server has, where a condition is still the same: a kubelet that was restarted
 * does not know them.
 */
export function withKnownTransitions(
  status: NodeStatus<string>,
  known: NodeStatus<string> | undefined,
): NodeStatus<string> {
  const conditions = status.conditions?.map((condition): NodeCondition<string> => {
    const before = known?.conditions?.find(({ type }) => type === condition.type);
    if (before?.status !== condition.status || before.lastTransitionTime === undefined) return condition;
    return { ...condition, lastTransitionTime: before.lastTransitionTime };
  });
  return { ...status, ...(conditions && { conditions }) };
}

/**
 * Returns the strategic merge patch of a Node's status. It touches no condition and no resource that others have added. All of ours are in
 * it, for their heartbeats.
 */
export function nodeStatusPatch(status: NodeStatus<string>, known: NodeStatus<string> = {}): object {
  const { conditions, addresses, capacity, allocatable, ...rest } = status;
  const changed = Object.entries(rest).filter(
    ([name, value]) => !isSameJson(value, known[name as keyof typeof rest]),
  );
  const others = (known.conditions ?? []).filter(({ type }) => !conditions?.some((one) => one.type === type));
  const conditionsPatch =
    conditions && mergeListPatch(known.conditions ?? [], [...conditions, ...others], "type");
  const isMoved = addresses !== undefined && !isSameJson(addresses, known.addresses);
  return {
    ...Object.fromEntries(changed),
    ...(conditionsPatch && { conditions: conditionsPatch }),
    // Addresses are merged by their types, of which a Node may have several.
    ...(isMoved && { addresses: replaceListPatch(addresses) }),
    ...(capacity && !isSameJson(capacity, known.capacity) && { capacity }),
    ...(allocatable && !isSameJson(allocatable, known.allocatable) && { allocatable }),
  };
}

/** Returns the status without what changes all the time. */
export function withoutHeartbeats(status: NodeStatus<string>): NodeStatus<string> {
  const conditions = status.conditions?.map(
    ({ lastHeartbeatTime: _lastHeartbeatTime, lastTransitionTime: _lastTransitionTime, ...rest }) => rest,
  );
  return { ...status, ...(conditions && { conditions }) };
}

/** Whether another client has changed a condition of the kubelet, as the node controller does for an unreachable node. */
export function hasForeignConditions(
  status: NodeStatus<string>,
  known: NodeStatus<string> | undefined,
): boolean {
  return (status.conditions ?? []).some((condition) => {
    const there = known?.conditions?.find(({ type }) => type === condition.type);
    return there?.status !== condition.status || there.reason !== condition.reason;
  });
}
