import { mkdir } from "node:fs/promises";
import { abortError, onAbort, raceAbort } from "../core/index.js";
import {
  EventChanges,
  LocalNodeFiles,
  lifecycleHooks,
  type Node,
  type NodeFacts,
  type PodChanges,
} from "../kubernetes/index.js";
import { callSafely } from "./callbacks.js";
import { NodeCgroups } from "./cgroups/index.js";
import { CloseSteps } from "./close-steps.js";
import { EventLog } from "./event-log.js";
import { firstLook } from "./first-look.js";
import { Kubelet } from "./kubelet.js";
import type { KubeletLoop, KubeletView } from "./kubelet-view.js";
import { type KubeletOptions, kubeletTable } from "./options.js";
import type { PodSource, SourceHost } from "./pod-source.js";
import { Orphans } from "./pods/orphans.js";
import { PodManager } from "./pods/pod-manager.js";
import { PodAllocations } from "./resize/index.js";
import { lockRoot } from "./root-lock.js";
import { settingsOf } from "./settings.js";

/**
 * Starts a kubelet: it runs the Pods of its sources on the runtime of a connection, and reports what becomes of them. It continues with the
 * pods that an earlier kubelet with the same `rootDir` left, which keep running. Waits for a runtime that is not up yet.
 *
 * Rejects with {@link CriError}: `invalid_option`; `name_reserved` while another kubelet uses `rootDir`; `aborted_by_caller` and `deadline` when
 * the signal fires first; `client_closed`; and with the error of a source that cannot start.
 */
export async function createKubelet(options: KubeletOptions): Promise<Kubelet> {
  kubeletTable.check("createKubelet", options);
  const { signal } = options;
  if (signal?.aborted) throw abortError(signal);
  const steps = new CloseSteps();
  const closing = new AbortController();
  const close = () => {
    closing.abort(new Error("the kubelet was closed"));
    return steps.close();
  };
  const removeCallback = onAbort(signal, () => void close());
  steps.add(async () => removeCallback());
  try {
    return await start(options, closing.signal, steps, close);
  } catch (error) {
    await close();
    throw signal?.aborted ? abortError(signal) : error;
  }
}

async function start(
  options: KubeletOptions,
  closing: AbortSignal,
  steps: CloseSteps,
  close: () => Promise<void>,
): Promise<Kubelet> {
  const { cri, sources } = options;
  const settings = settingsOf(options);
  const { nodeName, rootDir, podLogsDir, containerLogsDir, withoutMounts, clock } = settings;
  await mkdir(rootDir, { recursive: true, mode: 0o750 });
  steps.add(await lockRoot(rootDir));
  const found = await firstLook(cri, { ...options.node, nodeName, rootDir, podLogsDir }, clock, closing);
  const facts = (): NodeFacts => found.facts;
  const files = new LocalNodeFiles({
    rootDir,
    podLogsDir,
    containerLogsDir,
    plugins: options.volumePlugins,
    withoutMounts,
  });
  const onNode = await files.listPods();

  const listeners = new Set<() => void>();
  const onChange = () => {
    for (const listener of [...listeners]) listener();
  };
  const events = new EventLog(
    clock,
    [
      ...sources.map(
        (source) => [`onEvent of the source ${source.name}`, source.onEvent?.bind(source)] as const,
      ),
      ["onEvent", options.onEvent] as const,
    ].flatMap(([name, target]) => (target ? [[name, target] as const] : [])),
  );
  const node = (): Node<Date> => simpleNode(facts());
  const changes: PodChanges = new EventChanges(cri.events);
  const hooks = lifecycleHooks({ runtime: cri.runtime, clock });
  const common = { cri, files, facts, hooks, clock };
  const eachSource = (name: keyof PodSource, call: (source: PodSource) => unknown) => {
    for (const source of sources) callSafely(`${name} of the source ${source.name}`, () => call(source));
  };
  const allocations = await PodAllocations.open({
    rootDir,
    clock,
    node,
    pods: () => pods.admitted(),
    hasAllSources: () => pods.hasAllSources(),
    fits: () => undefined,
    record: events.record,
    onChange: (uid) => pods.reallocate(uid),
  });
  const cgroups = new NodeCgroups({
    facts,
    node,
    pods: () => pods.admitted().map((pod) => allocations.allocated(pod)),
    clock,
    record: events.record,
  });
  const pods: PodManager = new PodManager({
    ...common,
    resizing: allocations,
    cgroups,
    networkProblem: () => undefined,
    allocations,
    options,
    changes,
    node,
    admissionChecks: [...(options.admissionChecks ?? []), ...(options.admit ? [options.admit] : [])],
    found: { onNode, running: found.running },
    closing,
    record: events.record,
    onStatus: (pod, status) => eachSource("onStatus", (source) => source.onStatus?.(pod, status)),
    onRemoved: (pod) => eachSource("onRemoved", (source) => source.onRemoved?.(pod)),
    onChange,
  });
  const view: KubeletView = {
    cri,
    nodeName,
    clock,
    files,
    facts,
    node,
    pods: () => pods.views(),
    hasAllSources: () => pods.hasAllSources(),
    evict: (uid, failure) => pods.evict(uid, failure),
    record: events.record,
  };
  const orphans = new Orphans({
    ...common,
    isKnown: (uid) => pods.has(uid),
    hasAllSources: view.hasAllSources,
    record: events.record,
    onRemoved: ({ uid }) => pods.forgetFiles(uid),
  });
  steps.add(() => pods.close());

  await startSources(sources, pods, view, steps, closing);
  const loops: readonly KubeletLoop[] = [orphans, allocations, cgroups];
  const running = Promise.all(loops.map((loop) => loop.run(closing)));
  steps.add(() => running);
  return new Kubelet({
    nodeName,
    rootDir,
    pods: view.pods,
    find: (namespace, name) => pods.find(namespace, name),
    node,
    evict: view.evict,
    recentEvents: () => events.recent,
    onChange: (callback) => {
      listeners.add(callback);
      return () => listeners.delete(callback);
    },
    closing,
    close,
    stopPods: (gracePeriodSeconds) => pods.stop(gracePeriodSeconds),
  });
}

async function startSources(
  sources: readonly PodSource[],
  pods: PodManager,
  { nodeName, clock, node, record, hasAllSources }: KubeletView,
  steps: CloseSteps,
  closing: AbortSignal,
): Promise<void> {
  const hostOf = (source: PodSource): SourceHost => ({
    nodeName,
    clock,
    signal: closing,
    setPods: (list) => pods.setPods(source, list),
    refresh: (uids) => pods.refresh(source, uids),
    record,
    node,
    setNode: () => undefined,
    allPods: () => (hasAllSources() ? pods.sourcePods() : undefined),
  });
  for (const source of sources) steps.add(() => source.close());
  const starts = Promise.all(sources.map((source) => source.start(hostOf(source))));
  await raceAbort(starts, closing);
}

function simpleNode({ nodeName, allocatable }: NodeFacts): Node<Date> {
  const amounts = Object.fromEntries(
    Object.entries(allocatable).map(([name, amount]) => [name, String(amount)]),
  );
  return { apiVersion: "v1", kind: "Node", metadata: { name: nodeName }, status: { allocatable: amounts } };
}
