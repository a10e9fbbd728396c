import { podStatusJson, timeText } from "../../../kubernetes/index.js";
import type { KubeletPod } from "../../kubelet-view.js";
import { answerJson } from "../answer.js";
import type { RequestContext } from "../request-context.js";

/** Answers `/pods`: all Pods that the kubelet knows, with their statuses. */
export async function pods({ parts, response }: RequestContext): Promise<void> {
  answerJson(response, podList(parts.view.pods()));
}

/** Returns a PodList of Pods with their statuses, as JSON has it. */
export function podList(pods: readonly KubeletPod[]) {
  const items = pods.map(({ pod, status }) => {
    const { apiVersion: _apiVersion, kind: _kind, metadata, ...rest } = pod;
    const { creationTimestamp, deletionTimestamp } = metadata;
    return {
      ...rest,
      metadata: {
        ...metadata,
        ...(creationTimestamp && { creationTimestamp: textOf(creationTimestamp) }),
        ...(deletionTimestamp && { deletionTimestamp: textOf(deletionTimestamp) }),
      },
      status: podStatusJson(status),
    };
  });
  return listOf(items);
}

/** Answers `/runningpods/`: the Pods with a container that runs, with those containers. */
export async function runningPods({ parts, response }: RequestContext): Promise<void> {
  const items = parts.view.pods().flatMap((pod) => {
    const containers = runningContainers(pod);
    if (containers.length === 0) return [];
    const { name, namespace, uid } = pod.pod.metadata;
    return [{ metadata: { name, namespace, uid }, spec: { containers }, status: {} }];
  });
  answerJson(response, listOf(items));
}

function listOf(items: readonly unknown[]) {
  return { kind: "PodList", apiVersion: "v1", metadata: {}, items };
}

function runningContainers({ observed }: KubeletPod) {
  return observed.containers
    .filter(({ state }) => state === "running")
    .map(({ name, image }) => ({ name, image, resources: {} }));
}

/** A time that was read from JSON is a text already. */
function textOf(time: Date | string): string {
  return typeof time === "string" ? time : timeText(time);
}
