// The paths of the kubelet's API and the subresources of `nodes` that permit them.

/** The name of a route. */
export type RouteName =
  | "exec"
  | "attach"
  | "portForward"
  | "run"
  | "containerLogs"
  | "pods"
  | "runningPods"
  | "statsSummary"
  | "metrics"
  | "metricsCadvisor"
  | "metricsResource"
  | "metricsProbes"
  | "healthz"
  | "configz"
  | "checkpoint";

/** The names in a path. */
export interface PathNames {
  readonly namespace: string;
  readonly pod: string;
  /** The uid, where the path has one. */
  readonly uid: string | undefined;
  readonly container: string;
}

/** A path that the server knows. */
export interface MatchedRoute {
  readonly name: RouteName;
  readonly methods: readonly string[];
  readonly names: PathNames;
  /** The rest of the path, for `/healthz/NAME`. */
  readonly rest: string;
}

/** What is known of a path before anything is done for its request. */
export interface Path {
  /** Without the query, as it was sent. */
  readonly text: string;
  /** The subresources that permit it, unknown paths included. */
  readonly subresources: readonly string[];
  /** Undefined for an unknown path. */
  readonly route: MatchedRoute | undefined;
}

/** The subresources by the first part of a path; all others need `proxy`. */
const subresources: Readonly<Record<string, readonly string[]>> = {
  pods: ["pods", "proxy"],
  runningpods: ["pods", "proxy"],
  healthz: ["healthz", "proxy"],
  configz: ["configz", "proxy"],
  stats: ["stats"],
  metrics: ["metrics"],
  logs: ["log"],
  checkpoint: ["checkpoint"],
};

const reading = ["GET", "HEAD"];
const streaming = ["GET", "POST"];

const noNames: PathNames = { namespace: "", pod: "", uid: undefined, container: "" };

/** Reads the path of a request. Never throws: what cannot be decoded is unknown. */
export function readPath(url: string): Path {
  const [text = ""] = url.split("?", 1);
  const segments = decodeSegments(text);
  const first = segments?.[0] ?? "";
  return {
    text,
    subresources: (Object.hasOwn(subresources, first) && subresources[first]) || ["proxy"],
    route: segments && match(first, segments.slice(1)),
  };
}

/** Returns the parts between slashes, decoded; undefined where one cannot be a name. A slash at the end does not count. */
export function decodeSegments(path: string): readonly string[] | undefined {
  const parts = path.split("/").slice(1);
  if (parts.at(-1) === "") parts.pop();
  try {
    const segments = parts.map(decodeURIComponent);
    return segments.every(isName) ? segments : undefined;
  } catch {
    return undefined;
  }
}

function isName(segment: string): boolean {
  return segment !== "" && segment !== "." && segment !== ".." && !/[/\\\0]/.test(segment);
}

function match(first: string, rest: readonly string[]): MatchedRoute | undefined {
  const [a = "", b = "", c = "", d = ""] = rest;
  const plain = (name: RouteName) => ({ name, methods: reading, names: noNames, rest: "" });
  const ofContainer = (name: RouteName, methods: readonly string[], mayHaveUid: boolean) => {
    if (rest.length === 3)
      return { name, methods, names: { namespace: a, pod: b, uid: undefined, container: c }, rest: "" };
    if (rest.length === 4 && mayHaveUid)
      return { name, methods, names: { namespace: a, pod: b, uid: c, container: d }, rest: "" };
    return undefined;
  };
  switch (first) {
    case "exec":
    case "attach":
    case "run":
      return ofContainer(first, streaming, true);
    case "containerLogs":
      return ofContainer(first, reading, false);
    case "checkpoint":
      return ofContainer(first, ["POST"], false);
    case "portForward": {
      if (rest.length !== 2 && rest.length !== 3) return undefined;
      const names = { namespace: a, pod: b, uid: rest.length === 3 ? c : undefined, container: "" };
      return { name: first, methods: streaming, names, rest: "" };
    }
    case "pods":
    case "configz":
      return rest.length === 0 ? plain(first) : undefined;
    case "runningpods":
      return rest.length === 0 ? plain("runningPods") : undefined;
    case "healthz":
      return rest.length <= 1 ? { ...plain(first), rest: a } : undefined;
    case "stats":
      return rest.length === 1 && a === "summary" ? plain("statsSummary") : undefined;
    case "metrics":
      return rest.length <= 1 ? metricsRoute(a, plain) : undefined;
    default:
      return undefined;
  }
}

function metricsRoute(page: string, plain: (name: RouteName) => MatchedRoute): MatchedRoute | undefined {
  switch (page) {
    case "":
      return plain("metrics");
    case "cadvisor":
      return plain("metricsCadvisor");
    case "resource":
      return plain("metricsResource");
    case "probes":
      return plain("metricsProbes");
    default:
      return undefined;
  }
}
