import type { Pod } from "../kubernetes/index.js";
import type { KubeletEvent } from "./kubelet-event.js";
import type { KubeletView } from "./kubelet-view.js";

/** Returns the object of events about a Pod. */
export function podEventObject({ metadata }: Pick<Pod, "metadata">): KubeletEvent["object"] {
  const { namespace = "", name = "", uid = "" } = metadata ?? {};
  return { kind: "Pod", namespace, name, uid };
}

/** Returns the object of events about a node. As in the kubelet's, the uid is the name: kubectl searches for that. */
export function nodeEventObject(nodeName: string): KubeletEvent["object"] {
  return { kind: "Node", namespace: "", name: nodeName, uid: nodeName };
}

/** Records a warning about the node itself. */
export function recordNodeWarning(
  { record, nodeName }: Pick<KubeletView, "record" | "nodeName">,
  reason: string,
  message: string,
): void {
  record({ type: "Warning", reason, message, object: nodeEventObject(nodeName) });
}
