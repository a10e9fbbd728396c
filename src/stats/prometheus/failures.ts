import type { FailedUsage } from "../read-usage.js";
import type { Families } from "./families.js";
import { failedUsage, scrapeErrors } from "./kubelet-names.js";

/** Pods and containers whose figures the runtime did not give, by name and, with `ids`, by id. */
export function addFailed(families: Families, failed: readonly FailedUsage[], ids: boolean): void {
  for (const { kind, id, name, namespace, podName, podId, podUid, error } of failed) {
    const container = kind === "container" ? { container_id: id } : {};
    const more = ids ? { ...container, pod_id: podId, pod_uid: podUid } : {};
    families.add(failedUsage, { kind, name, namespace, pod: podName, reason: error.reason, ...more }, "1");
  }
}

/** Whether all is there: how many values are missing. */
export function addScrapeErrors(families: Families, missing: number): void {
  for (const info of scrapeErrors) families.add(info, {}, missing > 0 ? "1" : "0");
}
