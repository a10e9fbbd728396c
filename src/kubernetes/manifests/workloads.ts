import { createHash } from "node:crypto";
import type { LabelSelector, ObjectMeta, Pod, PodTemplateSpec } from "../api/index.js";
import { generatedName } from "../defaults/index.js";
import type { FieldPath, FieldProblems } from "../schema/index.js";
import {
  type AnyType,
  boolean,
  type FieldType,
  int32,
  int64,
  labelSelector,
  listOf,
  objectMeta,
  objectOf,
  opaque,
  podTemplateSpec,
  required,
  string,
  type ValueType,
} from "../schema/index.js";

/** A workload of which one Pod is made. */
export interface Workload {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: ObjectMeta;
  readonly spec: WorkloadSpec;
  readonly status?: object;
}

interface WorkloadSpec {
  readonly replicas?: number;
  readonly parallelism?: number;
  readonly completions?: number;
  readonly suspend?: boolean;
  readonly selector?: LabelSelector;
  readonly serviceName?: string;
  readonly template: PodTemplateSpec;
  readonly volumeClaimTemplates?: readonly object[];
}

/** The kinds of workloads. */
export type WorkloadKind = "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" | "Job";

/** The Pod of a workload, if it has one, and what of the workload is not used. */
export interface PodOfWorkload {
  /** Undefined for a workload that is suspended or has no replicas. */
  readonly pod: Pod | undefined;
  readonly notice: string;
}

const common = {
  minReadySeconds: int32,
  selector: required(labelSelector),
  template: required(podTemplateSpec),
};
const specs: Readonly<Record<WorkloadKind, Readonly<Record<string, FieldType>>>> = {
  Deployment: {
    ...common,
    paused: boolean,
    progressDeadlineSeconds: int32,
    replicas: int32,
    revisionHistoryLimit: int32,
    strategy: opaque,
  },
  ReplicaSet: { ...common, replicas: int32 },
  StatefulSet: {
    ...common,
    ordinals: opaque,
    persistentVolumeClaimRetentionPolicy: opaque,
    podManagementPolicy: string,
    replicas: int32,
    revisionHistoryLimit: int32,
    serviceName: string,
    updateStrategy: opaque,
    volumeClaimTemplates: listOf(opaque),
  },
  DaemonSet: { ...common, revisionHistoryLimit: int32, updateStrategy: opaque },
  Job: {
    activeDeadlineSeconds: int64,
    backoffLimit: int32,
    backoffLimitPerIndex: int32,
    completionMode: string,
    completions: int32,
    managedBy: string,
    manualSelector: boolean,
    maxFailedIndexes: int32,
    parallelism: int32,
    podFailurePolicy: opaque,
    podReplacementPolicy: string,
    selector: labelSelector,
    successPolicy: opaque,
    suspend: boolean,
    template: required(podTemplateSpec),
    ttlSecondsAfterFinished: int32,
  },
};

/** Returns the type of a kind of workloads. */
export function workloadType(kind: WorkloadKind): ValueType<Workload> {
  // The table above lists the fields of each kind, of which WorkloadSpec has those that are used.
  const spec = objectOf(`${kind}Spec`, specs[kind]) as AnyType as ValueType<WorkloadSpec>;
  return objectOf<Workload>(kind, {
    apiVersion: string,
    kind: string,
    metadata: objectMeta,
    spec: required(spec),
    status: opaque,
  });
}

/** The fields of a workload's spec that become part of its Pod, or only say which Pods it owns. */
const usedFields: ReadonlySet<string> = new Set([
  "selector",
  "template",
  "serviceName",
  "volumeClaimTemplates",
]);

/** Makes the one Pod of a workload, which has the same name each time. */
export function podOfWorkload(kind: WorkloadKind, { metadata = {}, spec }: Workload): PodOfWorkload {
  const pod = templatePod(kind, metadata, spec);
  const what = `${kind} ${JSON.stringify(metadata.name ?? "")}`;
  const unused = Object.keys(spec).filter((field) => !usedFields.has(field));
  const rest = unused.length === 0 ? "" : `; not used: ${unused.map((field) => `spec.${field}`).join(", ")}`;
  const isIdle = spec.replicas === 0 || spec.parallelism === 0 || spec.suspend === true;
  if (isIdle) return { pod: undefined, notice: `${what} asks for no Pod now, so none is made of it${rest}` };
  return { pod, notice: `${what} is read as one Pod, ${JSON.stringify(pod.metadata?.name)}${rest}` };
}

