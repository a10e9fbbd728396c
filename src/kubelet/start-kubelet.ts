import { mkdir } from "node:fs/promises";
import { raceAbort } from "../core/index.js";
import { LocalNodeFiles, lifecycleHooks, type Node, type NodeFacts } from "../kubernetes/index.js";
import { checkNodeResources, defaultAdmissionChecks } from "./admission/index.js";
import { callSafely } from "./callbacks.js";
import { NodeCgroups } from "./cgroups/index.js";
import type { CloseSteps } from "./close-steps.js";
import { configuration } from "./configuration.js";
import { EventLog } from "./event-log.js";
import { EvictionManager } from "./eviction/index.js";
import { firstLook } from "./first-look.js";
import { GarbageCollection, ImageGarbageCollection } from "./garbage/index.js";
import { Kubelet } from "./kubelet.js";
import type { KubeletLoop, KubeletView } from "./kubelet-view.js";
import { LogRotation } from "./log-rotation/index.js";
import { NodeReporter } from "./node/index.js";
import { NodeFactsView } from "./node-facts-view.js";
import type { KubeletOptions } from "./options.js";
import type { PodSource, SourceHost } from "./pod-source.js";
import { Orphans } from "./pods/orphans.js";
import { PodManager } from "./pods/pod-manager.js";
import { isOwnedBy, sandboxOwner } from "./pods/sandbox-owner.js";
import { NodeRelist } from "./relist/index.js";
import { PodAllocations } from "./resize/index.js";
import { lockRoot } from "./root-lock.js";
import { KubeletServer, type KubeletServerOptions, ProbeCounts, StatusServer } from "./server/index.js";
import { settingsOf } from "./settings.js";

/** The lifetime of a kubelet: the input of {@link startKubelet} besides the options. */
export interface KubeletRun {
  /** Fires when the kubelet closes. */
  readonly closing: AbortSignal;
  /** Takes the steps of closing. */
  readonly steps: CloseSteps;
  readonly close: () => Promise<void>;
}

