import { notFound } from "./api-error.js";
import { type JsonObject, textAt } from "./json.js";
import { type KubeObject, timestamp } from "./kube-object.js";
import { resourceNamed } from "./resources.js";
import { labelSelector } from "./selectors.js";
import type { ObjectStore } from "./store.js";

/** One sample of a kubelet's `/metrics/resource`. */
interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly timeMs: number;
}

/** Returns the text of `/metrics/resource` of a node. */
export type Scrape = (node: string) => Promise<string>;

/** The shortest time between the two scrapes that a rate is computed from. */
const windowMs = 1_000;

/** Answers metrics.k8s.io from what kubelets measure, as metrics-server does. */
export class ResourceMetrics {
  readonly #store: ObjectStore;
  readonly #scrape: Scrape;

  constructor(store: ObjectStore, scrape: Scrape) {
    this.#store = store;
    this.#scrape = scrape;
  }

  /** Returns the NodeMetrics of one node, or of those that the labels select. */
  async nodes(name: string, selector: string): Promise<JsonObject> {
    const all = this.#store.list("nodes").filter(labelSelector(selector));
    const nodes = name === "" ? all : all.filter(({ metadata }) => metadata.name === name);
    if (name !== "" && nodes.length === 0) throw notFound(resourceNamed("nodes"), name);
    const items = await Promise.all(nodes.map((node) => this.#ofNode(node)));
    return answer("NodeMetrics", name, items.flat());
  }

  /** Returns the PodMetrics of one pod, or of those of a namespace ("" for all) that the labels select. */
  async pods(namespace: string, name: string, selector: string): Promise<JsonObject> {
    const all = this.#store.list("pods", namespace || undefined).filter(labelSelector(selector));
    const pods = name === "" ? all : all.filter(({ metadata }) => metadata.name === name);
    if (name !== "" && pods.length === 0) throw notFound(resourceNamed("pods"), name);
    const nodes = [...new Set(pods.map((pod) => textAt(pod, "spec", "nodeName")))].filter(
      (node) => node !== "",
    );
    const rates = new Map(
      await Promise.all(nodes.map(async (node) => [node, await this.#rates(node)] as const)),
    );
    const items = pods.flatMap((pod) => podMetrics(pod, rates.get(textAt(pod, "spec", "nodeName"))));
    return answer("PodMetrics", name, items);
  }

  async #ofNode(node: KubeObject): Promise<JsonObject[]> {
    const { metadata } = node;
    const { cpu, memory, window } = await this.#rates(metadata.name);
    const usage = usageOf(cpu.get("node"), memory.get("node"));
    return usage ? [{ metadata: named(node), timestamp: timestamp(), window, usage }] : [];
  }

  /** CPU in cores and memory in bytes: of the node by `node`, of containers by namespace/pod/container. */
  async #rates(node: string): Promise<Rates> {
    const first = parse(await this.#scrape(node));
    let second = first;
    const cpu = new Map<string, number>();
    for (let attempt = 0; attempt < 10 && cpu.size === 0; attempt++) {
      await new Promise((resolve) => setTimeout(resolve, windowMs));
      second = parse(await this.#scrape(node));
      for (const sample of second) {
        if (!/^(node|container)_cpu_usage_seconds_total$/.test(sample.name)) continue;
        const before = first.find((one) => one.name === sample.name && keyOf(one) === keyOf(sample));
        // A rate needs samples of two times: hence the timestamps of the samples.
        if (!before || sample.timeMs <= before.timeMs || sample.value < before.value) continue;
        cpu.set(keyOf(sample), ((sample.value - before.value) * 1000) / (sample.timeMs - before.timeMs));
      }
    }
    const memory = new Map(
      second
        .filter(({ name }) => /^(node|container)_memory_working_set_bytes$/.test(name))
        .map((sample) => [keyOf(sample), sample.value]),
    );
    return { cpu, memory, window: `${windowMs / 1000}s` };
  }
}

interface Rates {
  readonly cpu: ReadonlyMap<string, number>;
  readonly memory: ReadonlyMap<string, number>;
  readonly window: string;
}

function answer(kind: string, name: string, items: readonly JsonObject[]): JsonObject {
  const [first] = items;
  const apiVersion = "metrics.k8s.io/v1beta1";
  if (name === "") return { kind: `${kind}List`, apiVersion, metadata: {}, items };
  if (!first) throw notFound({ group: "metrics.k8s.io", plural: kind, kind }, name);
  return { kind, apiVersion, ...first };
}

function podMetrics(pod: KubeObject, rates: Rates | undefined): JsonObject[] {
  if (!rates) return [];
  const { name, namespace } = pod.metadata;
  const prefix = `${namespace}/${name}/`;
  const containers = [...rates.memory.keys()]
    .filter((key) => key.startsWith(prefix))
    .flatMap((key) => {
      const usage = usageOf(rates.cpu.get(key), rates.memory.get(key));
      return usage ? [{ name: key.slice(prefix.length), usage }] : [];
    });
  if (containers.length === 0) return [];
  return [{ metadata: named(pod), timestamp: timestamp(), window: rates.window, containers }];
}

function named({ metadata }: KubeObject): JsonObject {
  const { name, namespace, labels, creationTimestamp } = metadata;
  return { name, ...(namespace && { namespace }), ...(labels && { labels }), creationTimestamp };
}

function usageOf(cores: number | undefined, bytes: number | undefined): JsonObject | undefined {
  if (cores === undefined || bytes === undefined) return undefined;
  return { cpu: `${Math.round(cores * 1e9)}n`, memory: `${Math.round(bytes / 1024)}Ki` };
}

function keyOf({ name, labels }: Sample): string {
  return name.startsWith("node_") ? "node" : `${labels.namespace}/${labels.pod}/${labels.container}`;
}

/** Reads Prometheus text with timestamps; a sample without one is left out, since no rate can be computed. */
function parse(text: string): Sample[] {
  return text.split("\n").flatMap((line) => {
    const [, name = "", labels = "", value = "", time = ""] =
      /^([a-z_]+)(?:\{([^}]*)\})? (\S+) (\d+)$/.exec(line) ?? [];
    if (name === "") return [];
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key = "", text = ""]) => [
      key,
      text,
    ]);
    return [{ name, labels: Object.fromEntries(pairs), value: Number(value), timeMs: Number(time) }];
  });
}
