import { defaultPod, type Pod, podQosClass } from "../../../src/kubernetes/index.js";
import { forbidden, invalid } from "./api-error.js";
import {
  isEqual,
  isList,
  isObject,
  type JsonObject,
  type JsonValue,
  listAt,
  numberAt,
  objectAt,
  textAt,
  valueAt,
  without,
} from "./json.js";
import { type KubeObject, timestamp, withMetadata } from "./kube-object.js";
import { randomSuffix } from "./names.js";
import { resourceNamed } from "./resources.js";
import type { Strategy, StrategyContext } from "./strategy.js";

const pods = resourceNamed("pods");
const mirrorAnnotation = "kubernetes.io/config.mirror";
const tokenFolder = "/var/run/secrets/kubernetes.io/serviceaccount";
/** How long Pods stay on a node that is not ready, in seconds. */
const tolerationSeconds = 300;
const priorities: Readonly<Record<string, number>> = {
  "system-cluster-critical": 2_000_000_000,
  "system-node-critical": 2_000_001_000,
};

/** The rules of Pods. */
export const podStrategy: Strategy = {
  hasGeneration: true,
  create(object, context) {
    checkContainers(object);
    const isMirror = mirrorAnnotation in (object.metadata.annotations ?? {});
    const admitted = isMirror ? object : withServiceAccount(object, context);
    const defaulted = withDefaults(withTolerations(withPriority(admitted)));
    return { ...defaulted, status: { phase: "Pending", qosClass: podQosClass(asPod(defaulted)) } };
  },
  update(object, previous) {
    const [next, before] = [mutableRemoved(object), mutableRemoved(previous)];
    const tolerations = listAt(object, "spec", "tolerations");
    const keepsTolerations = listAt(previous, "spec", "tolerations").every((one) =>
      tolerations.some((toleration) => isEqual(toleration, one)),
    );
    if (!isEqual(next, before) || !keepsTolerations)
      throw invalid(
        pods,
        object.metadata.name,
        "spec",
        "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
        "FieldValueForbidden",
      );
  },
  gracePeriod(object, requested) {
    const wanted = requested ?? numberAt(object, "spec", "terminationGracePeriodSeconds") ?? 0;
    const hasEnded = ["Succeeded", "Failed"].includes(textAt(object, "status", "phase"));
    if (textAt(object, "spec", "nodeName") === "" || hasEnded) return 0;
    return wanted < 0 ? 1 : wanted;
  },
};

/** Returns the Pod with the containers' resources of another one, and fails if anything else would change. */
export function resized(object: KubeObject, previous: KubeObject): KubeObject {
  const lists = ["containers", "initContainers"] as const;
  const plain = (pod: KubeObject): JsonValue => ({
    ...objectAt(pod, "spec"),
    resources: null,
    ...Object.fromEntries(
      lists.map((name) => [
        name,
        listAt(pod, "spec", name).map((one) =>
          isObject(one) ? without(one, "resources", "resizePolicy") : one,
        ),
      ]),
    ),
  });
  if (!isEqual(plain(object), plain(previous)))
    throw invalid(
      pods,
      object.metadata.name,
      "spec",
      "Forbidden: only cpu and memory resources are mutable",
      "FieldValueForbidden",
    );
  return { ...previous, spec: objectAt(object, "spec") };
}

/** Returns the Pod with the ephemeral containers of another one: existing ones can neither be changed nor removed. */
export function withEphemeralContainers(object: KubeObject, previous: KubeObject): KubeObject {
  const ephemeralContainers = listAt(object, "spec", "ephemeralContainers");
  const defaulted = withDefaults({
    ...previous,
    spec: { ...objectAt(previous, "spec"), ephemeralContainers },
  });
  const result = listAt(defaulted, "spec", "ephemeralContainers");
  const before = listAt(previous, "spec", "ephemeralContainers");
  for (const [index, one] of before.entries())
    if (!result.some((container) => isEqual(container, one)))
      throw invalid(
        pods,
        object.metadata.name,
        `spec.ephemeralContainers[${index}]`,
        "Forbidden: existing ephemeral containers may not be changed",
        "FieldValueForbidden",
      );
  return defaulted;
}

/** Returns the Pod bound to a node, with the condition PodScheduled. */
export function bound(object: KubeObject, nodeName: string, extra: JsonObject): KubeObject {
  const conditions = listAt(object, "status", "conditions").filter(
    (one) => textAt(one, "type") !== "PodScheduled",
  );
  const scheduled = {
    type: "PodScheduled",
    status: "True",
    lastProbeTime: null,
    lastTransitionTime: timestamp(),
  };
  const labels = { ...object.metadata.labels, ...textMap(valueAt(extra, "labels")) };
  const annotations = { ...object.metadata.annotations, ...textMap(valueAt(extra, "annotations")) };
  const withNames = withMetadata(object, {
    ...(Object.keys(labels).length > 0 && { labels }),
    ...(Object.keys(annotations).length > 0 && { annotations }),
  });
  return {
    ...withNames,
    spec: { ...objectAt(object, "spec"), nodeName },
    status: { ...objectAt(object, "status"), conditions: [...conditions, scheduled] },
  };
}

function textMap(value: JsonValue | undefined): Record<string, string> {
  return Object.fromEntries(
    Object.entries(isObject(value) ? value : {}).map(([name, text]) => [name, String(text)]),
  );
}

function asPod(object: KubeObject): Pod {
  // The server stores what clients send; the fields that the defaults read were checked before.
  return object as unknown as Pod;
}

