import { checkArgument } from "../../core/index.js";
import { isStaticPod, keyed, type Taint, type Toleration } from "../../kubernetes/index.js";
import type { AdmissionCheck } from "../admission-check.js";
import { checkedRequest } from "./checked-request.js";
import { predicateFailed } from "./predicate.js";
import { wholeNumber } from "./whole-number.js";

/** Refuses pods that do not tolerate a taint of the node with the effect NoExecute. Static pods are admitted. */
export const checkTaints: AdmissionCheck = checkedRequest("checkTaints", ({ pod, node }) => {
  if (isStaticPod(pod)) return undefined;
  const { tolerations = [] } = pod.spec;
  const isTolerated = (taint: Taint) =>
    taint.effect !== "NoExecute" || tolerations.some((toleration) => toleratesTaint(toleration, taint));
  if ((node.spec?.taints ?? []).every(isTolerated)) return undefined;
  return predicateFailed("TaintToleration", "node(s) had taints that the pod didn't tolerate");
});

/**
 * Reports whether a toleration applies to a taint. An empty key with the operator Exists, and an empty effect, apply to all. Throws
 * `invalid_option` for anything but objects.
 */
export function toleratesTaint(
  toleration: Toleration,
  taint: Pick<Taint, "key" | "value" | "effect">,
): boolean {
  checkArgument("toleratesTaint", "toleration", toleration, keyed);
  checkArgument("toleratesTaint", "taint", taint, keyed);
  const { effect = "", key = "", operator = "", value = "" } = toleration;
  if (effect !== "" && effect !== taint.effect) return false;
  if (key !== "" && key !== taint.key) return false;
  switch (operator) {
    case "":
    case "Equal":
      return value === (taint.value ?? "");
    case "Exists":
      return true;
    case "Gt":
    case "Lt":
      return compares(operator, value, taint.value ?? "");
    default:
      return false;
  }
}

/** The operators for numbers: the taint's value is greater or less than the toleration's. */
function compares(operator: "Gt" | "Lt", value: string, taintValue: string): boolean {
  const [limit, actual] = [wholeNumber(value), wholeNumber(taintValue)];
  if (limit === undefined || actual === undefined) return false;
  return operator === "Gt" ? actual > limit : actual < limit;
}
