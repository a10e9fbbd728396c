/** A kind of objects that the server stores. */
export interface Resource {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly singular: string;
  readonly kind: string;
  readonly shortNames: readonly string[];
  readonly namespaced: boolean;
  /** Whether there is the subresource `status`. */
  readonly status: boolean;
  readonly categories: readonly string[];
  /** Whether an update must name the resource version that it changes. */
  readonly conditionalUpdates: boolean;
  /** Whether an update creates the object when it is missing. */
  readonly createOnUpdate: boolean;
  /** The fields that field selectors may name, beside `metadata.name` and `metadata.namespace`. */
  readonly selectableFields: readonly string[];
}

interface Row {
  readonly short?: readonly string[];
  readonly cluster?: true;
  readonly status?: true;
  readonly all?: true;
  readonly conditional?: true;
  readonly createOnUpdate?: true;
  readonly fields?: readonly string[];
}

function resource(groupVersion: string, plural: string, kind: string, row: Row = {}): Resource {
  const [version = "", group = ""] = groupVersion.split("/").reverse();
  return {
    group,
    version,
    plural,
    kind,
    singular: kind.toLowerCase(),
    shortNames: row.short ?? [],
    namespaced: row.cluster !== true,
    status: row.status === true,
    categories: row.all ? ["all"] : [],
    conditionalUpdates: row.conditional === true,
    createOnUpdate: row.createOnUpdate === true,
    selectableFields: row.fields ?? [],
  };
}

const podFields = ["nodeName", "restartPolicy", "schedulerName", "serviceAccountName", "hostNetwork"];
const eventFields = ["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"];

/** The kinds of objects that the server stores. */
export const resources: readonly Resource[] = [
  resource("v1", "pods", "Pod", {
    short: ["po"],
    status: true,
    all: true,
    fields: [
      ...podFields.map((name) => `spec.${name}`),
      "status.phase",
      "status.podIP",
      "status.nominatedNodeName",
    ],
  }),
  resource("v1", "nodes", "Node", {
    short: ["no"],
    cluster: true,
    status: true,
    fields: ["spec.unschedulable"],
  }),
  resource("v1", "namespaces", "Namespace", {
    short: ["ns"],
    cluster: true,
    status: true,
    fields: ["status.phase"],
  }),
  resource("v1", "events", "Event", {
    short: ["ev"],
    fields: [...eventFields.map((name) => `involvedObject.${name}`), "reason", "source", "type"],
  }),
  resource("v1", "configmaps", "ConfigMap", { short: ["cm"] }),
  resource("v1", "secrets", "Secret", { fields: ["type"] }),
  resource("v1", "services", "Service", {
    short: ["svc"],
    status: true,
    all: true,
    fields: ["spec.clusterIP", "spec.type"],
  }),
  resource("v1", "endpoints", "Endpoints", { short: ["ep"] }),
  resource("v1", "serviceaccounts", "ServiceAccount", { short: ["sa"] }),
  resource("v1", "persistentvolumeclaims", "PersistentVolumeClaim", { short: ["pvc"], status: true }),
  resource("v1", "persistentvolumes", "PersistentVolume", { short: ["pv"], status: true, cluster: true }),
  resource("v1", "replicationcontrollers", "ReplicationController", {
    short: ["rc"],
    status: true,
    all: true,
  }),
  resource("v1", "limitranges", "LimitRange", { short: ["limits"] }),
  resource("v1", "resourcequotas", "ResourceQuota", { short: ["quota"], status: true }),
  resource("apps/v1", "deployments", "Deployment", { short: ["deploy"], status: true, all: true }),
  resource("apps/v1", "replicasets", "ReplicaSet", { short: ["rs"], status: true, all: true }),
  resource("apps/v1", "daemonsets", "DaemonSet", { short: ["ds"], status: true, all: true }),
  resource("apps/v1", "statefulsets", "StatefulSet", { short: ["sts"], status: true, all: true }),
  resource("batch/v1", "jobs", "Job", { status: true, all: true }),
  resource("policy/v1", "poddisruptionbudgets", "PodDisruptionBudget", { short: ["pdb"], status: true }),
  resource("coordination.k8s.io/v1", "leases", "Lease", { conditional: true, createOnUpdate: true }),
  resource("node.k8s.io/v1", "runtimeclasses", "RuntimeClass", { cluster: true }),
  resource("storage.k8s.io/v1", "csinodes", "CSINode", { cluster: true }),
  resource("storage.k8s.io/v1", "csidrivers", "CSIDriver", { cluster: true }),
  resource("resource.k8s.io/v1", "resourceslices", "ResourceSlice", {
    cluster: true,
    fields: ["spec.nodeName", "spec.driver"],
  }),
  resource("scheduling.k8s.io/v1", "priorityclasses", "PriorityClass", { short: ["pc"], cluster: true }),
  resource("certificates.k8s.io/v1", "certificatesigningrequests", "CertificateSigningRequest", {
    short: ["csr"],
    cluster: true,
    status: true,
    fields: ["spec.signerName"],
  }),
];

/** Returns the resource with a plural name, in a group. */
export function findResource(group: string, version: string, plural: string): Resource | undefined {
  return resources.find((one) => one.group === group && one.version === version && one.plural === plural);
}

/** Returns the resource with a plural name, whatever its group is. */
export function resourceNamed(plural: string): Resource {
  const found = resources.find((one) => one.plural === plural);
  if (!found) throw new Error(`${plural}: unknown resource`);
  return found;
}

/** Returns the resource of an object's kind. */
export function resourceOfKind(apiVersion: string, kind: string): Resource {
  const found = resources.find((one) => groupVersion(one) === apiVersion && one.kind === kind);
  if (!found) throw new Error(`${apiVersion} ${kind}: unknown kind`);
  return found;
}

/** Returns `v1` or `apps/v1`. */
export function groupVersion({ group, version }: Pick<Resource, "group" | "version">): string {
  return group === "" ? version : `${group}/${version}`;
}
