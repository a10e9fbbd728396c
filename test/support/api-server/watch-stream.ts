import { ApiError, badRequest } from "./api-error.js";
import type { JsonObject } from "./json.js";
import { type KubeObject, withMetadata } from "./kube-object.js";
import { type ObjectsApi, type Target, versionOf } from "./objects-api.js";
import { groupVersion } from "./resources.js";
import type { Selector } from "./selectors.js";
import type { StoreEvent } from "./store.js";

/** The fields of a watch request. */
export interface WatchRequest {
  readonly selects: Selector;
  readonly resourceVersion: string;
  readonly resourceVersionMatch: string;
  readonly bookmarks: boolean;
  readonly sendInitialEvents: boolean | undefined;
  /** The time between two bookmarks, in milliseconds. */
  readonly bookmarkIntervalMs: number;
}

/** A message of a watch: an event, or an object of the kind Status as ERROR, after which it ends. */
export interface WatchMessage {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: KubeObject | JsonObject;
}

/** A running watch. */
export interface Watching {
  /** Ends it; a watch with bookmarks sends a last one. */
  stop(): void;
}

/**
 * Sends the events that a watch shows, from a version on.
 *
 * @throws {ApiError} 400 or 422 for a request that contradicts itself
 */
export function watch(
  api: ObjectsApi,
  { resource, namespace }: Target,
  request: WatchRequest,
  send: (message: WatchMessage) => void,
): Watching {
  const { selects, sendInitialEvents, resourceVersion, resourceVersionMatch } = request;
  checkRequest(request);
  const { store } = api;
  const from = versionOf(resourceVersion);
  const selected = (object: KubeObject): boolean =>
    (namespace === "" || object.metadata.namespace === namespace) && selects(object);
  const startsNow = sendInitialEvents ?? (resourceVersion === "" || resourceVersion === "0");
  let pending: StoreEvent[] = [];
  if (resourceVersionMatch === "NotOlderThan") api.checkVersion(from);
  if (startsNow)
    for (const object of store.list(resource.plural).filter(selected)) send({ type: "ADDED", object });
  else if (sendInitialEvents !== false || from > 0)
    try {
      pending = store.since(from);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      send({ type: "ERROR", object: error.status() });
      return { stop: () => undefined };
    }
  const bookmark = (annotations?: Record<string, string>): void => {
    const metadata = { resourceVersion: String(store.version), ...(annotations && { annotations }) };
    send({ type: "BOOKMARK", object: { kind: resource.kind, apiVersion: groupVersion(resource), metadata } });
  };
  if (sendInitialEvents && request.bookmarks) bookmark({ "k8s.io/initial-events-end": "true" });
  const show = (event: StoreEvent): void => {
    if (event.resource !== resource.plural || event.version <= from) return;
    const message = shown(event, selected);
    if (message) send(message);
  };
  for (const event of pending) show(event);
  const unsubscribe = store.subscribe(show);
  const timer = request.bookmarks ? setInterval(bookmark, request.bookmarkIntervalMs) : undefined;
  return {
    stop() {
      unsubscribe();
      clearInterval(timer);
      if (request.bookmarks) bookmark();
    },
  };
}

/** An object that leaves the selection is deleted for this watch, with its last state in it; one that enters it is added. */
function shown(event: StoreEvent, selected: Selector): WatchMessage | undefined {
  const { object, previous } = event;
  const is = event.type !== "DELETED" && selected(object);
  const was = previous !== undefined && selected(previous);
  if (is) return { type: was ? "MODIFIED" : "ADDED", object };
  if (!was) return undefined;
  const last = event.type === "DELETED" ? object : previous;
  return { type: "DELETED", object: withMetadata(last, { resourceVersion: String(event.version) }) };
}

function checkRequest({ sendInitialEvents, resourceVersionMatch, bookmarks }: WatchRequest): void {
  if (sendInitialEvents === undefined) {
    if (resourceVersionMatch !== "")
      throw badRequest(
        "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
      );
    return;
  }
  if (resourceVersionMatch !== "NotOlderThan")
    throw badRequest(
      "resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
    );
  if (sendInitialEvents && !bookmarks)
    throw badRequest("sendInitialEvents: Forbidden: sendInitialEvents requires allowWatchBookmarks");
}
