import { once } from "node:events";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { type RequestOptions, request } from "node:https";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { Cri } from "../../src/index.js";
import {
  type Kubelet,
  KubeletServer,
  type KubeletServerOptions,
  type KubeletServerParts,
  type KubeletView,
} from "../../src/kubelet/index.js";
import { type NodeFacts, nodeFacts, type Pod, systemClock } from "../../src/kubernetes/index.js";
import type { EmbeddedOptions } from "../../src/testing/index.js";
import { cleanup } from "./cleanup.js";
import { kubeletNode, ListSource, untilPhase } from "./kubelets.js";
import { within } from "./waiting.js";

/** The token of a user who may do everything. */
export const adminToken = "admin-token";

/** An answer of the server. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly text: string;
}

/** A view of a kubelet that runs in a test. */
export function viewOf(cri: Cri, facts: NodeFacts, kubelet: Pick<Kubelet, "pods">): KubeletView {
  return {
    cri,
    nodeName: "node",
    clock: systemClock,
    // Not read by the server.
    files: {} as KubeletView["files"],
    facts: () => facts,
    node: () => ({
      metadata: { name: "node" },
      status: { addresses: [{ type: "InternalIP", address: "127.0.0.1" }] },
    }),
    pods: () => kubelet.pods(),
    hasAllSources: () => true,
    evict: () => undefined,
    record: () => undefined,
  };
}

/** Starts a kubelet's API on a port of its own, which is closed after the test; it knows {@link adminToken}. */
export async function startServer(
  t: TestContext,
  view: KubeletView,
  rootDir: string,
  options: KubeletServerOptions = {},
  parts: Partial<KubeletServerParts> = {},
): Promise<TestServer> {
  const server = new KubeletServer(
    {
      host: "127.0.0.1",
      port: 0,
      authenticate: async (token) =>
        token === adminToken ? { name: "admin", groups: ["system:masters"] } : undefined,
      ...options,
    },
    { view, rootDir, ...parts },
  );
  cleanup(t, () => within(15_000, server.close(), "the kubelet's API: close()"));
  await within(15_000, server.start(), "the kubelet's API: start()");
  return new TestServer(server);
}

/** A kubelet's API with requests to it. */
export class TestServer {
  readonly server: KubeletServer;

  constructor(server: KubeletServer) {
    this.server = server;
  }

  /** The URL of a path. */
  at(path: string): string {
    return `${this.server.url}${path}`;
  }

  /** Options of `exec()`, `attach()` and `portForward()` for this server. */
  get streaming() {
    return {
      tls: { rejectUnauthorized: false },
      headers: { authorization: `Bearer ${adminToken}` },
    } as const;
  }

  /** Sends a request, with the administrator's token unless `headers` has another authorization. */
  async open(path: string, options: RequestOptions = {}): Promise<IncomingMessage> {
    const call = request({
      host: "127.0.0.1",
      port: this.server.port,
      path,
      rejectUnauthorized: false,
      agent: false,
      ...options,
      headers: { authorization: `Bearer ${adminToken}`, ...options.headers },
    });
    call.end();
    const [response] = (await within(20_000, once(call, "response"), path)) as [IncomingMessage];
    return response;
  }

  /** Sends a request, and reads its answer. */
  async get(path: string, options: RequestOptions = {}): Promise<Answer> {
    const response = await this.open(path, options);
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    return { status: response.statusCode ?? 0, headers: response.headers, body, text: body.toString() };
  }
}

/** A kubelet with Pods that run, and its API. */
export async function servedPods(
  t: TestContext,
  pods: readonly Pod[],
  {
    options = {},
    parts = {},
    runtime = {},
    phase = "Running",
  }: {
    readonly options?: KubeletServerOptions;
    readonly parts?: Partial<KubeletServerParts>;
    readonly runtime?: EmbeddedOptions;
    /** What is waited for. */
    readonly phase?: string;
  } = {},
) {
  const node = await kubeletNode(t, runtime);
  const source = new ListSource("list", pods);
  const kubelet = await node.start([source]);
  const names = pods.map(({ metadata }) => metadata?.name ?? "");
  await untilPhase(kubelet, phase, ...names);
  const facts = await nodeFacts(node.cri, { nodeName: "node", podLogsDir: join(node.rootDir, "logs") });
  const view = viewOf(node.cri, facts, kubelet);
  const server = await startServer(t, view, node.rootDir, options, parts);
  return { ...node, kubelet, source, view, server };
}
