import { invalid } from "./api-error.js";
import { listAt, objectAt, textAt } from "./json.js";
import { type KubeObject, withMetadata } from "./kube-object.js";
import { podStrategy } from "./pod-strategy.js";
import { resourceNamed } from "./resources.js";
import type { Strategy } from "./strategy.js";

const counted: Strategy = { hasGeneration: true };

/** A new Node is tainted as not ready, until a controller has seen that it is Ready. */
const nodes: Strategy = {
  create(object) {
    const taint = { key: "node.kubernetes.io/not-ready", effect: "NoSchedule" };
    const taints = listAt(object, "spec", "taints").filter((one) => textAt(one, "key") !== taint.key);
    return { ...object, spec: { ...objectAt(object, "spec"), taints: [...taints, taint] } };
  },
};

/** An event is in the namespace of its object; in `default` for one that has none. */
const events: Strategy = {
  create(object) {
    const { name, namespace = "" } = object.metadata;
    const involved = textAt(object, "involvedObject", "namespace");
    const isRight = involved === "" ? ["default", "kube-system"].includes(namespace) : involved === namespace;
    if (!isRight)
      throw invalid(
        resourceNamed("events"),
        name,
        "involvedObject.namespace",
        `Invalid value: ${JSON.stringify(involved)}: does not match event.namespace`,
      );
    return object;
  },
};

const namespaces: Strategy = {
  create: (object) => ({
    ...withMetadata(object, {
      labels: { ...object.metadata.labels, "kubernetes.io/metadata.name": object.metadata.name },
    }),
    spec: { finalizers: ["kubernetes"] },
    status: { phase: "Active" },
  }),
};

/** `stringData` becomes `data`. */
const secrets: Strategy = {
  create: (object) => {
    const texts = Object.entries(objectAt(object, "stringData")).map(
      ([name, text]) => [name, Buffer.from(String(text)).toString("base64")] as const,
    );
    const { stringData: _, ...rest }: KubeObject = object;
    return {
      ...rest,
      apiVersion: object.apiVersion,
      kind: object.kind,
      metadata: object.metadata,
      type: textAt(object, "type") || "Opaque",
      data: { ...objectAt(object, "data"), ...Object.fromEntries(texts) },
    };
  },
};

const leases: Strategy = {
  update(object) {
    const seconds = objectAt(object, "spec").leaseDurationSeconds;
    if (typeof seconds === "number" && seconds <= 0)
      throw invalid(
        resourceNamed("leases"),
        object.metadata.name,
        "spec.leaseDurationSeconds",
        `Invalid value: ${seconds}: must be greater than 0`,
      );
  },
};

const byPlural: Readonly<Record<string, Strategy>> = {
  pods: podStrategy,
  nodes,
  events,
  namespaces,
  secrets,
  leases,
  deployments: counted,
  replicasets: counted,
  daemonsets: counted,
  statefulsets: counted,
  jobs: counted,
  poddisruptionbudgets: counted,
  replicationcontrollers: counted,
};

/** Returns the rules of a resource. */
export function strategyOf(plural: string): Strategy {
  return byPlural[plural] ?? {};
}
