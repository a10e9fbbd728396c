// Sandboxes: a pause container that holds the namespaces, and the pod's network.
import { writeFile } from "node:fs/promises";
import { criError } from "cri-sdk/server";
import type { DNSConfig, PodSandboxConfig, PodSandboxFilter } from "cri-sdk/v1";
import { completed, type HostFacts, isComplete, sandboxRequest } from "./config/create-sandbox.js";
import type { Containers } from "./containers.js";
import type { Engine } from "./engine/client.js";
import { isMissing, missingIsUndefined } from "./errors.js";
import { Puller } from "./images/pull.js";
import { engineName, type SandboxRecord } from "./labels.js";
import { addressesOf } from "./network/namespace.js";
import type { NetworkedPod, PodNetwork } from "./network/pod-network.js";
import type { Objects, Sandbox } from "./objects.js";
import { select } from "./select.js";
import { sandboxEntry, sandboxStatus, usesHostNetwork } from "./status.js";

/** A pull of the pause image that makes no progress for so long fails. */
const pullStallMs = 60_000;

export class Sandboxes {
  readonly #engine: Engine;
  readonly #objects: Objects;
  readonly #network: PodNetwork;
  readonly #containers: Containers;
  readonly #pauseImage: string;
  readonly #puller: Puller;
  readonly #facts: HostFacts;
  /** The sandboxes that RunPodSandbox is at work on. */
  readonly #starting = new Map<string, Promise<void>>();
  /** Those that it has completed, as far as that is known: lists of the engine do not show it. */
  readonly #complete = new Set<string>();
  /** The addresses of sandboxes, with the process that has them. */
  readonly #addresses = new Map<string, { readonly pid: number; readonly ips: readonly string[] }>();
  /** The sandboxes whose network this process has removed: running the plugins again takes a quarter of a second. */
  readonly #detached = new Set<string>();

  constructor(parts: {
    readonly engine: Engine;
    readonly objects: Objects;
    readonly network: PodNetwork;
    readonly containers: Containers;
    readonly pauseImage: string;
    readonly facts: HostFacts;
  }) {
    this.#engine = parts.engine;
    this.#objects = parts.objects;
    this.#network = parts.network;
    this.#containers = parts.containers;
    this.#pauseImage = parts.pauseImage;
    this.#puller = new Puller(parts.engine, pullStallMs);
    this.#facts = parts.facts;
  }

