import type { ObjectEvent } from "../../kubernetes/index.js";

/** Identifies events that are the same but for their time. */
export function sameEventKey(event: ObjectEvent): string {
  const { involvedObject, type, reason, message } = event;
  return JSON.stringify([...objectOf(event), involvedObject.fieldPath, type, reason, message]);
}

/** Identifies events that differ in their message only, or in the container that they are about. */
export function similarEventKey(event: ObjectEvent): string {
  return JSON.stringify([...objectOf(event), event.type, event.reason]);
}

/** Identifies the events of one object. */
export function objectKey(event: ObjectEvent): string {
  return JSON.stringify(objectOf(event));
}

function objectOf({ source, involvedObject }: ObjectEvent): (string | undefined)[] {
  const { kind, namespace, name, uid } = involvedObject;
  return [source?.component, source?.host, kind, namespace, name, uid];
}
