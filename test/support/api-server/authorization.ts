import { isObject, listAt, textAt, valueAt } from "./json.js";
import type { ObjectStore } from "./store.js";
import { nodeOf, type User } from "./users.js";

/** The access that a user requests: the fields of a SubjectAccessReview. */
export interface AccessRequest {
  readonly user: User;
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  /** The field selector of a list or watch. */
  readonly fieldSelector: string;
  /** The path of a request that is about no resource, else "". */
  readonly path: string;
}

/** What users may do, as a rule of RBAC; "*" allows all. */
export interface AccessRule {
  /** The names of users or groups, such as `system:serviceaccount:kube-system:metrics-server`. */
  readonly subjects: readonly string[];
  readonly verbs: readonly string[];
  /** Such as `pods` or `nodes/proxy`. */
  readonly resources?: readonly string[];
  /** @default the group "" */
  readonly groups?: readonly string[];
  readonly namespace?: string;
  readonly names?: readonly string[];
  /** Paths of requests that are about no resource; `/healthz/*` allows all below. */
  readonly paths?: readonly string[];
}

/** Whether a rule allows a request. */
export function allows(rule: AccessRule, request: AccessRequest): boolean {
  const has = (list: readonly string[], value: string): boolean => list.includes("*") || list.includes(value);
  const isSubject = [request.user.name, ...request.user.groups].some((one) => has(rule.subjects, one));
  if (!isSubject || !has(rule.verbs, request.verb)) return false;
  if (request.path !== "")
    return (rule.paths ?? []).some((path) =>
      path.endsWith("*") ? request.path.startsWith(path.slice(0, -1)) : path === request.path,
    );
  const full = request.subresource === "" ? request.resource : `${request.resource}/${request.subresource}`;
  if (!has(rule.resources ?? [], full) || !has(rule.groups ?? [""], request.group)) return false;
  if (rule.namespace !== undefined && rule.namespace !== request.namespace) return false;
  return rule.names === undefined || rule.names.includes(request.name);
}

/**
 * Whether a kubelet may send this request: the rules of the Node authorizer, RBAC's `system:node` and the admission plug-in NodeRestriction.
 * Returns why not, or undefined.
 */
export function nodeRefusal(request: AccessRequest, store: ObjectStore): string | undefined {
  const node = nodeOf(request.user) ?? "";
  const { verb, group, resource, subresource, namespace, name, fieldSelector } = request;
  if (request.path !== "") return undefined;
  const full = `${group === "" ? "" : `${group}/`}${resource}${subresource === "" ? "" : `/${subresource}`}`;
  const only = (verbs: string): string | undefined =>
    verbs.split(" ").includes(verb) ? undefined : `a node may not ${verb} ${full}`;
  const selects = (requirement: string): boolean => fieldSelector.split(",").includes(requirement);
  switch (full) {
    case "nodes":
      if (verb === "list" || verb === "watch")
        return selects(`metadata.name=${node}`) ? undefined : "only its own node";
      if (verb === "create") return undefined;
      return name === node ? only("get update patch") : "only its own node";
    case "nodes/status":
      return name === node ? only("get update patch") : "only its own node";
    case "pods":
      if (verb === "list" || verb === "watch")
        return selects(`spec.nodeName=${node}`) || isOneOfItsPods()
          ? undefined
          : `only with spec.nodeName=${node}`;
      if (verb === "create") return undefined;
      return podNode(name) === node || podNode(name) === undefined
        ? only("get delete")
        : "only pods of its node";
    case "pods/status":
      return podNode(name) === node || podNode(name) === undefined
        ? only("get update patch")
        : "only pods of its node";
    case "pods/eviction":
      return podNode(name) === node ? only("create") : "only pods of its node";
    case "secrets":
    case "configmaps": {
      const refused = only("get list watch");
      if (refused) return refused;
      const wanted = name || /(?:^|,)metadata\.name=([^,]+)/.exec(fieldSelector)?.[1];
      if (!wanted) return `can only read a named object of this type`;
      return isReferenced(full, wanted) ? undefined : "no relationship found between node and this object";
    }
    case "serviceaccounts":
      return only("get");
    case "serviceaccounts/token":
      return podsOfNode().some((pod) => textAt(pod, "spec", "serviceAccountName") === name)
        ? only("create")
        : "no relationship found between node and this object";
    case "services":
    case "node.k8s.io/runtimeclasses":
    case "storage.k8s.io/csidrivers":
      return only("get list watch");
    case "storage.k8s.io/csinodes":
      return name === node || verb === "create"
        ? only("get create update patch delete")
        : "only its own CSINode";
    case "coordination.k8s.io/leases":
      if (namespace !== "kube-node-lease") return "only in the namespace kube-node-lease";
      return name === node || verb === "create"
        ? only("get create update patch delete")
        : "only its own lease";
    case "events":
      return only("create patch update");
    case "resource.k8s.io/resourceslices":
      return selects(`spec.nodeName=${node}`) ? only("list watch deletecollection") : "only of its node";
    case "certificates.k8s.io/certificatesigningrequests":
      return only("create get list watch");
    case "authentication.k8s.io/tokenreviews":
    case "authorization.k8s.io/subjectaccessreviews":
    case "authorization.k8s.io/localsubjectaccessreviews":
      return only("create");
    default:
      return `a node may not ${verb} ${full}`;
  }

  function podNode(podName: string): string | undefined {
    const pod = store.get("pods", namespace, podName);
    return pod && textAt(pod, "spec", "nodeName");
  }

  function isOneOfItsPods(): boolean {
    const wanted = /(?:^|,)metadata\.name=([^,]+)/.exec(fieldSelector)?.[1];
    return wanted !== undefined && podNode(wanted) === node;
  }

  function podsOfNode() {
    return store.list("pods", namespace).filter((pod) => textAt(pod, "spec", "nodeName") === node);
  }

  function isReferenced(kind: "secrets" | "configmaps", wanted: string): boolean {
    return podsOfNode().some((pod) => namesIn(pod.spec, kind).has(wanted));
  }
}

const secretFields = new Set([
  "secret",
  "secretRef",
  "secretKeyRef",
  "imagePullSecrets",
  "nodePublishSecretRef",
]);
const configMapFields = new Set(["configMap", "configMapRef", "configMapKeyRef"]);

/** The names of the secrets or config maps that a Pod's spec refers to. */
function namesIn(spec: unknown, kind: "secrets" | "configmaps"): Set<string> {
  const fields = kind === "secrets" ? secretFields : configMapFields;
  const found = new Set<string>();
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) for (const item of value) visit(item);
    if (!isObject(value)) return;
    for (const [name, field] of Object.entries(value)) {
      if (fields.has(name)) {
        for (const one of Array.isArray(field) ? listAt(value, name) : [valueAt(value, name)])
          found.add(textAt(one, "name") || textAt(one, "secretName"));
      }
      visit(field);
    }
  };
  visit(spec);
  return found;
}
