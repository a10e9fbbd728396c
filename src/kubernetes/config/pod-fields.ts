// The values of fieldRef and resourceFieldRef, for variables and for files of downwardAPI volumes.
import { type ParsedQuantity, parseQuantity, unlessZero } from "../../pods/index.js";
import type { ObjectFieldSelector, ResourceFieldSelector, Resources } from "../api/index.js";
import { StartError, type WaitingReason } from "../start-error.js";
import { onePerFamily } from "./addresses.js";
import { goQuote } from "./go-text.js";
import type { NodeFacts } from "./node-facts.js";
import type { PodInputs } from "./pod-inputs.js";
import { type ContainerView, containersOf, type PodView } from "./pod-view.js";
import { amountOf, effectiveLimit } from "./resources.js";

/** What fields of a pod depend on. */
export interface FieldContext {
  readonly view: PodView;
  readonly node: NodeFacts;
  readonly inputs: PodInputs;
  /** The reason of errors: that of containers, or of volumes. */
  readonly reason: WaitingReason;
}

/** Returns the addresses of a pod: those of its sandbox, or of the node in the host's network; at most one of each family. */
export function podAddresses(view: PodView, node: NodeFacts, { podIPs = [] }: PodInputs): readonly string[] {
  const isHost = view.spec.hostNetwork === true && podIPs.length === 0;
  return onePerFamily(isHost ? node.nodeIPs : podIPs, node.nodeIPs);
}

/** The fields without a subscript. */
const plainFields: Readonly<Record<string, (context: FieldContext) => string>> = {
  "metadata.name": ({ view }) => view.name,
  "metadata.namespace": ({ view }) => view.namespace,
  "metadata.uid": ({ view }) => view.uid,
  "metadata.labels": ({ view }) => mapText(view.labels),
  "metadata.annotations": ({ view }) => mapText(view.annotations),
  "spec.nodeName": ({ view, node }) => view.spec.nodeName || node.nodeName,
  "spec.serviceAccountName": ({ view }) => view.spec.serviceAccountName ?? "",
  "status.hostIP": ({ node }) => onePerFamily(node.nodeIPs, node.nodeIPs)[0] ?? "",
  "status.hostIPs": ({ node }) => onePerFamily(node.nodeIPs, node.nodeIPs).join(","),
  "status.podIP": ({ view, node, inputs }) => podAddresses(view, node, inputs)[0] ?? "",
  "status.podIPs": ({ view, node, inputs }) => podAddresses(view, node, inputs).join(","),
};

/** Returns the value of a field of the Pod, as `fieldRef` names it. A label or annotation that is missing is "". */
export function fieldValue({ fieldPath }: ObjectFieldSelector, path: string, context: FieldContext): string {
  const [, map, key] = /^(metadata\.(?:labels|annotations))\['(.*)'\]$/s.exec(fieldPath) ?? [];
  if (map !== undefined && key !== undefined) {
    const entries = map === "metadata.labels" ? context.view.labels : context.view.annotations;
    return Object.hasOwn(entries, key) ? (entries[key] ?? "") : "";
  }
  const read = Object.hasOwn(plainFields, fieldPath) ? plainFields[fieldPath] : undefined;
  if (read !== undefined) return read(context);
  throw new StartError(
    context.reason,
    `${path}.fieldPath: must be one of ${Object.keys(plainFields).join(", ")}, metadata.labels['key'], metadata.annotations['key'], got ${JSON.stringify(fieldPath)}`,
  );
}

/** Returns lines `key="value"`, sorted. */
function mapText(map: Readonly<Record<string, string>>): string {
  return Object.keys(map)
    .sort()
    .map((key) => `${key}=${goQuote(map[key] ?? "")}`)
    .join("\n");
}

/** Without a limit of the container and the pod, these are what the node has. */
const nodeResources: ReadonlySet<string> = new Set(["cpu", "memory", "ephemeral-storage"]);

/**
 * Returns a request or limit of a container in units of the divisor, rounded up. A limit that is not set is the pod's, or what the node
 * has for pods.
 *
 * @param own the container whose variable it is; undefined in a volume, where the container must be named
 */
export function resourceValue(
  { containerName, divisor, resource }: ResourceFieldSelector,
  path: string,
  own: ContainerView | undefined,
  context: FieldContext,
): string {
  const { view, node, reason } = context;
  const fail = (field: string, why: string) => new StartError(reason, `${path}.${field}: ${why}`);
  const named = containerName
    ? containersOf(view.spec).find(({ container }) => container.name === containerName)
    : own;
  if (named === undefined)
    throw fail(
      "containerName",
      containerName ? `no container ${JSON.stringify(containerName)}` : "is required",
    );
  const [, list, name = ""] =
    /^(limits|requests)\.(cpu|memory|ephemeral-storage|hugepages-.+)$/.exec(resource) ?? [];
  if (list === undefined)
    throw fail(
      "resource",
      `must be limits or requests of cpu, memory, ephemeral-storage or hugepages-<size>, got ${JSON.stringify(resource)}`,
    );
  const { container } = named;
  const limit = () =>
    unlessZero(effectiveLimit(view.spec, container, name)) ??
    (nodeResources.has(name) ? amountOf(node.allocatable as Resources, name) : undefined);
  const amount = list === "limits" ? limit() : amountOf(container.resources.requests, name);
  return String(inUnits(amount, divisor === undefined ? undefined : parseQuantity(divisor), name));
}

/** Divides and rounds up; CPUs are counted in thousandths before. A divisor of 0 is 1, which is the default. */
function inUnits(
  amount: ParsedQuantity | undefined,
  divisor: ParsedQuantity | undefined,
  name: string,
): bigint {
  if (amount === undefined) return 0n;
  const unit = divisor === undefined || divisor.nanos === 0n ? parseQuantity(1) : divisor;
  const [dividend, by] =
    name === "cpu" ? [amount.milliValue(), unit.milliValue()] : [amount.value(), unit.value()];
  return (dividend + by - 1n) / by;
}
