import {
  isObject,
  type JsonObject,
  type JsonValue,
  listAt,
  numberAt,
  objectAt,
  textAt,
  valueAt,
} from "./json.js";
import type { KubeObject } from "./kube-object.js";
import type { Resource } from "./resources.js";

/** A column: its name, its cell, and whether it is shown only with `-o wide`. */
interface Column {
  readonly name: string;
  readonly cell: (object: KubeObject) => JsonValue;
  readonly type?: "string" | "integer";
  readonly wide?: true;
}

const name: Column = { name: "Name", cell: (object) => object.metadata.name };
const age: Column = { name: "Age", cell: (object) => since(object.metadata.creationTimestamp) };

function at(title: string, ...path: readonly string[]): Column {
  return { name: title, cell: (object) => String(valueAt(object, ...path) ?? "<none>") };
}

function wide(column: Column): Column {
  return { ...column, wide: true };
}

const columns: Readonly<Record<string, readonly Column[]>> = {
  pods: [
    name,
    { name: "Ready", cell: readyContainers },
    { name: "Status", cell: podState },
    { name: "Restarts", cell: restarts },
    age,
    wide(at("IP", "status", "podIP")),
    wide(at("Node", "spec", "nodeName")),
    wide(at("Nominated Node", "status", "nominatedNodeName")),
    wide({ name: "Readiness Gates", cell: () => "<none>" }),
  ],
  nodes: [
    name,
    { name: "Status", cell: nodeState },
    { name: "Roles", cell: roles },
    age,
    at("Version", "status", "nodeInfo", "kubeletVersion"),
    wide({ name: "Internal-IP", cell: (object) => address(object, "InternalIP") }),
    wide({ name: "External-IP", cell: (object) => address(object, "ExternalIP") }),
    wide(at("OS-Image", "status", "nodeInfo", "osImage")),
    wide(at("Kernel-Version", "status", "nodeInfo", "kernelVersion")),
    wide(at("Container-Runtime", "status", "nodeInfo", "containerRuntimeVersion")),
  ],
  events: [
    {
      name: "Last Seen",
      cell: (object) => since(textAt(object, "lastTimestamp") || textAt(object, "eventTime")),
    },
    at("Type", "type"),
    at("Reason", "reason"),
    {
      name: "Object",
      cell: ({ involvedObject }) =>
        `${textAt(involvedObject, "kind").toLowerCase()}/${textAt(involvedObject, "name")}`,
    },
    { name: "Message", cell: (object) => textAt(object, "message").trim() },
  ],
  namespaces: [name, at("Status", "status", "phase"), age],
  configmaps: [
    name,
    { name: "Data", cell: (object) => String(Object.keys(objectAt(object, "data")).length) },
    age,
  ],
  secrets: [
    name,
    at("Type", "type"),
    { name: "Data", cell: (object) => String(Object.keys(objectAt(object, "data")).length) },
    age,
  ],
  leases: [name, at("Holder", "spec", "holderIdentity"), age],
};

/** Returns objects as a Table, whose rows carry the metadata of their objects. */
export function table(
  { plural }: Resource,
  objects: readonly KubeObject[],
  listMetadata: JsonObject,
  include: string,
): JsonObject {
  const shown = columns[plural] ?? [
    name,
    { name: "Created At", cell: (object) => object.metadata.creationTimestamp },
  ];
  return {
    kind: "Table",
    apiVersion: "meta.k8s.io/v1",
    metadata: listMetadata,
    columnDefinitions: shown.map((column) => ({
      name: column.name,
      type: column.type ?? "string",
      format: column === name ? "name" : "",
      description: column.name,
      priority: column.wide ? 1 : 0,
    })),
    rows: objects.map((object) => ({
      cells: shown.map((column) => column.cell(object)),
      ...(include !== "None" && { object: include === "Object" ? object : partial(object) }),
    })),
  };
}

function partial({ metadata }: KubeObject): JsonObject {
  return { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata };
}

