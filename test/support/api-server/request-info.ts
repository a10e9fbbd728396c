/** The attributes of a request, read from its method and URL. */
export interface RequestInfo {
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** get, list, watch, create, update, patch, delete or deletecollection; for other paths the method in lower case. */
  readonly verb: string;
  /** false: the fields below are "". */
  readonly isResource: boolean;
  readonly group: string;
  readonly version: string;
  /** The plural name. */
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  readonly subresource: string;
  /** The path after the subresource, such as that of `nodes/NODE/proxy/...`, with its slash. */
  readonly rest: string;
}

const verbs: Readonly<Record<string, string>> = {
  POST: "create",
  PUT: "update",
  PATCH: "patch",
};

/** Reads `/api/v1/...` and `/apis/GROUP/VERSION/...`. */
export function requestInfo(method: string, url: string): RequestInfo {
  const { pathname, searchParams: query } = new URL(url, "http://x");
  const other = {
    ...{ path: pathname, query, verb: method.toLowerCase(), isResource: false },
    ...{ group: "", version: "", resource: "", namespace: "", name: "", subresource: "", rest: "" },
  };
  const found = /^\/(?:api\/(v1)|apis\/([^/]+)\/([^/]+))\/(.+)$/.exec(pathname);
  if (!found) return other;
  const [, core, group = "", version = core ?? "", path = ""] = found;
  const raw = path.split("/");
  // A Namespace itself is at namespaces/NAME, and it has the subresources status and finalize.
  const isInNamespace =
    raw[0] === "namespaces" &&
    raw.length > 2 &&
    !["status", "finalize"].includes(raw[2] ?? "") &&
    raw[1] !== "";
  const namespace = isInNamespace ? decodeURIComponent(raw[1] ?? "") : "";
  const [resource = "", name = "", subresource = "", ...rest] = isInNamespace ? raw.slice(2) : raw;
  const isWatch = ["1", "true"].includes(query.get("watch") ?? "");
  const read = isWatch ? "watch" : name === "" ? "list" : "get";
  const remove = name === "" ? "deletecollection" : "delete";
  return {
    ...other,
    verb: verbs[method] ?? (method === "DELETE" ? remove : read),
    isResource: true,
    group,
    version,
    resource,
    namespace,
    name: decodeURIComponent(name),
    subresource,
    rest: rest.length > 0 ? `/${rest.join("/")}` : "",
  };
}
