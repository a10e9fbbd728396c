import { ApiError, pathNotFound } from "./api-error.js";
import {
  type Call,
  deleteOptions,
  includeObject,
  parsed,
  parsedObject,
  patchKind,
  readDeleteOptions,
  send,
  wantsTable,
} from "./call.js";
import { errorOf } from "./faults.js";
import { type JsonObject, objectAt } from "./json.js";
import type { KubeObject } from "./kube-object.js";
import type { ObjectsApi, Target } from "./objects-api.js";
import type { RequestInfo } from "./request-info.js";
import { groupVersion, type Resource } from "./resources.js";
import { fieldRequirements, fieldSelector, labelSelector, type Selector } from "./selectors.js";
import { table } from "./tables.js";
import type { Tokens } from "./tokens.js";
import { type Watching, watch } from "./watch-stream.js";

const success: JsonObject = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success" };

/** Answers the requests about stored objects. */
export class ResourceHandlers {
  readonly #api: ObjectsApi;
  readonly #tokens: Tokens;
  readonly #bookmarkIntervalMs: number;
  readonly #watches = new Set<() => void>();
  /** Whether watches send nothing; what they would have sent is lost. */
  isSilent = false;

  constructor(api: ObjectsApi, tokens: Tokens, bookmarkIntervalMs: number) {
    this.#api = api;
    this.#tokens = tokens;
    this.#bookmarkIntervalMs = bookmarkIntervalMs;
  }

  /** Ends all watches. */
  endWatches(): void {
    for (const end of [...this.#watches]) end();
  }

  handle(call: Call, resource: Resource): void {
    const { namespace, name, subresource, verb, query } = call.info;
    const target: Target = { resource, namespace, name, subresource };
    const dryRun = query.get("dryRun") === "All";
    if (subresource !== "" && !hasSubresource(target, verb)) throw pathNotFound();
    switch (verb) {
      case "get":
        this.#sendObject(call, resource, 200, this.#api.get(target));
        break;
      case "list":
        this.#list(call, target);
        break;
      case "watch":
        this.#watch(call, target);
        break;
      case "create":
        this.#create(call, target, dryRun);
        break;
      case "update":
        this.#sendObject(call, resource, 200, this.#api.update(target, parsedObject(call), dryRun));
        break;
      case "patch": {
        const patched = this.#api.patch(target, patchKind(call.request), parsed(call), dryRun);
        this.#sendObject(call, resource, 200, patched);
        break;
      }
      case "delete":
        this.#delete(call, target);
        break;
      case "deletecollection":
        this.#deleteCollection(call, target);
        break;
      default:
        throw new ApiError(
          405,
          "MethodNotAllowed",
          "the server does not allow this method on the requested resource",
        );
    }
  }

  #create(call: Call, target: Target, dryRun: boolean): void {
    const body = parsedObject(call);
    switch (target.subresource) {
      case "binding":
        this.#api.bind(target, body);
        send(call, 201, { ...success, code: 201 });
        break;
      case "eviction":
        this.#api.delete(target, { ...readDeleteOptions(objectAt(body, "deleteOptions")), dryRun });
        send(call, 201, { ...success, code: 201 });
        break;
      case "token":
        send(call, 201, this.#tokens.request(target.namespace, target.name, body));
        break;
      default:
        if (target.name !== "")
          throw new ApiError(
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
          );
        this.#sendObject(call, target.resource, 201, this.#api.create(target, body, dryRun));
        break;
    }
  }

  #delete(call: Call, target: Target): void {
    const { object, isGone } = this.#api.delete(target, deleteOptions(call));
    const { name, uid } = object.metadata;
    // A Pod that is gone is answered as it was.
    const { group, plural: kind } = target.resource;
    const details = { name, ...(group && { group }), kind, uid };
    send(call, 200, isGone && object.kind !== "Pod" ? { ...success, details } : object);
  }

  #deleteCollection(call: Call, target: Target): void {
    const { resource } = target;
    const selects = selectorOf(call.info, resource);
    const { items } = this.#api.list(target, { selects });
    for (const { metadata } of items) {
      const one = { resource, namespace: metadata.namespace ?? "", name: metadata.name, subresource: "" };
      this.#api.delete(one, { ...deleteOptions(call), preconditions: undefined });
    }
    send(call, 200, listOf(resource, { resourceVersion: String(this.#api.store.version) }, items));
  }

  #list(call: Call, target: Target): void {
    const { query } = call.info;
    const page = this.#api.list(target, {
      selects: selectorOf(call.info, target.resource),
      resourceVersion: query.get("resourceVersion") ?? undefined,
      resourceVersionMatch: query.get("resourceVersionMatch") ?? undefined,
      limit: Number(query.get("limit") ?? 0),
      continue: query.get("continue") ?? undefined,
    });
    const metadata = {
      resourceVersion: String(page.version),
      ...(page.continue && { continue: page.continue, remainingItemCount: page.remaining }),
    };
    const { resource } = target;
    const body = wantsTable(call)
      ? table(resource, page.items, metadata, includeObject(call.info))
      : listOf(resource, metadata, page.items);
    send(call, 200, body);
  }

  #sendObject(call: Call, resource: Resource, code: number, object: KubeObject): void {
    const { resourceVersion } = object.metadata;
    const shown = wantsTable(call)
      ? table(resource, [object], { resourceVersion }, includeObject(call.info))
      : object;
    send(call, code, shown);
  }

