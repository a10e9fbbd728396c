import type { JsonObject } from "./json.js";
import { groupVersion, type Resource, resources } from "./resources.js";

/** A resource or subresource as discovery shows it. */
interface Shown {
  readonly name: string;
  readonly kind: string;
  readonly verbs: readonly string[];
  readonly group?: string;
  readonly version?: string;
}

const stored = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
const streams = ["create", "get"];

/** The subresources beside `status`. */
const subresources: Readonly<Record<string, readonly Shown[]>> = {
  pods: [
    { name: "attach", kind: "PodAttachOptions", verbs: streams },
    { name: "binding", kind: "Binding", verbs: ["create"] },
    { name: "ephemeralcontainers", kind: "Pod", verbs: ["get", "patch", "update"] },
    { name: "eviction", kind: "Eviction", verbs: ["create"], group: "policy", version: "v1" },
    { name: "exec", kind: "PodExecOptions", verbs: streams },
    { name: "log", kind: "Pod", verbs: ["get"] },
    { name: "portforward", kind: "PodPortForwardOptions", verbs: streams },
    { name: "resize", kind: "Pod", verbs: ["get", "patch", "update"] },
  ],
  nodes: [{ name: "proxy", kind: "NodeProxyOptions", verbs: [...streams, "delete", "patch", "update"] }],
  serviceaccounts: [
    { name: "token", kind: "TokenRequest", verbs: ["create"], group: "authentication.k8s.io", version: "v1" },
  ],
};

/** Resources that are answered, not stored. */
interface Virtual {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
}

function review(group: string, plural: string, kind: string, namespaced = false): Virtual {
  return { group, version: "v1", plural, kind, namespaced, verbs: ["create"] };
}

const virtual: readonly Virtual[] = [
  review("authentication.k8s.io", "tokenreviews", "TokenReview"),
  review("authentication.k8s.io", "selfsubjectreviews", "SelfSubjectReview"),
  review("authorization.k8s.io", "subjectaccessreviews", "SubjectAccessReview"),
  review("authorization.k8s.io", "selfsubjectaccessreviews", "SelfSubjectAccessReview"),
  review("authorization.k8s.io", "localsubjectaccessreviews", "LocalSubjectAccessReview", true),
  {
    group: "metrics.k8s.io",
    version: "v1beta1",
    plural: "nodes",
    kind: "NodeMetrics",
    namespaced: false,
    verbs: ["get", "list"],
  },
  {
    group: "metrics.k8s.io",
    version: "v1beta1",
    plural: "pods",
    kind: "PodMetrics",
    namespaced: true,
    verbs: ["get", "list"],
  },
];

const all: readonly (Resource | Virtual)[] = [...resources, ...virtual];
const groupVersions = [...new Set(all.map(groupVersion))];

/** Returns the discovery document of a path, or undefined. */
export function discovery(
  path: string,
  accept: string,
): { readonly body: JsonObject; readonly type: string } | undefined {
  const type = "application/json";
  if (path === "/api" || path === "/apis") {
    const isAggregated = /;as=APIGroupDiscoveryList/.test(accept) && /v=v2(;|,|$)/.test(accept);
    if (isAggregated)
      return {
        body: aggregated(path === "/api"),
        type: `${type};g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList`,
      };
    return { body: path === "/api" ? { kind: "APIVersions", versions: ["v1"] } : groupList(), type };
  }
  const of = /^\/(?:api|apis)\/(.+)$/.exec(path)?.[1];
  if (of === undefined) return undefined;
  if (groupVersions.includes(of) && (of === "v1") === path.startsWith("/api/"))
    return { body: resourceList(of), type };
  const group = groups().find((one) => one.name === of);
  return group && { body: { kind: "APIGroup", apiVersion: "v1", ...group }, type };
}

function groups(): JsonObject[] {
  return groupVersions
    .filter((one) => one.includes("/"))
    .map((one) => {
      const [name = "", version = ""] = one.split("/");
      const entry = { groupVersion: one, version };
      return { name, versions: [entry], preferredVersion: entry };
    });
}

function groupList(): JsonObject {
  return { kind: "APIGroupList", apiVersion: "v1", groups: groups() };
}

function resourceList(of: string): JsonObject {
  const list = all
    .filter((one) => groupVersion(one) === of)
    .flatMap((one) => [
      {
        name: one.plural,
        singularName: one.kind.toLowerCase(),
        namespaced: one.namespaced,
        kind: one.kind,
        verbs: verbsOf(one),
        ...("shortNames" in one && one.shortNames.length > 0 && { shortNames: one.shortNames }),
        ...("categories" in one && one.categories.length > 0 && { categories: one.categories }),
      },
      ...subresourcesOf(one).map(({ name, ...rest }) => ({
        name: `${one.plural}/${name}`,
        singularName: "",
        namespaced: one.namespaced,
        ...rest,
      })),
    ]);
  return { kind: "APIResourceList", apiVersion: "v1", groupVersion: of, resources: list };
}

function verbsOf(one: Resource | Virtual): readonly string[] {
  return "verbs" in one ? one.verbs : stored;
}

function subresourcesOf(one: Resource | Virtual): readonly Shown[] {
  if ("verbs" in one) return [];
  const status = one.status ? [{ name: "status", kind: one.kind, verbs: ["get", "patch", "update"] }] : [];
  return [...(one.group === "" ? (subresources[one.plural] ?? []) : []), ...status];
}

function aggregated(core: boolean): JsonObject {
  const wanted = groupVersions.filter((one) => one.includes("/") !== core);
  const items = wanted.map((of) => {
    const [version = "", group = ""] = of.split("/").reverse();
    const list = all
      .filter((one) => groupVersion(one) === of)
      .map((one) => ({
        resource: one.plural,
        responseKind: { group, version, kind: one.kind },
        scope: one.namespaced ? "Namespaced" : "Cluster",
        singularResource: one.kind.toLowerCase(),
        verbs: verbsOf(one),
        ...("shortNames" in one && { shortNames: one.shortNames, categories: one.categories }),
        subresources: subresourcesOf(one).map((sub) => ({
          subresource: sub.name,
          responseKind: { group: sub.group ?? group, version: sub.version ?? version, kind: sub.kind },
          verbs: sub.verbs,
        })),
      }));
    return {
      metadata: { name: group, creationTimestamp: null },
      versions: [{ version, freshness: "Current", resources: list }],
    };
  });
  return { kind: "APIGroupDiscoveryList", apiVersion: "apidiscovery.k8s.io/v2", metadata: {}, items };
}
