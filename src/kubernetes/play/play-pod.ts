import { abortError, checkArgument, criError, option, raceAbort, withDeadline } from "../../core/index.js";
import type { Cri } from "../../cri.js";
import type { ConfigMap, Pod, Secret } from "../api/index.js";
import { criCheck, keyed } from "../argument-checks.js";
import { checkNodeArgument } from "../config/input-checks.js";
import type { NodeFacts } from "../config/node-facts.js";
import { planContainer, planResources, podPlan } from "../config/plan-pod.js";
import { lifecycleHooks } from "../hooks/hooks.js";
import { podImages } from "../images/pod-images.js";
import { type ManifestObject, parseManifests } from "../manifests/index.js";
import { LocalNodeFiles } from "../node/local-node-files.js";
import { probesFactory } from "../probes/prober.js";
import { probeRunner } from "../probes/run-probe.js";
import { checkPod } from "../validation/index.js";
import { systemClock } from "../worker/clock.js";
import { EventChanges } from "../worker/pod-changes.js";
import { PodWorker } from "../worker/pod-worker.js";
import type { PodChanges, PodPlanner, PodWorkerEvent } from "../worker/ports.js";
import { History } from "./history.js";
import { type PlayInputs, type PlayPodOptions, playPodTable, resolveFolders } from "./options.js";
import { PlayedPod, type PlayedPodParts } from "./played-pod.js";
import { stopPredecessors } from "./predecessors.js";
import { PlayRecords } from "./records.js";
import { sharedNodeFacts } from "./shared-node-facts.js";
import { volumeFileReader } from "./volume-file-reader.js";

/** The number of events and of statuses that are kept for readers that come later or are slow. */
const kept = { events: 200, statuses: 8 } as const;

/**
 * Runs a Pod on the node of a connection, as the kubelet does, through its whole life: init containers in order, sidecars, probes, hooks,
 * restarts with back-off, volumes, and the removal of everything at the end. Resolves when the Pod is checked and its start has begun; see
 * {@link PlayedPod.wait}. The `status` of the manifest is not used.
 *
 * What an earlier process played is adopted, also after a crash: the same manifest continues, with nothing created twice; a manifest that
 * was edited, so that it has another uid, first stops the pod of the same name.
 *
 * Rejects with {@link CriError}: `invalid_file` and `invalid_spec` for a manifest that is not valid, with every problem; `name_reserved` while
 * the Pod is played already, here or in another process; `invalid_option`; and as CRI's Version and Status do.
 *
 * @param manifest YAML or JSON with one Pod (or one workload, whose template becomes the Pod) and the ConfigMaps and Secrets that it uses; or
 *   the Pod as an object
 */