function templatePod(kind: WorkloadKind, owner: ObjectMeta, spec: WorkloadSpec): Pod {
  const { template } = spec;
  const name = podName(kind, owner);
  const { name: _, generateName: __, ...metadata } = template.metadata ?? {};
  const namespace = owner.namespace ?? metadata.namespace;
  const pod: Pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      ...metadata,
      ...(namespace !== undefined && { namespace }),
      name,
      labels: { ...metadata.labels, ...ownLabels(kind, owner, name) },
    },
    ...(template.spec && { spec: template.spec }),
  };
  return kind === "StatefulSet" ? withIdentity(pod, name, spec) : pod;
}

/** The first Pod of a StatefulSet has its hostname, its place in the service's domain, and its claims. */
function withIdentity(pod: Pod, name: string, { serviceName, volumeClaimTemplates = [] }: WorkloadSpec): Pod {
  if (!pod.spec) return pod;
  const claims = volumeClaimTemplates.map((template) => {
    const volume = claimName(template);
    return { name: volume, persistentVolumeClaim: { claimName: `${volume}-${name}` } };
  });
  const own = (pod.spec.volumes ?? []).filter(
    (volume) => !claims.some((claim) => claim.name === volume.name),
  );
  return {
    ...pod,
    spec: {
      ...pod.spec,
      hostname: name,
      ...(serviceName && { subdomain: serviceName }),
      ...(own.length + claims.length > 0 && { volumes: [...own, ...claims] }),
    },
  };
}

function claimName(template: object): string {
  const metadata: unknown = Reflect.get(template, "metadata");
  const name: unknown =
    typeof metadata === "object" && metadata !== null ? Reflect.get(metadata, "name") : "";
  return typeof name === "string" ? name : "";
}

/** The names that Kubernetes' controllers give, with a hash instead of random letters. */
function podName(kind: WorkloadKind, { name = "", namespace = "default" }: ObjectMeta): string {
  if (kind === "StatefulSet") return `${name}-0`;
  return generatedName(`${name}-`, createHash("sha256").update(`${kind}\0${namespace}\0${name}`).digest());
}

function ownLabels(kind: WorkloadKind, { name = "" }: ObjectMeta, pod: string): Record<string, string> {
  if (kind === "StatefulSet")
    return { "apps.kubernetes.io/pod-index": "0", "statefulset.kubernetes.io/pod-name": pod };
  return kind === "Job" ? { "batch.kubernetes.io/job-name": name, "job-name": name } : {};
}

/** Reports what an API server refuses about a workload that its Pod does not show. `path` is that of the workload. */
export function checkWorkload(
  kind: WorkloadKind,
  { metadata, spec }: Workload,
  path: FieldPath,
  problems: FieldProblems,
): void {
  if (!metadata?.name) problems.required(path.child("metadata").child("name"));
  for (const field of ["replicas", "parallelism", "completions"] as const)
    if ((spec[field] ?? 0) < 0)
      problems.invalid(path.child("spec").child(field), spec[field], "must be greater than or equal to 0");
  const template = path.child("spec").child("template");
  const policy = spec.template.spec?.restartPolicy;
  const policyPath = template.child("spec").child("restartPolicy");
  if (kind !== "Job" && policy !== undefined && policy !== "Always")
    problems.unsupported(policyPath, policy, ["Always"]);
  if (kind === "Job" && policy === undefined)
    problems.required(policyPath, 'a Job needs "OnFailure" or "Never"');
  else if (kind === "Job" && policy !== "OnFailure" && policy !== "Never")
    problems.unsupported(policyPath, policy, ["OnFailure", "Never"]);
  const labels = spec.template.metadata?.labels ?? {};
  const missing = Object.entries(spec.selector?.matchLabels ?? {}).filter(
    ([key, value]) => !Object.hasOwn(labels, key) || labels[key] !== value,
  );
  for (const [key, value] of kind === "Job" ? [] : missing)
    problems.invalid(
      template.child("metadata").child("labels"),
      labels,
      `must have ${JSON.stringify(`${key}: ${value}`)}, which spec.selector.matchLabels selects`,
    );
  const { matchLabels, matchExpressions } = spec.selector ?? {};
  if (kind !== "Job" && Object.keys(matchLabels ?? {}).length + (matchExpressions ?? []).length === 0)
    problems.invalid(path.child("spec").child("selector"), {}, "must not be empty");
}
