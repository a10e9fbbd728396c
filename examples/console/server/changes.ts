import { type Cri, isCriError } from "cri-sdk";
import type { ChangeRequest } from "../messages.js";
import { HttpError } from "./access.js";

/** How long a container may run after its stop signal. */
const gracePeriodMs = 10_000;
const timeoutMs = 60_000;

/** Reads the body of a request. Throws {@link HttpError}. */
export function readChangeRequest(body: string): ChangeRequest {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new HttpError(400, "The body is not valid JSON.");
  }
  const { action, kind, id } = Object(value) as Partial<Record<keyof ChangeRequest, unknown>>;
  if (action !== "stop" && action !== "remove")
    throw new HttpError(400, `action: must be "stop" or "remove", got ${JSON.stringify(action)}`);
  if (kind !== "pod" && kind !== "container")
    throw new HttpError(400, `kind: must be "pod" or "container", got ${JSON.stringify(kind)}`);
  if (typeof id !== "string" || id === "")
    throw new HttpError(400, `id: must be a string with the whole id, got ${JSON.stringify(id)}`);
  return { action, kind, id };
}

/** Stops or removes a pod or a container. Succeeds for one that is gone already. */
export async function change(cri: Cri, { action, kind, id }: ChangeRequest): Promise<void> {
  try {
    const found = kind === "pod" ? await cri.pods.get(id) : await cri.containers.get(id);
    // An id that begins like this one is another object.
    if (found.id !== id) return;
    if (action === "stop") await found.stop({ gracePeriodMs, timeoutMs });
    else await found.remove({ timeoutMs });
  } catch (error) {
    if (!isCriError(error) || error.reason !== "object_missing") throw error;
  }
}