  #watch(call: Call, target: Target): void {
    const { response, info, entry } = call;
    if (call.failure) throw errorOf(call.failure);
    const { query } = info;
    const isTrue = (name: string): boolean => /^(1|true)$/.test(query.get(name) ?? "");
    const showRows = wantsTable(call);
    // The first events wait for the head of the response, which an error may still replace.
    const begun: string[] = [];
    let watching: Watching | undefined;
    let timer: NodeJS.Timeout | undefined;
    const end = (): void => {
      if (!this.#watches.delete(end)) return;
      clearTimeout(timer);
      watching?.stop();
      response.end();
    };
    const request = {
      selects: selectorOf(info, target.resource),
      resourceVersion: query.get("resourceVersion") ?? "",
      resourceVersionMatch: query.get("resourceVersionMatch") ?? "",
      bookmarks: isTrue("allowWatchBookmarks"),
      sendInitialEvents: query.has("sendInitialEvents") ? isTrue("sendInitialEvents") : undefined,
      bookmarkIntervalMs: this.#bookmarkIntervalMs,
    };
    watching = watch(this.#api, target, request, ({ type, object }) => {
      const isRow = showRows && type !== "ERROR" && type !== "BOOKMARK";
      const shown = isRow ? table(target.resource, [object as KubeObject], {}, includeObject(info)) : object;
      const line = `${JSON.stringify({ type, object: shown })}\n`;
      if (!response.headersSent) begun.push(line);
      else if (response.writable && !this.isSilent) response.write(line);
      if (type === "ERROR") setImmediate(end);
    });
    this.#watches.add(end);
    entry.code = 200;
    response.writeHead(200, { "content-type": "application/json" });
    response.flushHeaders();
    for (const line of begun) response.write(line);
    const seconds = Number(query.get("timeoutSeconds") ?? 0) || 1800 + Math.floor(Math.random() * 1800);
    timer = setTimeout(end, seconds * 1000);
    response.on("close", end);
  }
}

/** Whether there is such a subresource, and the verb is one of it. */
function hasSubresource({ resource, subresource }: Target, verb: string): boolean {
  const isChange = ["get", "update", "patch"].includes(verb);
  if (subresource === "status") return resource.status && isChange;
  const name = `${resource.plural}/${subresource}`;
  if (["pods/resize", "pods/ephemeralcontainers"].includes(name)) return isChange;
  return verb === "create" && ["pods/binding", "pods/eviction", "serviceaccounts/token"].includes(name);
}

function selectorOf({ query, name }: RequestInfo, resource: Resource): Selector {
  const labels = labelSelector(query.get("labelSelector") ?? "");
  const fields = fieldSelector(fieldRequirements(resource, query.get("fieldSelector") ?? ""));
  return (object) => labels(object) && fields(object) && (name === "" || object.metadata.name === name);
}

function listOf(resource: Resource, metadata: JsonObject, items: readonly KubeObject[]): JsonObject {
  // The items of a list carry neither their kind nor its version.
  const bare = items.map(({ kind: _, apiVersion: __, ...rest }) => rest as JsonObject);
  return { kind: `${resource.kind}List`, apiVersion: groupVersion(resource), metadata, items: bare };
}