/** A time as kubectl shows it: 5s, 3m20s, 2h, 4d. */
export function since(time: string): string {
  if (time === "") return "<unknown>";
  const seconds = Math.max(0, Math.floor((Date.now() - Date.parse(time)) / 1000));
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return seconds % 60 === 0 ? `${minutes}m` : `${minutes}m${seconds % 60}s`;
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours}h` : `${Math.floor(hours / 24)}d`;
}

function statuses(pod: KubeObject): readonly JsonValue[] {
  return listAt(pod, "status", "containerStatuses");
}

function readyContainers(pod: KubeObject): string {
  const sidecars = listAt(pod, "spec", "initContainers")
    .filter((one) => textAt(one, "restartPolicy") === "Always")
    .map((one) => textAt(one, "name"));
  const initStatuses = listAt(pod, "status", "initContainerStatuses").filter((one) =>
    sidecars.includes(textAt(one, "name")),
  );
  const ready = [...statuses(pod), ...initStatuses].filter((one) => valueAt(one, "ready") === true);
  return `${ready.length}/${listAt(pod, "spec", "containers").length + sidecars.length}`;
}

function restarts(pod: KubeObject): string {
  const all = [...statuses(pod), ...listAt(pod, "status", "initContainerStatuses")];
  const count = all.reduce<number>((sum, one) => sum + (numberAt(one, "restartCount") ?? 0), 0);
  const ends = all.map((one) => textAt(one, "lastState", "terminated", "finishedAt")).sort();
  const last = ends.at(-1) ?? "";
  return count > 0 && last !== "" ? `${count} (${since(last)} ago)` : String(count);
}

/** The word of the column STATUS: the most telling reason of the pod's containers. */
function podState(pod: KubeObject): string {
  if (pod.metadata.deletionTimestamp)
    return textAt(pod, "status", "reason") === "NodeLost" ? "Unknown" : "Terminating";
  const initState = initContainerState(pod);
  if (initState) return initState;
  const phase = textAt(pod, "status", "reason") || textAt(pod, "status", "phase");
  const reasons = [...statuses(pod)].reverse().map(containerReason);
  const found = reasons.filter((reason) => reason !== "").at(-1);
  if (found === undefined) return phase;
  const isRunning = statuses(pod).some(
    (one) => valueAt(one, "ready") === true && isObject(valueAt(one, "state", "running")),
  );
  if (found !== "Completed" || !isRunning) return found;
  const isReady = listAt(pod, "status", "conditions").some(
    (one) => textAt(one, "type") === "Ready" && textAt(one, "status") === "True",
  );
  return isReady ? "Running" : "NotReady";
}

function containerReason(status: JsonValue): string {
  const waiting = textAt(status, "state", "waiting", "reason");
  if (waiting !== "") return waiting;
  const terminated = objectAt(status, "state", "terminated");
  if (Object.keys(terminated).length === 0) return "";
  const reason = textAt(terminated, "reason");
  if (reason !== "") return reason;
  const signal = numberAt(terminated, "signal");
  return signal ? `Signal:${signal}` : `ExitCode:${numberAt(terminated, "exitCode") ?? 0}`;
}

function initContainerState(pod: KubeObject): string | undefined {
  const containers = listAt(pod, "spec", "initContainers");
  for (const [index, status] of listAt(pod, "status", "initContainerStatuses").entries()) {
    const isSidecar = textAt(containers[index], "restartPolicy") === "Always";
    if (numberAt(status, "state", "terminated", "exitCode") === 0) continue;
    if (isSidecar && valueAt(status, "started") === true) continue;
    const reason = containerReason(status);
    if (reason !== "" && reason !== "PodInitializing") return `Init:${reason}`;
    return `Init:${index}/${containers.length}`;
  }
  return undefined;
}

function nodeState(node: KubeObject): string {
  const ready = listAt(node, "status", "conditions").find((one) => textAt(one, "type") === "Ready");
  const states = [
    ready === undefined ? "Unknown" : textAt(ready, "status") === "True" ? "Ready" : "NotReady",
  ];
  if (valueAt(node, "spec", "unschedulable") === true) states.push("SchedulingDisabled");
  return states.join(",");
}

function roles({ metadata }: KubeObject): string {
  const prefix = "node-role.kubernetes.io/";
  const found = Object.keys(metadata.labels ?? {}).filter((label) => label.startsWith(prefix));
  return found.map((label) => label.slice(prefix.length)).join(",") || "<none>";
}

function address(node: KubeObject, type: string): string {
  const found = listAt(node, "status", "addresses").find((one) => textAt(one, "type") === type);
  return textAt(found, "address") || "<none>";
}