/** Wires the parts of a kubelet and starts them. After a rejection, the caller runs the steps, which stop what was started. */
export async function startKubelet(options: KubeletOptions, run: KubeletRun): Promise<Kubelet> {
  const { cri, sources } = options;
  const { closing, steps } = run;
  const { nodeName, rootDir, podLogsDir, containerLogsDir, withoutMounts, clock } = settingsOf(options);
  await mkdir(rootDir, { recursive: true, mode: 0o750 });
  steps.add(await lockRoot(rootDir));
  const found = await firstLook(cri, { ...options.node, nodeName, rootDir, podLogsDir }, clock, closing);
  const files = new LocalNodeFiles({
    rootDir,
    podLogsDir,
    containerLogsDir,
    plugins: options.volumePlugins,
    withoutMounts,
  });
  // A pod whose files are lost is still one of this kubelet.
  const onNode = [...(await files.listPods()), ...found.owned];

  const listeners = new Set<() => void>();
  const onChange = () => {
    for (const listener of [...listeners]) listener();
  };
  const eachSource = (method: keyof PodSource, call: (source: PodSource) => unknown) => {
    for (const source of sources) callSafely(`${method} of the source ${source.name}`, () => call(source));
  };
  const events = new EventLog(clock, (event) => {
    eachSource("onEvent", (source) => source.onEvent?.(event));
    callSafely("onEvent", () => options.onEvent?.(event));
  });
  const { record } = events;

  const relist = new NodeRelist({ cri, clock, onHealthChange: () => reporter.refresh() }, options.relist);
  const view: KubeletView = {
    cri,
    nodeName,
    clock,
    files,
    facts: () => facts.current(),
    node: () => reporter.current(),
    pods: () => pods.views(),
    hasAllSources: () => pods.hasAllSources(),
    evict: (uid, failure) => pods.evict(uid, failure),
    record,
  };
  const { node, hasAllSources } = view;
  const garbageOptions = options.garbageCollection || {};
  const garbage = new GarbageCollection(
    { view, relist, podLogsDir, containerLogsDir, foreignPods: options.foreignPods },
    garbageOptions,
  );
  const imageGarbage = new ImageGarbageCollection({ view }, options.imageGarbageCollection || {});
  const evictionOptions = options.eviction || {};
  const eviction = new EvictionManager(
    {
      view,
      relist,
      garbage: options.garbageCollection === false ? undefined : garbage,
      imageGarbage: options.imageGarbageCollection === false ? undefined : imageGarbage,
      onPressureChange: () => reporter.refresh(),
    },
    evictionOptions,
  );
  let server: KubeletServer | undefined;
  const {
    nodeLabels,
    nodeTaints,
    nodeAddresses,
    capacity,
    reserved,
    maxPods,
    kubeletVersion,
    nodeConditions,
  } = options;
  const reporter: NodeReporter = await NodeReporter.open(
    {
      cri,
      nodeName,
      clock,
      facts: () => found.facts,
      health: () => relist.health(),
      pressures: () => eviction.pressures(),
      record,
      onNode: (current) => {
        eachSource("onNode", (source) => source.onNode?.(current));
        onChange();
      },
      port: () => server?.port,
      // The kubelet's API accepts the WebSockets of kubectl, so that an API server need not translate them to SPDY.
      declaredFeatures: () => (server ? ["ExtendWebSocketsToKubelet"] : []),
      evictionReserve: options.eviction === false ? {} : evictionOptions.hard,
    },
    { nodeLabels, nodeTaints, nodeAddresses, capacity, reserved, maxPods, kubeletVersion, nodeConditions },
    closing,
  );
  const facts = new NodeFactsView(found.facts, node);

  const allocations = await PodAllocations.open({
    rootDir,
    clock,
    node,
    pods: () => pods.admitted(),
    hasAllSources,
    fits: checkNodeResources,
    hasSwap: found.facts.swapBehavior === "LimitedSwap",
    memoryUsageBytes: async (containerId, signal) => {
      const { stats } = await cri.runtime.containerStats({ containerId }, { signal });
      return stats?.memory?.workingSetBytes?.value;
    },
    record,
    onChange: (uid) => pods.reallocate(uid),
  });
  const cgroups =
    options.cgroups !== false &&
    new NodeCgroups({
      ...options.cgroups,
      facts: view.facts,
      node,
      reserved: options.reserved,
      pods: () => pods.admitted().map((pod) => allocations.allocated(pod)),
      clock,
      record,
    });
  const probeCounts = new ProbeCounts();
  const common = {
    cri,
    files,
    facts: view.facts,
    hooks: lifecycleHooks({ runtime: cri.runtime, clock }),
    clock,
  };
  const orphans = new Orphans({
    ...common,
    isKnown: (uid) => pods.has(uid),
    hasAllSources,
    inRuntime: () => (options.foreignPods === "remove" ? relist.podUids() : ownedUids(relist, view.facts())),
    record,
    onRemoved: ({ uid }) => pods.forgetFiles(uid),
  });
  const publishers = sources.filter((source) => source.settleStatus !== undefined);
  const pods: PodManager = new PodManager({
    ...common,
    options,
    changes: relist,
    resizing: allocations,
    cgroups: cgroups || undefined,
    networkProblem: () => relist.health().networkError,
    probeCounts,
    allocations,
    node,
    admissionChecks: [
      ...(options.eviction === false ? [] : [eviction.admission]),
      ...(options.admissionChecks ?? defaultAdmissionChecks),
      ...(options.admit ? [options.admit] : []),
    ],
    found: { ...found, onNode },
    orphans,
    closing,
    record,
    onStatus: (pod, status) => eachSource("onStatus", (source) => source.onStatus?.(pod, status)),
    settleStatus:
      publishers.length === 0
        ? undefined
        : async (pod, signal) => {
            await Promise.allSettled(publishers.map(async (source) => source.settleStatus?.(pod, signal)));
          },
    onRemoved: (pod) => eachSource("onRemoved", (source) => source.onRemoved?.(pod)),
    onChange,
  });
  const loops: readonly (KubeletLoop | false)[] = [
    relist,
    reporter,
    orphans,
    allocations,
    cgroups,
    options.garbageCollection !== false && garbage,
    options.imageGarbageCollection !== false && imageGarbage,
    options.logRotation !== false && new LogRotation({ view, relist }, options.logRotation),
    options.eviction !== false && eviction,
  ];
  const running = Promise.all(loops.map((loop) => (loop ? loop.run(closing) : undefined)));
  steps.add(() => running);
  steps.add(() => pods.close());
  const healthChecks = { syncloop: () => relist.health().runtimeErrors.join(", ") || undefined };
  if (options.server) {
    server = new KubeletServer(withAccessOf(sources, options.server), {
      view,
      rootDir,
      probes: probeCounts,
      healthChecks,
      configuration: () => configuration(options, view.facts()),
    });
    steps.add(() => server?.close());
    await server.start(closing);
    reporter.refresh();
  }
  let statusServer: StatusServer | undefined;
  if (options.readOnlyPort) {
    statusServer = new StatusServer(options.readOnlyPort, {
      view,
      healthChecks,
      events: () => events.recent,
    });
    steps.add(() => statusServer?.close());
    await statusServer.start();
  }
  await startSources(sources, { pods, view, reporter, steps, closing });
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
    close: run.close,
    stopPods: (gracePeriodSeconds) => pods.stop(gracePeriodSeconds),
    serverUrl: () => server?.url,
    statusUrl: () => statusServer?.url,
  });
}

/** Returns the uids of the pods whose sandboxes this kubelet has started, and those of earlier ones with its node and folder. */
function ownedUids(relist: NodeRelist, facts: NodeFacts): string[] {
  const owner = sandboxOwner(facts);
  const owned = [...relist.pods.values()].filter(({ message }) => isOwnedBy(owner, message));
  return owned.map(({ uid }) => uid).filter((uid) => uid !== "");
}

/** Returns the options of the kubelet's own API: who it serves is the decision of a source, unless the options say something else. */
function withAccessOf(sources: readonly PodSource[], options: KubeletServerOptions): KubeletServerOptions {
  const authenticating = sources.find((source) => source.authenticate);
  const authorizing = sources.find((source) => source.authorize);
  return {
    ...options,
    authenticate: options.authenticate ?? authenticating?.authenticate?.bind(authenticating),
    authorize: options.authorize ?? authorizing?.authorize?.bind(authorizing),
  };
}

interface SourceParts extends Pick<KubeletRun, "steps" | "closing"> {
  readonly pods: PodManager;
  readonly view: KubeletView;
  readonly reporter: NodeReporter;
}

async function startSources(
  sources: readonly PodSource[],
  { pods, view, reporter, steps, closing }: SourceParts,
): Promise<void> {
  const { nodeName, clock, node, record, hasAllSources } = view;
  const hostOf = (source: PodSource): SourceHost => ({
    nodeName,
    clock,
    signal: closing,
    setPods: (list) => pods.setPods(source, list),
    refresh: (uids) => pods.refresh(source, uids),
    record,
    node,
    setNode: (known: Pick<Node, "metadata" | "spec">) => reporter.setNode(known),
    allPods: () => (hasAllSources() ? pods.sourcePods() : undefined),
  });
  for (const source of sources) steps.add(() => source.close());
  const starts = Promise.all(sources.map((source) => source.start(hostOf(source))));
  await raceAbort(starts, closing);
}