function checkContainers(object: KubeObject): void {
  const containers = listAt(object, "spec", "containers");
  const fail = (field: string, problem: string, reason: string): never => {
    throw invalid(pods, object.metadata.name, field, problem, reason);
  };
  if (containers.length === 0) fail("spec.containers", "Required value", "FieldValueRequired");
  const names = new Set<string>();
  for (const [index, container] of [...listAt(object, "spec", "initContainers"), ...containers].entries()) {
    const name = textAt(container, "name");
    if (name === "") fail(`spec.containers[${index}].name`, "Required value", "FieldValueRequired");
    if (!/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(name))
      fail(`spec.containers[${index}].name`, `Invalid value: ${JSON.stringify(name)}`, "FieldValueInvalid");
    if (names.has(name))
      fail(
        `spec.containers[${index}].name`,
        `Duplicate value: ${JSON.stringify(name)}`,
        "FieldValueDuplicate",
      );
    names.add(name);
    if (textAt(container, "image") === "")
      fail(`spec.containers[${index}].image`, "Required value", "FieldValueRequired");
  }
}

/** Sets the defaults; empty lists that the defaults add are left out, as an API server does. */
function withDefaults(object: KubeObject): KubeObject {
  const { spec } = defaultPod(asPod(object));
  // Through JSON: fields that are undefined disappear, and dates become strings.
  const plain = JSON.parse(JSON.stringify(spec)) as JsonValue;
  return { ...object, spec: withoutNewEmptyLists(plain, object.spec) };
}

function withoutNewEmptyLists(value: JsonValue, given: JsonValue | undefined): JsonValue {
  if (isList(value))
    return value.map((item, index) => withoutNewEmptyLists(item, isList(given) ? given[index] : undefined));
  if (!isObject(value)) return value;
  const kept = Object.entries(value).flatMap(([name, field]) => {
    const before = isObject(given) ? given[name] : undefined;
    if (field === undefined || (isList(field) && field.length === 0 && before === undefined)) return [];
    return [[name, withoutNewEmptyLists(field, before)] as const];
  });
  return Object.fromEntries(kept);
}

function withPriority(object: KubeObject): KubeObject {
  const priority = priorities[textAt(object, "spec", "priorityClassName")] ?? 0;
  return {
    ...object,
    spec: { priority, preemptionPolicy: "PreemptLowerPriority", ...objectAt(object, "spec") },
  };
}

/** Adds tolerations of nodes that are not ready or unreachable, unless the Pod has its own. */
function withTolerations(object: KubeObject): KubeObject {
  const tolerations = [...listAt(object, "spec", "tolerations")];
  for (const key of ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"]) {
    const isTolerated = tolerations.some(
      (one) => ["", key].includes(textAt(one, "key")) && ["", "NoExecute"].includes(textAt(one, "effect")),
    );
    if (!isTolerated) tolerations.push({ key, operator: "Exists", effect: "NoExecute", tolerationSeconds });
  }
  return { ...object, spec: { ...objectAt(object, "spec"), tolerations } };
}

/** Sets the service account, and mounts its token, the certificate of the API server, and the namespace. */
function withServiceAccount(object: KubeObject, { store, mountTokens }: StrategyContext): KubeObject {
  const spec = objectAt(object, "spec");
  const { name, namespace = "" } = object.metadata;
  const account = textAt(spec, "serviceAccountName") || textAt(spec, "serviceAccount") || "default";
  const found = store.get("serviceaccounts", namespace, account);
  if (!found)
    throw forbidden(
      "pods",
      name,
      `error looking up service account ${namespace}/${account}: serviceaccount "${account}" not found`,
    );
  const named = { ...spec, serviceAccountName: account, serviceAccount: account };
  const automount = spec.automountServiceAccountToken ?? found.automountServiceAccountToken ?? true;
  if (!mountTokens || automount === false) return { ...object, spec: named };
  const volume = `kube-api-access-${randomSuffix()}`;
  const mounted = (list: readonly JsonValue[]): JsonValue[] =>
    list.map((container) => {
      const mounts = listAt(container, "volumeMounts");
      if (!isObject(container) || mounts.some((mount) => textAt(mount, "mountPath") === tokenFolder))
        return container;
      const mount = { name: volume, readOnly: true, mountPath: tokenFolder };
      return { ...container, volumeMounts: [...mounts, mount] };
    });
  const initContainers = mounted(listAt(spec, "initContainers"));
  return {
    ...object,
    spec: {
      ...named,
      containers: mounted(listAt(spec, "containers")),
      ...(initContainers.length > 0 && { initContainers }),
      volumes: [...listAt(spec, "volumes"), tokenVolume(volume)],
    },
  };
}

function tokenVolume(name: string): JsonObject {
  const fieldRef = { apiVersion: "v1", fieldPath: "metadata.namespace" };
  return {
    name,
    projected: {
      defaultMode: 420,
      sources: [
        { serviceAccountToken: { expirationSeconds: 3607, path: "token" } },
        { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
        { downwardAPI: { items: [{ path: "namespace", fieldRef }] } },
      ],
    },
  };
}

/** Returns the spec without the fields that an update may change. */
function mutableRemoved(object: KubeObject): JsonValue {
  const spec = objectAt(object, "spec");
  const withoutImages = (name: string): JsonValue[] =>
    listAt(spec, name).map((one) => (isObject(one) ? without(one, "image") : one));
  const rest = without(spec, "activeDeadlineSeconds", "tolerations", "schedulingGates");
  const grace = numberAt(spec, "terminationGracePeriodSeconds");
  return {
    ...rest,
    terminationGracePeriodSeconds: grace !== undefined && grace < 0 ? 1 : grace,
    containers: withoutImages("containers"),
    initContainers: withoutImages("initContainers"),
  };
}
