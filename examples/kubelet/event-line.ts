import type { KubeletEvent } from "cri-sdk/kubelet";

/** Returns an event as one line, whatever its message contains; warnings have an exclamation mark. */
export function eventLine({ timeMs, type, reason, message, object }: KubeletEvent): string {
  const time = new Date(timeMs).toISOString().slice(11, 19);
  const { namespace, name, fieldPath } = object;
  const container = /\{(.*)\}$/.exec(fieldPath ?? "")?.[1];
  const what = [namespace, name, container].filter(Boolean).join("/");
  return `${time} ${type === "Warning" ? "!" : " "} ${what} ${reason}: ${message.replace(/\s*[\r\n]+\s*/g, " ")}`;
}
