import type { TestContext } from "node:test";
import type { Node, Pod, PodStatus } from "../../../src/kubernetes/index.js";
import { cleanup } from "../cleanup.js";
import { tempFolder } from "../temp.js";
import { until } from "../waiting.js";
import { type ApiServer, type ApiServerOptions, createApiServer } from "./api-server.js";
import type { AuditEntry } from "./audit.js";
import { type JsonObject, type JsonValue, textAt } from "./json.js";
import type { KubeObject } from "./kube-object.js";
import { kubeconfig } from "./kubeconfig.js";
import type { DeleteOptions, PatchKind, Target } from "./objects-api.js";
import { resourceNamed } from "./resources.js";

/** A Pod as the server stores it: its times are strings. */
export type StoredPod = Omit<Pod, "status"> & { readonly status: PodStatus<string> };

/** A running API server and what tests do with it as an administrator, past HTTP. */
export class TestCluster {
  readonly server: ApiServer;

  constructor(server: ApiServer) {
    this.server = server;
  }

  /** Returns the kubeconfig of an administrator. */
  async adminConfig(): Promise<JsonObject> {
    return kubeconfig(this.server, {
      certificate: await this.server.ca.client("kubernetes-admin", ["system:masters"]),
    });
  }

  /** Returns the kubeconfig of a kubelet: user `system:node:NAME`, group `system:nodes`. */
  async nodeConfig(nodeName: string): Promise<JsonObject> {
    const certificate = await this.server.ca.client(`system:node:${nodeName}`, ["system:nodes"]);
    return kubeconfig(this.server, { certificate });
  }

  /** Returns the kubeconfig of a user with a fixed token. */
  tokenConfig(name: string, groups: readonly string[] = []): JsonObject {
    const token = `token-of-${name.replaceAll(":", "-")}`;
    this.server.tokens.add(token, { name, groups });
    return kubeconfig(this.server, { token });
  }

  /** Creates an object; its namespace is `default` unless it has one. */
  create(object: object): KubeObject {
    // Through JSON, so that dates and fields that are undefined become what a client would send.
    return this.server.create(JSON.parse(JSON.stringify(object)) as JsonObject);
  }

  /** Creates a Pod; its apiVersion and kind may be missing. */
  createPod(pod: Pod): KubeObject {
    return this.create({ apiVersion: "v1", kind: "Pod", ...pod });
  }

  /** Returns an object, or undefined. */
  find(plural: string, namespace: string, name: string): KubeObject | undefined {
    return this.server.store.get(plural, namespace, name);
  }

  /** Returns a Pod; fails if there is none. */
  pod(name: string, namespace = "default"): StoredPod {
    // The server stores Pods as clients sent them, with its defaults.
    return this.server.api.get(targetOf("pods", namespace, name)) as unknown as StoredPod;
  }

  /** Returns a Node; fails if there is none. */
  node(name: string): Node {
    return this.server.api.get(targetOf("nodes", "", name)) as unknown as Node;
  }

  /** Returns the objects of a resource, of all namespaces by default. */
  list(plural: string, namespace?: string): KubeObject[] {
    return this.server.store.list(plural, namespace);
  }

  /** Patches an object. */
  patch(
    plural: string,
    namespace: string,
    name: string,
    patch: object,
    { kind = "strategic", subresource = "" }: { kind?: PatchKind; subresource?: string } = {},
  ): KubeObject {
    const body = JSON.parse(JSON.stringify(patch)) as JsonValue;
    return this.server.api.patch({ ...targetOf(plural, namespace, name), subresource }, kind, body);
  }

  /** Deletes an object, with its grace period unless the options have one. */
  delete(plural: string, namespace: string, name: string, options: DeleteOptions = {}): void {
    this.server.api.delete(targetOf(plural, namespace, name), options);
  }

  /** Binds a Pod to a node, as a scheduler does. */
  bind(name: string, nodeName: string, namespace = "default"): void {
    this.server.api.bind(targetOf("pods", namespace, name), { target: { kind: "Node", name: nodeName } });
  }

  /** Returns the requests so far that match, oldest first. */
  requests(
    matches: Partial<Pick<AuditEntry, "user" | "verb" | "resource" | "namespace" | "name" | "code">>,
  ): AuditEntry[] {
    const wanted = Object.entries(matches);
    return this.server.requests.filter((entry) =>
      wanted.every(([name, value]) =>
        Object.entries(entry).some(([key, is]) => key === name && is === value),
      ),
    );
  }

  /** Waits until an object satisfies a condition; `undefined` is given for one that is missing. */
  async until(
    plural: string,
    namespace: string,
    name: string,
    holds: (object: KubeObject | undefined) => boolean,
    ms?: number,
  ): Promise<void> {
    const what = `${plural} ${namespace}/${name}`;
    await until(() => holds(this.find(plural, namespace, name)), what, ms).catch((error: Error) => {
      throw new Error(`${error.message}: ${JSON.stringify(this.find(plural, namespace, name))}`);
    });
  }

  /** Waits until a Pod has a phase. */
  untilPhase(name: string, phase: string, namespace = "default", ms?: number): Promise<void> {
    return this.until(
      "pods",
      namespace,
      name,
      (pod) => pod !== undefined && textAt(pod, "status", "phase") === phase,
      ms,
    );
  }

  /** Waits until an object is gone. */
  untilGone(plural: string, namespace: string, name: string, ms?: number): Promise<void> {
    return this.until(plural, namespace, name, (object) => object === undefined, ms);
  }
}

/** Starts an API server that stops with the test. */
export async function startTestCluster(
  t: TestContext,
  options: Omit<ApiServerOptions, "folder"> = {},
): Promise<TestCluster> {
  const server = await createApiServer({ ...options, folder: await tempFolder(t) });
  cleanup(t, () => server[Symbol.asyncDispose]());
  return new TestCluster(server);
}

function targetOf(plural: string, namespace: string, name: string): Target {
  return { resource: resourceNamed(plural), namespace, name, subresource: "" };
}
