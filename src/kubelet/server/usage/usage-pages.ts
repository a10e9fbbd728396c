import { isCriError } from "../../../core/index.js";
import { HostFiles, timeText } from "../../../kubernetes/index.js";
import { prometheusContentTypes } from "../../../stats/index.js";
import type { KubeletPod } from "../../kubelet-view.js";
import { kubeletPage, probesPage } from "../metrics/kubelet-page.js";
import type { RequestCounts } from "../metrics/request-counts.js";
import { resourcePage } from "../metrics/resource-page.js";
import type { KubeletServerParts } from "../parts.js";
import type { RequestContext } from "../request-context.js";
import { fileSystem } from "./file-systems.js";
import { type NodeUsage, nodeUsage } from "./node-usage.js";
import { PodDisks } from "./pod-disks.js";
import { type PodDiskUse, summaryOf } from "./summary.js";
import { type FsStats, summaryJson } from "./summary-types.js";
import { UsageReader } from "./usage-reader.js";

const readTimeoutMs = 20_000;
/** The time over which the rate of the node's CPU is computed, at least. */
const minRateNanos = 1_000_000_000n;

const noImages = { imageFs: undefined, containerFs: undefined };

/** Answers for the pages of statistics and metrics. */
export class UsagePages {
  readonly #parts: KubeletServerParts;
  readonly #host: HostFiles;
  readonly #usage: UsageReader;
  readonly #disks: PodDisks;
  #previous: NodeUsage | undefined;
  #nanoCores: number | undefined;

  /** @param host the files of /proc */
  constructor(parts: KubeletServerParts, host: HostFiles = new HostFiles()) {
    this.#parts = parts;
    this.#host = host;
    this.#usage = new UsageReader(parts.view);
    this.#disks = new PodDisks({ rootDir: parts.rootDir, podLogsDir: parts.view.facts().podLogsDir });
  }

  /** Answers `/metrics/resource`. When the runtime does not respond, the page reports a scrape error. */
  async resource({ response, signal }: RequestContext): Promise<void> {
    const [usage, node] = await Promise.all([
      this.#usage.read(signal).catch((error: unknown) => {
        if (isCriError(error) && !signal.aborted) return undefined;
        throw error;
      }),
      this.#node(),
    ]);
    answerPage(response, resourcePage(this.#parts.view, usage, node));
  }

  /** Answers `/metrics/cadvisor`: the runtime's own metrics, or its statistics by the names of cAdvisor's. */
  async cadvisor({ response, signal }: RequestContext): Promise<void> {
    answerPage(response, await this.#parts.view.cri.stats.toPrometheus({ signal, timeoutMs: readTimeoutMs }));
  }

  /** Answers `/metrics/probes`. */
  async probes({ response }: RequestContext): Promise<void> {
    answerPage(response, probesPage(this.#parts.probes));
  }

  /** Answers `/metrics`. */
  async kubelet({ response }: RequestContext, requests: RequestCounts, sessions: number): Promise<void> {
    answerPage(response, await kubeletPage(this.#parts, requests, sessions));
  }

  /** Answers `/stats/summary`; with `only_cpu_and_memory=true`, without what has to be measured on disks. */
  async summary({ response, query, signal }: RequestContext): Promise<void> {
    const { view, rootDir } = this.#parts;
    const isShort = query.get("only_cpu_and_memory") === "true";
    const node = await this.#node();
    const time = timeText(new Date(view.clock.now()));
    const [usage, disks, nodeFs, images] = await Promise.all([
      this.#usage.read(signal),
      isShort ? new Map<string, PodDiskUse>() : this.#disks.read(view.pods().filter(hasSandbox), signal),
      isShort ? undefined : fileSystem(rootDir, time),
      isShort ? noImages : this.#imageFs(time, signal),
    ]);
    const nodeNanoCores = this.#nanoCores;
    const body = summaryJson(summaryOf({ view, usage, node, nodeNanoCores, nodeFs, disks, ...images }));
    response.writeHead(200, { "Content-Type": "application/json" }).end(body);
  }

  async #imageFs(
    time: string,
    signal: AbortSignal,
  ): Promise<{ imageFs: FsStats | undefined; containerFs: FsStats | undefined }> {
    const { images, containers } = await this.#parts.view.cri.images.fsInfo({
      signal,
      timeoutMs: readTimeoutMs,
    });
    const measure = async ([first]: typeof images): Promise<FsStats | undefined> => {
      const file = first && (await fileSystem(first.mountpoint, time));
      return file && { ...file, usedBytes: first.usedBytes, inodesUsed: first.inodesUsed ?? file.inodesUsed };
    };
    const [imageFs, containerFs] = await Promise.all([measure(images), measure(containers)]);
    return { imageFs, containerFs };
  }

  async #node(): Promise<NodeUsage> {
    const node = await nodeUsage(this.#host, this.#parts.view.clock.now());
    const previous = this.#previous;
    const passedNanos = previous ? node.atNanos - previous.atNanos : 0n;
    if (previous?.cpuNanos !== undefined && node.cpuNanos !== undefined && passedNanos >= minRateNanos)
      this.#nanoCores = Number(((node.cpuNanos - previous.cpuNanos) * 1_000_000_000n) / passedNanos);
    // After the clock was set back, the cache starts again.
    if (!previous || passedNanos >= minRateNanos || passedNanos < 0n) this.#previous = node;
    return node;
  }
}

/** Only such a Pod is in a summary. */
function hasSandbox({ observed }: KubeletPod): boolean {
  return observed.sandboxes.length > 0;
}

function answerPage(response: RequestContext["response"], page: string): void {
  response.writeHead(200, { "Content-Type": prometheusContentTypes.text }).end(page);
}
