import { type FSWatcher, watch } from "node:fs";
import {
  ChangeSignal,
  checkArgument,
  criError,
  linkedController,
  messageOf,
  OptionTable,
  option,
} from "../../core/index.js";
import type { ConfigMap, Pod, Secret } from "../../kubernetes/index.js";
import { recordNodeWarning } from "../event-objects.js";
import type { PodSource, SourceHost, SourceInputs } from "../pod-source.js";
import { type ManifestFile, ManifestFolder } from "./manifest-folder.js";
import { staticPod } from "./static-pod.js";

/** Options of {@link staticPods}. */
export interface StaticPodsOptions {
  /**
   * How often the folder is read in addition to each reported change, in milliseconds; greater than 0. The default is the kubelet's
   * `fileCheckFrequency`.
   * @default 20_000
   */
  readonly intervalMs?: number | undefined;
}

const table = new OptionTable<StaticPodsOptions>({ intervalMs: option.timerMs });

/** The delay between a change and the read of the folder, in milliseconds: editors write a file in several steps. */
const settleMs = 100;

/**
 * Creates the source of static pods: the manifests in a folder, such as /etc/kubernetes/manifests; its name is `file`. A file may have any of
 * the kinds that `parseManifests` reads; ConfigMaps and Secrets are for the Pods of the folder. The name of the node is appended to the name of
 * each Pod, and an edited Pod replaces the old one.
 *
 * The folder is watched. A file that cannot be used becomes an event with the reason `InvalidManifest`; its last good content stays in effect
 * until the file is mended or removed. (The real kubelet stops the pods of a damaged file.) A folder that does not exist is empty.
 *
 * @param folder an absolute path
 * @throws {CriError} `invalid_option`
 */
export function staticPods(folder: string, options: StaticPodsOptions = {}): PodSource {
  checkArgument("staticPods", "folder", folder, option.absolutePath);
  table.check("staticPods", options);
  return new StaticPods(folder, options.intervalMs ?? 20_000);
}

class StaticPods implements PodSource {
  readonly name = "file";
  readonly #path: string;
  readonly #intervalMs: number;
  readonly #folder: ManifestFolder;
  readonly #change = new ChangeSignal();
  readonly #closing = new AbortController();
  /** The Pods by uid, with the time of the first look at them. */
  #seenMs: ReadonlyMap<string, number> = new Map();
  #inputs: { readonly configMaps: readonly ConfigMap[]; readonly secrets: readonly Secret[] } = {
    configMaps: [],
    secrets: [],
  };
  /** The problems that were reported. */
  #problems: ReadonlySet<string> = new Set();
  #watcher: FSWatcher | undefined;
  #running: Promise<void> | undefined;

  constructor(path: string, intervalMs: number) {
    this.#path = path;
    this.#intervalMs = intervalMs;
    this.#folder = new ManifestFolder(path);
  }

  async start(host: SourceHost): Promise<void> {
    if (this.#running) throw criError("wrong_state", "staticPods: a source can be used by one kubelet only");
    this.#running = this.#run(host, AbortSignal.any([this.#closing.signal, host.signal]));
  }

  inputs(): SourceInputs {
    return this.#inputs;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  async #run(host: SourceHost, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#watch();
      await this.#read(host);
      await this.#wait(host, signal);
    }
    this.#watcher?.close();
  }

  async #read(host: SourceHost): Promise<void> {
    let files: readonly ManifestFile[];
    try {
      files = await this.#folder.read();
    } catch (error) {
      // Its pods go on: to stop them because of a failed disk would be wrong.
      this.#report(host, [`${this.#path}: cannot be read: ${messageOf(error)}`]);
      return;
    }
    const problems = files.flatMap(({ problem }) => problem ?? []);
    const pods = this.#podsOf(files, host, problems);
    this.#report(host, problems);
    const inputs = {
      configMaps: files.flatMap(({ manifests }) => manifests?.configMaps.map(({ object }) => object) ?? []),
      secrets: files.flatMap(({ manifests }) => manifests?.secrets.map(({ object }) => object) ?? []),
    };
    const areInputsNew = JSON.stringify(inputs) !== JSON.stringify(this.#inputs);
    this.#inputs = inputs;
    host.setPods(pods);
    if (areInputsNew) host.refresh();
  }

  #podsOf(files: readonly ManifestFile[], { nodeName, clock }: SourceHost, problems: string[]): Pod[] {
    const seenMs = new Map<string, number>();
    const byName = new Map<string, { readonly file: string; readonly pod: Pod }>();
    for (const { path: file, manifests } of files)
      for (const { object } of manifests?.pods ?? []) {
        // The time is not part of the identity, which has to be known to find it.
        const { uid = "" } = staticPod(object, { nodeName, file, seenMs: 0 }).metadata ?? {};
        const first = this.#seenMs.get(uid) ?? clock.now();
        const pod = staticPod(object, { nodeName, file, seenMs: first });
        const name = `${pod.metadata?.namespace}/${pod.metadata?.name}`;
        const other = byName.get(name);
        if (other) {
          problems.push(
            `${file}: the Pod ${name} is in ${other.file} already; the one in ${file} is not used`,
          );
          continue;
        }
        byName.set(name, { file, pod });
        seenMs.set(uid, first);
      }
    this.#seenMs = seenMs;
    return [...byName.values()].map(({ pod }) => pod);
  }

  /** Reports each problem once, until it is gone. */
  #report({ nodeName, record }: SourceHost, problems: readonly string[]): void {
    for (const problem of problems)
      if (!this.#problems.has(problem)) recordNodeWarning({ nodeName, record }, "InvalidManifest", problem);
    this.#problems = new Set(problems);
  }

  /** Waits for a change or for the interval. */
  async #wait({ clock }: SourceHost, signal: AbortSignal): Promise<void> {
    const turn = linkedController(signal);
    const ignore = () => undefined;
    try {
      const change = this.#change
        .wait({ signal: turn.signal })
        .then(() => clock.sleep(settleMs, turn.signal));
      await Promise.race([change.catch(ignore), clock.sleep(this.#intervalMs, turn.signal).catch(ignore)]);
    } finally {
      turn.abort(new Error("the wait has ended"));
      turn.unlink();
    }
  }

  /**
   * Watches the folder again: another folder may have its path by now. Where that fails, only the interval finds changes until the next
   * attempt.
   */
  #watch(): void {
    this.#watcher?.close();
    try {
      const watcher = watch(this.#path, { persistent: false }, this.#change.notify);
      watcher.on("error", () => watcher.close());
      this.#watcher = watcher;
    } catch {
      this.#watcher = undefined;
    }
  }
}
