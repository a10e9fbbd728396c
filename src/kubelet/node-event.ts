import type { KubeletEvent } from "./kubelet-event.js";
import type { KubeletView } from "./kubelet-view.js";

/** Records a warning about the node itself. As the kubelet does, it uses the name of the Node as its uid. */
export function recordNodeWarning(
  { record, nodeName }: Pick<KubeletView, "record" | "nodeName">,
  reason: string,
  message: string,
): void {
  const object: KubeletEvent["object"] = { kind: "Node", namespace: "", name: nodeName, uid: nodeName };
  record({ type: "Warning", reason, message, object });
}