export async function playPod(
  cri: Cri,
  manifest: string | Pod,
  options: PlayPodOptions = {},
): Promise<PlayedPod> {
  checkArgument("playPod", "cri", cri, criCheck);
  checkArgument("playPod", "manifest", manifest, option.either(option.string, keyed));
  playPodTable.check("playPod", options);
  const { signal } = options;
  const { placeOf, ...parsed } = readManifest(manifest, options.source ?? "the manifest");
  // The status of a Pod that was read from an API server is about another life of it.
  const { status: _status, ...manifestPod } = parsed.pod;
  const current: Required<PlayInputs> = { configMaps: [], secrets: [], services: [] };
  const inputs = () => ({
    // The first object of a name is used.
    configMaps: [...parsed.configMaps, ...(current.configMaps ?? [])],
    secrets: [...parsed.secrets, ...(current.secrets ?? [])],
    services: current.services ?? [],
    runtimeClasses: options.runtimeClasses,
  });
  const setInputs = (changes: PlayInputs) => Object.assign(current, changes);
  setInputs({
    configMaps: options.configMaps ?? [],
    secrets: options.secrets ?? [],
    services: options.services ?? [],
  });
  const { volumePlugins: plugins, allowedUnsafeSysctls } = options;
  const pod = checkPod(manifestPod, {
    inputs: inputs(),
    volumePlugins: plugins,
    allowedUnsafeSysctls,
    placeOf,
  });
  throwIfAborted(signal);

  const { rootDir, podLogsDir, withoutMounts } = resolveFolders(options);
  const { containerLogsDir, clock = systemClock, imageAuth: nodeAuth } = options;
  const facts = sharedNodeFacts(cri, { node: options.node, rootDir, podLogsDir });
  const node = await withDeadline({ signal }, (aborted) => raceAbort(facts, aborted));
  const files = new LocalNodeFiles({ rootDir, podLogsDir, containerLogsDir, plugins, withoutMounts });
  const readVolumeFile = volumeFileReader(pod, node, files, inputs);
  const { namespace, name, uid } = pod.metadata;
  const identity = { namespace, name, uid };
  const records = new PlayRecords(rootDir);
  const isNew = await records.claim(identity);
  const events = new History<PodWorkerEvent>(kept.events);
  const statuses: PlayedPodParts["statuses"] = new History(kept.statuses);
  try {
    throwIfAborted(signal);
    const removal = { runtime: cri.runtime, files, node };
    const hooks = lifecycleHooks({ runtime: cri.runtime, clock });
    const record = (event: PodWorkerEvent) => {
      events.push(event);
      callBack(options.onEvent, event);
    };
    await stopPredecessors(identity, records, { ...removal, hooks, clock, record, signal });
    throwIfAborted(signal);
    const worker = new PodWorker(pod, {
      runtime: cri.runtime,
      images: podImages({ image: cri.image, clock, secrets: () => inputs().secrets }, { nodeAuth }),
      planner: options.planner?.(podPlanner(node)) ?? podPlanner(node),
      files,
      probes: probesFactory(probeRunner(cri.runtime)),
      hooks,
      changes: changesOf(cri),
      clock,
      inputs: () => ({ ...inputs(), readVolumeFile }),
      node: () => node,
      record,
      onStatus: (status, observed) => {
        statuses.push({ status, observed });
        callBack(options.onStatus, status);
      },
    });
    const onEnd = (isLeft: boolean) => (isLeft ? records.leave(identity) : records.release(uid));
    return new PlayedPod({ cri, worker, removal, events, statuses, setInputs, onEnd }, parsed.notices);
  } catch (error) {
    await (isNew ? records.release(uid) : records.leave(identity));
    throw error;
  }
}

/** Returns the planner with the kubelet's rules for a node. */
export function podPlanner(node: NodeFacts): PodPlanner {
  checkNodeArgument("podPlanner", node);
  return {
    pod: (pod, inputs) => podPlan(pod, node, inputs),
    container: (pod, name, inputs) => planContainer(pod, name, node, inputs),
    resources: (pod, name) => planResources(pod, name, node),
  };
}

/** A manifest, as far as it is needed to play it. */
interface PlayedManifest {
  readonly pod: Pod;
  readonly configMaps: readonly ConfigMap[];
  readonly secrets: readonly Secret[];
  readonly notices: readonly string[];
  readonly placeOf?: ManifestObject<Pod>["placeOf"] | undefined;
}

function readManifest(manifest: string | Pod, source: string): PlayedManifest {
  if (typeof manifest !== "string") {
    const { kind = "Pod" } = manifest;
    if (kind !== "Pod")
      throw criError("invalid_spec", `${source}: kind: must be "Pod", got ${JSON.stringify(kind)}`, {
        hint: "Pass other kinds as text",
      });
    return { pod: manifest, configMaps: [], secrets: [], notices: [] };
  }
  const { pods, configMaps, secrets, notices } = parseManifests(manifest, { source });
  const [first] = pods;
  if (first === undefined || pods.length > 1)
    throw criError("invalid_file", `${source}: must have exactly one Pod, got ${pods.length}`, {
      hint: "Read the text with `parseManifests`, and call `playPod` for each of its Pods",
    });
  return {
    pod: first.object,
    configMaps: configMaps.map(({ object }) => object),
    secrets: secrets.map(({ object }) => object),
    placeOf: first.placeOf,
    notices: notices.map(({ message, place }) => `${place.source}:${place.line}: ${message}`),
  };
}

/** One reader of events for all pods of a connection. */
const changes = new WeakMap<Cri, PodChanges>();

function changesOf(cri: Cri): PodChanges {
  const known = changes.get(cri);
  if (known) return known;
  const created = new EventChanges(cri.events);
  changes.set(cri, created);
  return created;
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortError(signal);
}

/** Calls back the caller. An error of the callback must not end the worker: it is thrown where nothing catches it. */
function callBack<T>(callback: ((value: T) => void) | undefined, value: T): void {
  try {
    callback?.(value);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
