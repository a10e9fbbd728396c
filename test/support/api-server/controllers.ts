import { isEqual, type JsonObject, listAt, textAt, valueAt } from "./json.js";
import type { KubeObject } from "./kube-object.js";
import { randomSuffix } from "./names.js";
import type { StoreEvent } from "./store.js";
import type { TestCluster } from "./test-cluster.js";

/** Something that acts on changes of objects until it is stopped. */
export interface Controller {
  stop(): void;
}

/** Chooses the node of a Pod; undefined leaves it pending. */
export type ChooseNode = (pod: KubeObject, nodes: readonly KubeObject[]) => string | undefined;

/**
 * Starts a scheduler: it binds Pods without a node to the one that `choose` returns, whenever Pods or Nodes change.
 *
 * @param choose by default the first Node that is Ready, schedulable, and without a taint that the Pod does not tolerate
 */
export function startScheduler(cluster: TestCluster, choose: ChooseNode = firstFit): Controller {
  return onChange(cluster, ["pods", "nodes"], () => {
    const nodes = cluster.list("nodes");
    for (const pod of cluster.list("pods")) {
      const { name, namespace = "", deletionTimestamp } = pod.metadata;
      if (textAt(pod, "spec", "nodeName") !== "" || deletionTimestamp) continue;
      const nodeName = choose(pod, nodes);
      if (nodeName !== undefined) cluster.bind(name, nodeName, namespace);
    }
  });
}

function firstFit(pod: KubeObject, nodes: readonly KubeObject[]): string | undefined {
  const fits = (node: KubeObject): boolean => {
    const blocking = listAt(node, "spec", "taints").filter(
      (taint) => textAt(taint, "effect") !== "PreferNoSchedule",
    );
    const isTolerated = blocking.every((taint) =>
      listAt(pod, "spec", "tolerations").some(
        (one) =>
          ["", textAt(taint, "key")].includes(textAt(one, "key")) &&
          ["", textAt(taint, "effect")].includes(textAt(one, "effect")),
      ),
    );
    return isReady(node) && valueAt(node, "spec", "unschedulable") !== true && isTolerated;
  };
  return nodes.find(fits)?.metadata.name;
}

function isReady(node: KubeObject): boolean {
  return listAt(node, "status", "conditions").some(
    (one) => textAt(one, "type") === "Ready" && textAt(one, "status") === "True",
  );
}

/** Starts the controller that taints Nodes which are not Ready, and removes that taint when they are. */
export function startNodeTaints(cluster: TestCluster): Controller {
  const key = "node.kubernetes.io/not-ready";
  return onChange(cluster, ["nodes"], () => {
    for (const node of cluster.list("nodes")) {
      const others = listAt(node, "spec", "taints").filter((taint) => textAt(taint, "key") !== key);
      const effects = isReady(node) ? [] : ["NoSchedule"];
      const taints = [...others, ...effects.map((effect) => ({ key, effect }))];
      if (!isEqual(taints, listAt(node, "spec", "taints")))
        cluster.patch("nodes", "", node.metadata.name, { spec: { taints } });
    }
  });
}

/** A Deployment-like set of Pods. */
export interface Replicas extends Controller {
  /** Changes the number of Pods, or their template: Pods of another template are replaced. */
  update(changes: { readonly count?: number; readonly template?: JsonObject }): void;
  /** Returns its Pods that are not being deleted. */
  pods(): KubeObject[];
  /** Whether all of its Pods are of the template, as many as wanted, and Ready. */
  isDone(): boolean;
}

/**
 * Keeps a number of Pods of a template: creates those that are missing or have ended, and deletes those that are too many or of an older
 * template.
 *
 * @param template the spec of the Pods
 * @param options `maxUnavailable`: how many Pods of the set may be missing for replacements
 */
export function startReplicas(
  cluster: TestCluster,
  name: string,
  count: number,
  template: JsonObject,
  { maxUnavailable = 1 }: { readonly maxUnavailable?: number } = {},
): Replicas {
  const wanted = { count, template };
  const owner = cluster.create({
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: { name, namespace: "default" },
    spec: { replicas: count, selector: { matchLabels: { app: name } } },
  });
  const owned = (): KubeObject[] =>
    cluster
      .list("pods", "default")
      .filter(({ metadata }) =>
        (metadata.ownerReferences ?? []).some((one) => textAt(one, "uid") === owner.metadata.uid),
      );
  const isCurrent = (pod: KubeObject): boolean =>
    pod.metadata.annotations?.["test/template"] === JSON.stringify(wanted.template);
  const hasEnded = (pod: KubeObject): boolean =>
    ["Succeeded", "Failed"].includes(textAt(pod, "status", "phase"));
  const alive = (): KubeObject[] =>
    owned().filter((pod) => !pod.metadata.deletionTimestamp && !hasEnded(pod));
  const reconcile = (): void => {
    for (const pod of owned()) if (hasEnded(pod) && !pod.metadata.deletionTimestamp) remove(pod);
    const pods = alive();
    for (let missing = wanted.count - pods.length; missing > 0; missing--) create();
    const old = pods.filter((pod) => !isCurrent(pod));
    const surplus = [...old, ...pods.filter(isCurrent)].slice(0, Math.max(0, pods.length - wanted.count));
    for (const pod of surplus) remove(pod);
    if (pods.length !== wanted.count) return;
    const unavailable = pods.filter((pod) => isCurrent(pod) && !isPodReady(pod));
    for (const pod of old.slice(0, Math.max(0, maxUnavailable - unavailable.length))) remove(pod);
  };
  const create = (): void => {
    cluster.create({
      apiVersion: "v1",
      kind: "Pod",
      metadata: {
        name: `${name}-${randomSuffix()}`,
        namespace: "default",
        labels: { app: name },
        annotations: { "test/template": JSON.stringify(wanted.template) },
        ownerReferences: [
          { apiVersion: "apps/v1", kind: "ReplicaSet", name, uid: owner.metadata.uid, controller: true },
        ],
      },
      spec: wanted.template,
    });
  };
  const remove = ({ metadata }: KubeObject): void =>
    cluster.delete("pods", metadata.namespace ?? "", metadata.name);
  const controller = onChange(cluster, ["pods"], reconcile);
  return {
    ...controller,
    update(changes) {
      Object.assign(wanted, changes);
      reconcile();
    },
    pods: alive,
    isDone: () => {
      const pods = alive();
      return owned().length === wanted.count && pods.every((pod) => isCurrent(pod) && isPodReady(pod));
    },
  };
}

function isPodReady(pod: KubeObject): boolean {
  return listAt(pod, "status", "conditions").some(
    (one) => textAt(one, "type") === "Ready" && textAt(one, "status") === "True",
  );
}

/** Calls a function now and after changes of these resources, once for all changes of a turn of the event loop. */
function onChange(cluster: TestCluster, plurals: readonly string[], reconcile: () => void): Controller {
  let isDue = false;
  let isStopped = false;
  const run = (): void => {
    isDue = false;
    if (!isStopped) reconcile();
  };
  const unsubscribe = cluster.server.store.subscribe(({ resource }: StoreEvent) => {
    if (!plurals.includes(resource) || isDue) return;
    isDue = true;
    setImmediate(run);
  });
  run();
  return {
    stop() {
      isStopped = true;
      unsubscribe();
    },
  };
}