  /** RunPodSandbox. What fails half-way is removed again, also when the client leaves. */
  async run(config: PodSandboxConfig | undefined, handler: string, signal: AbortSignal): Promise<string> {
    if (!config?.metadata) throw criError("invalid_request", "config.metadata: is required");
    const request = await sandboxRequest(config, handler, this.#pauseImage, this.#facts);
    const name = engineName("POD", config, config.metadata.attempt);
    // Not canceled by the signal: an unread response would leave a sandbox whose id is unknown.
    const create = () =>
      this.#engine.call<{ Id: string }>("POST", "/containers/create", { query: { name }, body: request });
    const { Id: id } = await create().catch(async (error: unknown) => {
      if (!isMissing(error)) throw error;
      await this.#puller.pull(this.#pauseImage, undefined, signal);
      return create();
    });
    const started = this.#start(id, signal);
    this.#starting.set(id, started);
    try {
      await started;
      return id;
    } catch (error) {
      await this.remove(id).catch(() => undefined); // The first error is reported. A sandbox that remains is listed as not ready.
      throw error;
    } finally {
      this.#starting.delete(id);
    }
  }

  /** Resolves when RunPodSandbox has ended for this sandbox. */
  async settled(id: string): Promise<void> {
    await this.#starting.get(id)?.catch(() => undefined);
  }

  async list(filter: PodSandboxFilter | undefined, signal?: AbortSignal) {
    const all = (await this.#objects.sandboxes(signal)).filter(({ id }) => !this.isStarting(id));
    const entries = await Promise.all(
      all.map(async (sandbox) => {
        const { id, summary } = sandbox;
        return sandboxEntry(sandbox, summary.State === "running" && (await this.#isComplete(id, signal)));
      }),
    );
    return select(entries, filter);
  }

  /** Whether RunPodSandbox is at work on it. Until its id is returned, a sandbox does not exist for clients, as on containerd. */
  isStarting(id: string): boolean {
    return this.#starting.has(id);
  }

  /** Whether it runs, and is not one that RunPodSandbox is at work on, or has left half-done. */
  isReady({ details }: Sandbox): boolean {
    return details.State.Running && isComplete(details.HostConfig);
  }

  async status(sandbox: Sandbox) {
    return sandboxStatus(sandbox, this.isReady(sandbox), await this.addresses(sandbox));
  }

  /** Returns the addresses of a running pod; none on the host's network, as in CRI. */
  async addresses(sandbox: Sandbox): Promise<readonly string[]> {
    const { id, details } = sandbox;
    const pid = details.State.Pid;
    if (pid === 0 || usesHostNetwork(sandbox)) return [];
    const known = this.#addresses.get(id);
    if (known?.pid === pid) return known.ips;
    const ips = await addressesOf(pid);
    if (ips.length > 0) this.#addresses.set(id, { pid, ips });
    return ips;
  }

  /** StopPodSandbox: stops every member, whatever its PID namespace; then the network, while its namespace exists; then the rest. */
  async stop(id: string): Promise<void> {
    const sandbox = await missingIsUndefined(this.#objects.sandbox(id));
    if (!sandbox) return;
    const members = await this.#objects.containers(sandbox.id);
    await Promise.all(members.map((member) => this.#containers.stop(member.id, 0)));
    await this.#detach(sandbox.id, sandbox, sandbox.details.State.Pid);
    await this.#containers.halt(sandbox.id, 0);
  }

  /** RemovePodSandbox, with its containers. */
  async remove(id: string): Promise<void> {
    const sandbox = await missingIsUndefined(this.#objects.sandbox(id));
    if (!sandbox) return;
    await this.stop(sandbox.id);
    const members = await this.#objects.containers(sandbox.id);
    await Promise.all(members.map((member) => this.#containers.remove(member.id)));
    await this.#containers.delete(sandbox.id);
  }

  /** After a start of the shim: ends what an earlier one left half-done, and frees the addresses of sandboxes that are gone. */
  async adopt(): Promise<void> {
    await this.#network.killOrphans();
    const running = (await this.#objects.sandboxes()).filter(({ summary }) => summary.State === "running");
    await Promise.all(
      running.map(async ({ id }) => {
        const sandbox = await missingIsUndefined(this.#objects.sandbox(id));
        if (sandbox && !isComplete(sandbox.details.HostConfig)) await this.stop(id);
      }),
    );
    await this.#network.sweep(new Set((await this.#objects.sandboxes()).map(({ id }) => id)));
  }

  /** Frees the network of a sandbox that was removed from outside. */
  async forget(id: string, record: SandboxRecord): Promise<void> {
    await this.#detach(id, record, 0);
    this.#detached.delete(id);
    this.#complete.delete(id);
  }

  async #isComplete(id: string, signal?: AbortSignal): Promise<boolean> {
    if (this.#complete.has(id)) return true;
    const sandbox = await missingIsUndefined(this.#objects.sandbox(id, signal));
    if (!sandbox || !isComplete(sandbox.details.HostConfig)) return false;
    this.#complete.add(id);
    return true;
  }

  async #start(id: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await this.#engine.call("POST", `/containers/${id}/start`);
    signal.throwIfAborted();
    await this.#connect(await this.#objects.sandbox(id), signal);
    await this.#engine.call("POST", `/containers/${id}/update`, { body: completed });
  }

  async #connect(sandbox: Sandbox, signal: AbortSignal): Promise<void> {
    const { config, details } = sandbox;
    // The engine mounts this file into every member.
    if (config.dnsConfig) await writeFile(details.ResolvConfPath, resolvConf(config.dnsConfig));
    if (usesHostNetwork(sandbox)) return;
    const pid = details.State.Pid;
    if (pid === 0)
      throw criError("runtime_error", "the pause process has ended at once", { code: "unknown" });
    const { ips } = await this.#network.add(networkOf(sandbox.id, sandbox, pid), signal);
    this.#addresses.set(sandbox.id, { pid, ips });
  }

  async #detach(id: string, record: SandboxRecord, pid: number): Promise<void> {
    this.#addresses.delete(id);
    if (usesHostNetwork(record) || this.#detached.has(id)) return;
    await this.#network.remove(networkOf(id, record, pid));
    this.#detached.add(id);
  }
}

function networkOf(id: string, { config }: SandboxRecord, pid: number): NetworkedPod & { pid: number } {
  const { name = "", namespace = "", uid = "" } = config.metadata ?? {};
  return { id, pid, name, namespace, uid, portMappings: config.portMappings };
}

function resolvConf({ servers, searches, options }: DNSConfig): string {
  const lines = [
    ...(searches.length > 0 ? [`search ${searches.join(" ")}`] : []),
    ...servers.map((server) => `nameserver ${server}`),
    ...(options.length > 0 ? [`options ${options.join(" ")}`] : []),
  ];
  return lines.map((line) => `${line}\n`).join("");
}
