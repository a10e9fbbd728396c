// Every public function refuses misspelt options, options of another type and null. The compiler lists the functions and their options, so
// that a new function without a row here fails.
import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { after, before, describe, test } from "node:test";
import { ContainerConfigSchema } from "../gen/runtime/v1/api_pb.js";
import * as configs from "../src/configs.js";
import * as crictl from "../src/crictl.js";
import * as root from "../src/index.js";
import * as kubelet from "../src/kubelet.js";
import * as kubernetes from "../src/kubernetes.js";
import * as logs from "../src/logs.js";
import * as observe from "../src/observe.js";
import * as server from "../src/server.js";
import * as streaming from "../src/streaming.js";
import * as testing from "../src/testing.js";
import * as transport from "../src/transport.js";
import { busybox } from "./support/embedded.js";
import { type PublicOption, publicParameters } from "./support/public-options.js";
import { createWorld, type World } from "./support/public-world.js";
import { programs } from "./support/scripted-programs.js";
import { within } from "./support/waiting.js";

const { EmbeddedRuntime } = testing;

type Call = (world: World, options: never) => unknown;

const memory = { memoryCapacityBytes: 2 ** 30, swapCapacityBytes: 0, qos: "Burstable" } as const;
const command = ["run"];
const call = <O>(run: (world: World, options: O) => unknown): Call => run as Call;

/** How each function is called with options; the key is its id and the index of the parameter. */
const calls: Readonly<Record<string, Call>> = {
  // The root door.
  "connect 0": call((_, options: root.ConnectOptions) => root.connect(options)),
  "connect 1": call((_, options: root.ConnectOptions) => root.connect("/nowhere", options)),
  "connect.lazy 0": call((_, options: root.ConnectOptions) => root.connect.lazy(options)),
  "connect.lazy 1": call((_, options: root.ConnectOptions) => root.connect.lazy("/nowhere", options)),
  "connect.through 0": call(({ runtime }, options: object) =>
    root.connect.through(spread(options, { transport: runtime.transport })),
  ),
  "discover 0": call((_, options: root.ProbeOptions) => root.discover(options)),
  "attachTerminal 2": call(({ session }, options: streaming.TerminalOptions) =>
    root.attachTerminal(session, process, options),
  ),
  "dockerAuth 1": call((_, options: root.HelperOptions) => root.dockerAuth("/x", options)),
  "podmanAuth 1": call((_, options: root.HelperOptions) => root.podmanAuth("/x", options)),
  "Cri.features 0": call(({ cri }, options: root.CallOptions) => cri.features(options)),
  "Cri.exec 2": call(({ cri, container }, options: root.ExecOptions) =>
    cri.exec(container, command, options),
  ),
  "Cri.runCommand 2": call(({ cri, container }, options: root.RunCommandOptions) =>
    cri.runCommand(container, command, options as object),
  ),
  "Cri.attach 1": call(({ cri, container }, options: root.AttachOptions) => cri.attach(container, options)),
  "Cri.portForward 1": call(({ cri, pod }, options: root.ForwardOptions) => cri.portForward(pod, options)),
  "Cri.copyTo 1": call(({ cri, container }, source: root.CopySource) =>
    cri.copyTo(container, spread(source, { content: "" }), "/x"),
  ),
  "Cri.copyTo 3": call(({ cri, container }, options: root.CopyToOptions) =>
    cri.copyTo(container, { content: "" }, "/x", options),
  ),
  "Cri.copyFrom 3": call(({ cri, container }, options: root.CopyFromOptions) =>
    cri.copyFrom(container, "/x", "/nowhere/x", options),
  ),
  "Cri.logs 1": call(({ cri, container }, options: root.ReadLogsOptions) => cri.logs(container, options)),
  "Cri.sweep 0": call(({ cri }, options: root.SweepOptions) => cri.sweep(options)),
  "Cri.watchNode 0": call(({ cri }, options: object) => cri.watchNode(options)),
  "Cri.version 0": call(({ cri }, options: root.CallOptions) => cri.version(options)),
  "Cri.followLogs 0": call(({ cri }, filter: object) => cri.followLogs(filter)),
  "Cri.followLogs 1": call(({ cri }, options: object) => cri.followLogs({}, options)),
  "Lists.podSandboxes 1": call(({ cri }, options: root.CallOptions) =>
    cri.lists.podSandboxes({}, options).collect(),
  ),
  "Lists.containers 1": call(({ cri }, options: root.CallOptions) =>
    cri.lists.containers({}, options).collect(),
  ),
  "Lists.containerStats 1": call(({ cri }, options: root.CallOptions) =>
    cri.lists.containerStats({}, options).collect(),
  ),
  "Lists.podSandboxStats 1": call(({ cri }, options: root.CallOptions) =>
    cri.lists.podSandboxStats({}, options).collect(),
  ),
  "Lists.podSandboxMetrics 0": call(({ cri }, options: root.CallOptions) =>
    cri.lists.podSandboxMetrics(options).collect(),
  ),
  "Lists.images 1": call(({ cri }, options: root.CallOptions) => cri.lists.images({}, options).collect()),
  "Container.start 0": call(({ container }, options: root.OperationOptions) => container.start(options)),
  "Container.stop 0": call(({ container }, options: root.StopOptions) => container.stop(options)),
  "Container.kill 1": call(({ container }, options: root.OperationOptions) =>
    container.kill("SIGKILL", options),
  ),
  "Container.remove 0": call(({ container }, options: root.RemoveOptions) => container.remove(options)),
  "Container.restart 0": call(({ container }, options: root.StopOptions) => container.restart(options)),
  "Container.status 0": call(({ container }, options: root.OperationOptions) => container.status(options)),
  "Container.wait 0": call(({ container }, options: root.ContainerWaitOptions) => container.wait(options)),
  "Container.exec 1": call(({ container }, options: root.ExecOptions) => container.exec(command, options)),
  "Container.runCommand 1": call(({ container }, options: root.RunCommandOptions) =>
    container.runCommand(command, options as object),
  ),
  "Container.attach 0": call(({ container }, options: root.AttachOptions) => container.attach(options)),
  "Container.copyTo 0": call(({ container }, source: root.CopySource) =>
    container.copyTo(spread(source, { content: "" }), "/x"),
  ),
  "Container.copyTo 2": call(({ container }, options: root.CopyToOptions) =>
    container.copyTo({ content: "" }, "/x", options),
  ),
  "Container.copyFrom 2": call(({ container }, options: root.CopyFromOptions) =>
    container.copyFrom("/x", "/nowhere/x", options),
  ),
  "Container.logs 0": call(({ container }, options: root.ReadLogsOptions) => container.logs(options)),
  "Container.stats 0": call(({ container }, options: root.OperationOptions) => container.stats(options)),
  "Container.update 0": call(({ container }, resources: object) => container.update(resources)),
  "Container.update 1": call(({ container }, options: root.OperationOptions) =>
    container.update({}, options),
  ),
  "Containers.get 1": call(({ cri, container }, options: root.OperationOptions) =>
    cri.containers.get(container, options),
  ),
  "Containers.list 0": call(({ cri }, filter: root.ContainerListFilter) => cri.containers.list(filter)),
  "Containers.list 1": call(({ cri }, options: root.OperationOptions) => cri.containers.list({}, options)),
  "Containers.find 0": call(({ cri }, filter: object) => cri.containers.find(spread(filter, { name: "c" }))),
  "Containers.find 1": call(({ cri }, options: root.OperationOptions) =>
    cri.containers.find({ name: "c" }, options),
  ),
  "Pod.exec 1": call(({ pod }, options: object) => pod.exec(command, options)),
  "Pod.runCommand 1": call(({ pod }, options: object) => pod.runCommand(command, options)),
  "Pod.logs 0": call(({ pod }, options: object) => pod.logs(options)),
  "Pod.status 0": call(({ pod }, options: root.OperationOptions) => pod.status(options)),
  "Pod.adopt 0": call(({ pod }, options: root.OperationOptions) => pod.adopt(options)),
  "Pod.createContainer 0": call(({ pod }, spec: object) => pod.createContainer(spread(spec, containerSpec))),
  "Pod.createContainer 1": call(({ pod }, options: root.CreateContainerOptions) =>
    pod.createContainer(containerSpec, options),
  ),
  "Pod.runContainer 0": call(({ pod }, spec: object) => pod.runContainer(spread(spec, containerSpec))),
  "Pod.runContainer 1": call(({ pod }, options: root.CreateContainerOptions) =>
    pod.runContainer(containerSpec, options),
  ),
  "Pod.ensureContainer 0": call(({ pod }, spec: object) => pod.ensureContainer(spread(spec, containerSpec))),
  "Pod.ensureContainer 1": call(({ pod }, options: root.EnsureContainerOptions) =>
    pod.ensureContainer(containerSpec, options),
  ),
  "Pod.containers 0": call(({ pod }, filter: root.ContainerListFilter) => pod.containers(filter)),
  "Pod.containers 1": call(({ pod }, options: root.OperationOptions) => pod.containers({}, options)),
  "Pod.stop 0": call(({ pod }, options: root.StopOptions) => pod.stop(options)),
  "Pod.remove 0": call(({ pod }, options: root.RemoveOptions) => pod.remove(options)),
  "Pod.wait 0": call(({ pod }, options: object) => pod.wait(spread(options, { until: "stopped" } as const))),
  "Pod.updateResources 0": call(({ pod }, resources: object) => pod.updateResources(resources)),
  "Pod.updateResources 1": call(({ pod }, options: root.OperationOptions) =>
    pod.updateResources({}, options),
  ),
  "Pod.portForward 0": call(({ pod }, options: root.ForwardOptions) => pod.portForward(options)),
  "Pod.connect 1": call(({ pod }, options: root.OperationOptions) => pod.connect(80, options)),
  "Pods.run 0": call(({ cri }, spec: object) => cri.pods.run(spread(spec, podSpec))),
  "Pods.run 1": call(({ cri }, options: root.OperationOptions) => cri.pods.run(podSpec, options)),
  "Pods.runContainer 0": call(({ cri }, spec: object) =>
    cri.pods.runContainer(spread(spec, podSpec), containerSpec),
  ),
  "Pods.runContainer 1": call(({ cri }, spec: object) =>
    cri.pods.runContainer(podSpec, spread(spec, containerSpec)),
  ),
  "Pods.runContainer 2": call(({ cri }, options: root.CreateContainerOptions) =>
    cri.pods.runContainer(podSpec, containerSpec, options),
  ),
  "Pods.ensure 0": call(({ cri }, spec: object) => cri.pods.ensure(spread(spec, podSpec))),
  "Pods.ensure 1": call(({ cri }, options: root.OperationOptions) => cri.pods.ensure(podSpec, options)),
  "Pods.get 1": call(({ cri, pod }, options: root.OperationOptions) => cri.pods.get(pod, options)),
  "Pods.list 0": call(({ cri }, filter: root.PodListFilter) => cri.pods.list(filter)),
  "Pods.list 1": call(({ cri }, options: root.OperationOptions) => cri.pods.list({}, options)),
  "Pods.find 0": call(({ cri }, filter: object) => cri.pods.find(spread(filter, { name: "web" }))),
  "Pods.find 1": call(({ cri }, options: root.OperationOptions) => cri.pods.find({ name: "web" }, options)),
  "Pods.adopt 1": call(({ cri, pod }, options: root.OperationOptions) => cri.pods.adopt(pod, options)),
  "Session.resize 0": call(({ session }, size: streaming.TerminalSize) => session.resize(size)),
  "KillableSession.resize 0": call(async ({ container }, size: streaming.TerminalSize) => {
    await using session = await container.exec(command, { tty: true, killOnClose: true });
    session.resize(size);
  }),
  "PortForward.connect 1": call(({ ports }, options: root.OperationOptions) => ports.connect(80, options)),
  "PortForward.listen 1": call(({ ports }, options: streaming.ListenOptions) => ports.listen(80, options)),
  "LogReader.writeTo 1": call((_, options: logs.WriteToOptions) =>
    logs.readLogs("/nowhere").writeTo(new PassThrough(), options),
  ),
  "Images.list 0": call(({ cri }, options: root.ListImagesOptions) => cri.images.list(options)),
  "Images.get 1": call(({ cri }, options: root.GetImageOptions) => cri.images.get(busybox, options)),
  "Images.ensure 1": call(({ cri }, options: root.EnsureImageOptions) => cri.images.ensure(busybox, options)),
  "Images.pull 1": call(({ cri }, options: root.PullOptions) => cri.images.pull(busybox, options)),
  "Images.remove 1": call(({ cri }, options: root.RemoveImageOptions) => cri.images.remove(busybox, options)),
  "Images.prune 0": call(({ cri }, options: root.PruneOptions) => cri.images.prune(options)),
  "Images.fsInfo 0": call(({ cri }, options: root.CallOptions) => cri.images.fsInfo(options)),
  "Events.read 0": call(({ cri }, options: observe.EventReadOptions) => cri.events.read(options)),
  "NodeWatch.changes 0": call(({ watch }, options: object) => watch.changes(options)),
  "NodeWatch.waitFor 1": call(({ watch }, options: object) => watch.waitFor(() => true, options)),
  "Stats.containers 0": call(({ cri }, filter: object) => cri.stats.containers(filter)),
  "Stats.containers 1": call(({ cri }, options: observe.UsageOptions) => cri.stats.containers({}, options)),
  "Stats.pods 0": call(({ cri }, filter: object) => cri.stats.pods(filter)),
  "Stats.pods 1": call(({ cri }, options: observe.UsageOptions) => cri.stats.pods({}, options)),
  "Stats.container 1": call(({ cri, container }, options: observe.UsageOptions) =>
    cri.stats.container(container, options),
  ),
  "Stats.pod 1": call(({ cri, pod }, options: observe.UsageOptions) => cri.stats.pod(pod, options)),
  "Stats.watch 0": call(({ cri }, options: observe.UsageWatchOptions) => cri.stats.watch(options)),
  "Stats.toPrometheus 0": call(({ cri }, options: observe.PrometheusOptions) =>
    cri.stats.toPrometheus(options),
  ),
  // configs
  "cgroupParent 0": call((_, options: object) =>
    configs.cgroupParent(spread(options, { uid: "u", driver: "cgroupfs" } as const)),
  ),
  "containerConfig 0": call((_, spec: object) =>
    configs.containerConfig(spread(spec, containerSpec), { pod: configs.sandboxConfig(podSpec) }),
  ),
  "containerConfig 1": call((_, options: object) =>
    configs.containerConfig(containerSpec, spread(options, { pod: configs.sandboxConfig(podSpec) })),
  ),
  "oomScoreAdj 0": call((_, options: { podLevel?: unknown }) => {
    const { swapCapacityBytes: _swap, ...rest } = memory;
    const given = spread(options, rest as configs.OomScoreOptions);
    if (typeof options?.podLevel !== "object") return configs.oomScoreAdj(given);
    const podLevel = spread(options.podLevel, { memoryRequest: 1, containersRequest: 1, containers: 1 });
    return configs.oomScoreAdj({ ...given, podLevel });
  }),
  "podResources 0": call((_, input: object) => configs.podResources(spread(input, { containers: [] }))),
  "qosClass 1": call((_, options: object) => configs.qosClass([], options)),
  "sandboxConfig 0": call((_, spec: object) => configs.sandboxConfig(spread(spec, podSpec))),
  "sandboxConfig 1": call((_, options: object) => configs.sandboxConfig(podSpec, options)),
  "swapLimit 0": call((_, options: object) => configs.swapLimit(spread(options, memory))),
  // crictl
  "fromGoJson 2": call((_, options: object) => crictl.fromGoJson(ContainerConfigSchema, "{}", options)),
  "loadContainerConfig 1": call((_, options: object) => crictl.loadContainerConfig("/nowhere", options)),
  "loadSandboxConfig 1": call((_, options: object) => crictl.loadSandboxConfig("/nowhere", options)),
  "parseContainerConfig 1": call((_, options: object) => crictl.parseContainerConfig("{}", options)),
  "parseSandboxConfig 1": call((_, options: object) => crictl.parseSandboxConfig("{}", options)),
  // kubernetes
  "parseManifests 1": call((_, options: object) => kubernetes.parseManifests("", options)),
  "checkPod 1": call((_, options: object) => kubernetes.checkPod(manifestPod, options)),
  "validatePod 1": call((_, options: object) => kubernetes.validatePod(manifestPod, options)),
  "hostsFileText 0": call((_, input: object) =>
    kubernetes.hostsFileText(
      spread(input, {
        podIPs: [],
        hostname: { name: "web", domain: "" },
        hostAliases: [],
        nodeHostsFile: undefined,
      }),
    ),
  ),
  "nodeFacts 1": call(({ cri }, overrides: object) => kubernetes.nodeFacts(cri, overrides)),
  "nodeFacts 2": call(({ cri }, options: root.CallOptions) => kubernetes.nodeFacts(cri, {}, options)),
  "planContainer 2": call(({ node }, facts: object) =>
    kubernetes.planContainer(defaultedPod, "c", spread(facts, node)),
  ),
  "planContainer 3": call(({ node }, inputs: object) =>
    kubernetes.planContainer(defaultedPod, "c", node, inputs),
  ),
  "podConfigs 1": call(({ node }, facts: object) => kubernetes.podConfigs(defaultedPod, spread(facts, node))),
  "podConfigs 2": call(({ node }, inputs: object) => kubernetes.podConfigs(defaultedPod, node, inputs)),
  "podPlan 1": call(({ node }, facts: object) => kubernetes.podPlan(defaultedPod, spread(facts, node))),
  "podPlan 2": call(({ node }, inputs: object) => kubernetes.podPlan(defaultedPod, node, inputs)),
  "volumePlans 1": call(({ node }, facts: object) =>
    kubernetes.volumePlans(defaultedPod, spread(facts, node)),
  ),
  "volumePlans 2": call(({ node }, inputs: object) => kubernetes.volumePlans(defaultedPod, node, inputs)),
  "new LocalNodeFiles 0": call(
    (_, options: object) =>
      new kubernetes.LocalNodeFiles(spread(options, { rootDir: "/nowhere", podLogsDir: "/nowhere" })),
  ),
  "credentialPlugins 0": call((_, options: object) =>
    kubernetes.credentialPlugins(spread(options, { binDir: "/nowhere", providers: [] })),
  ),
  "nodeDockerConfig 0": call((_, options: object) => kubernetes.nodeDockerConfig(options)),
  "apiServer 0": call((_, options: kubelet.ApiServerOptions) => kubelet.apiServer(options)),
  "createKubelet 0": call(({ cri }, options: object) =>
    kubelet.createKubelet(spread(options, { cri, sources: [kubelet.podList()], rootDir: "/nowhere/x" })),
  ),
  "Kubelet.evict 1": call(({ kubelet }, eviction: object) =>
    kubelet.evict("x", spread(eviction, { reason: "Evicted", message: "" })),
  ),
  "Kubelet.stop 0": call(({ kubelet }, options: object) => kubelet.stop(options)),
  "Kubelet.waitFor 1": call(({ kubelet }, options: object) => kubelet.waitFor(() => true, options)),
  "Kubelet.waitUntilReady 0": call(({ kubelet }, options: object) => kubelet.waitUntilReady(options)),
  "staticPods 1": call((_, options: kubelet.StaticPodsOptions) => kubelet.staticPods("/x", options)),
  "playPod 2": call(({ cri }, options: object) => kubernetes.playPod(cri, manifestPod, options)),
  "podPlanner 0": call(({ node }, facts: object) => kubernetes.podPlanner(spread(facts, node))),
  "podActions 2": call((_, state: object) =>
    kubernetes.podActions(
      manifestPod,
      observedPod,
      spread(state, { isTerminating: false, isRestartingAll: false, probes: () => undefined }),
    ),
  ),
  "podGraceSeconds 1": call((_, options: object) => kubernetes.podGraceSeconds(manifestPod, options)),
  "new RestartBackOff 0": call((_, options: object) => new kubernetes.RestartBackOff(options)),
  "terminationPlan 2": call((_, options: object) =>
    kubernetes.terminationPlan(manifestPod, observedPod, options),
  ),
  "podStatus 2": call(({ node }, input: object) =>
    kubernetes.podStatus(
      manifestPod,
      observedPod,
      spread(input, {
        nowMs: 0,
        node,
        probes: () => undefined,
        waiting: {},
        terminationMessages: {},
      }),
    ),
  ),
  "PlayedPod.wait 0": call(({ played }, options: object) =>
    played.wait(spread(options, { until: "running" } as const)),
  ),
  "PlayedPod.logs 0": call(({ played }, options: object) => played.logs(options)),
  "PlayedPod.exec 1": call(({ played }, options: object) => played.exec(command, options)),
  "PlayedPod.runCommand 1": call(({ played }, options: object) => played.runCommand(command, options)),
  "PlayedPod.portForward 0": call(({ played }, options: object) => played.portForward(options)),
  "PlayedPod.update 0": call(({ played }, inputs: object) => played.update(inputs)),
  "PlayedPod.stop 0": call(({ played }, options: object) => played.stop(options)),
  "PodPlanner.pod 1": call(({ node }, inputs: object) =>
    kubernetes.podPlanner(node).pod(defaultedPod, inputs),
  ),
  "PodPlanner.container 2": call(({ node }, inputs: object) =>
    kubernetes.podPlanner(node).container(defaultedPod, "c", inputs),
  ),
  // logs
  "mergeLogs 1": call((_, options: object) => logs.mergeLogs({}, options)),
  "readLogs 1": call((_, options: object) => logs.readLogs("/nowhere", options)),
  "new LogDecoder 0": call((_, options: object) => new logs.LogDecoder(options)),
  "LogWriter.open 1": call((_, options: object) => logs.LogWriter.open("/proc/nowhere/0.log", options)),
  // observe
  "logRequests 1": call((_, options: object) => observe.logRequests(() => undefined, options)),
  "openTelemetry 0": call((_, options: object) =>
    observe.openTelemetry(spread(options, { api: otelApi }) as observe.OpenTelemetryOptions),
  ),
  "redact 2": call((_, options: object) =>
    observe.redact(ContainerConfigSchema, testing.fixtures.containerConfig(), options),
  ),
  // server
  "memoryTransport 0": call((_, services: object) => server.memoryTransport(services)),
  "memoryTransport 1": call((_, options: object) => server.memoryTransport({}, options)),
  "serve 1": call((_, services: object) => server.serve("/proc/nowhere.sock", services)),
  "serve 2": call((_, options: object) => server.serve("/proc/nowhere.sock", {}, options)),
  "proxy 1": call(({ runtime }, overrides: object) => server.proxy(runtime.transport, overrides)),
  "proxy 2": call(({ runtime }, options: object) => server.proxy(runtime.transport, {}, options)),
  "createStreamingServer 0": call((_, handlers: object) =>
    server.createStreamingServer(handlers, { listen: false }),
  ),
  "createStreamingServer 1": call((_, options: object) =>
    server.createStreamingServer({}, spread(options, { listen: false })),
  ),
  "CriServer.close 0": call(({ served }, options: object) => served.close(options)),
  "StreamingServer.close 0": call(({ streamingServer }, options: object) => streamingServer.close(options)),
  // streaming
  "attach 1": call((_, options: object) => streaming.attach("http://127.0.0.1:1/", options)),
  "exec 1": call((_, options: object) => streaming.exec("http://127.0.0.1:1/", options)),
  "portForward 1": call((_, options: object) => streaming.portForward(() => "http://127.0.0.1:1/", options)),
  "encodeResize 0": call((_, size: streaming.TerminalSize) => testResize(size)),
  "new SpdyConnection 1": call(
    (_, options: object) =>
      new streaming.SpdyConnection(new PassThrough(), spread(options, { role: "client" } as const)),
  ),
  // testing
  "EmbeddedRuntime.start 0": call((_, options: object) =>
    EmbeddedRuntime.start(spread(options, { programs })).then((runtime) => runtime.close()),
  ),
  "recording 2": call(({ runtime, folder }, options: testing.RecordingOptions) =>
    testing.recording(runtime.transport, `${folder}/options.jsonl`, options).close(),
  ),
  "replaying 1": call(({ recorded }, options: testing.ReplayOptions) =>
    testing.replaying(recorded, options).close(),
  ),
  "EmbeddedRuntime.serve 1": call(({ runtime }, options: object) =>
    runtime.serve("/proc/nowhere.sock", options),
  ),
  "chaos 1": call(({ runtime }, options: object) => testing.chaos(runtime.transport, options)),
  "Chaos.serve 1": call(({ chaos }, options: object) => chaos.serve("/proc/nowhere.sock", options)),
  "createFixtures 0": call((_, options: object) => testing.createFixtures(options)),
  "fixtures.podWithContainers 0": call((_, options: object) => testing.fixtures.podWithContainers(options)),
  "Fixtures.podWithContainers 0": call((_, options: object) =>
    testing.createFixtures().podWithContainers(options),
  ),
  "runConformance 0": call(({ context }, target: object) =>
    testing.runConformance(spread(target, context.target), { cases: [] }),
  ),
  "runConformance 1": call(({ context }, options: object) =>
    testing.runConformance(context.target, spread(options, { cases: [] })),
  ),
  "Faults.failNext 1": call(({ runtime }, error: object) =>
    runtime.faults.failNext("version", spread(error, { code: "internal" } as const)),
  ),
  "Faults.failNext 2": call(({ runtime }, options: object) =>
    runtime.faults.failNext("version", { code: "internal" }, options),
  ),
  "Faults.delay 2": call(({ runtime }, options: object) => runtime.faults.delay("version", 1, options)),
  "Faults.cutConnection 1": call(({ runtime }, options: object) =>
    runtime.faults.cutConnection("version", options),
  ),
  "Faults.corrupt 2": call(({ runtime }, options: object) =>
    runtime.faults.corrupt("version", undefined, options),
  ),
  "ConformanceContext.exec 2": call(({ context, container }, options: object) =>
    context.exec(container.id, command, options),
  ),
  "ConformanceContext.runCommand 2": call(({ context, container }, options: object) =>
    context.runCommand(container.id, command, options),
  ),
  "ConformanceContext.attach 1": call(({ context, container }, options: object) =>
    context.attach(container.id, options),
  ),
  "ConformanceContext.portForward 1": call(({ context, pod }, options: object) =>
    context.portForward(pod.id, options),
  ),
  "ConformanceContext.podConfig 0": call(({ context }, options: object) => context.podConfig(options)),
  "ConformanceContext.pod 0": call(({ context }, options: object) => context.pod(options)),
  // transport
  "createTransport 1": call((_, options: object) => transport.createTransport("/nowhere", options)),
};

/** Parameters that are not options: why each of their types is none. */
const otherTypes: Readonly<Record<string, string>> = {
  AdmissionRequest: "passed to checks",
  ApiServerErrorDetails: "the fields of an error",
  DefaultedContainer: "passed to callbacks",
  EvictionRequest: "passed to policies",
  ImageRequest: "passed to policies",
  KubeletAccess: "passed to callbacks",
  KubeletEvent: "passed to callbacks",
  KubeletParts: "internal: created by createKubelet",
  KubeletUser: "the result of authenticate",
  "Node<Date>": "passed to sources",
  'Omit<KubeletEvent, "timeMs">': "an event of a source",
  SourceHost: "passed to sources",
  SourcePod: "passed to sources",
  Toleration: "a part of a Pod",
  CatalogueImage: "an image that a catalogue made",
  CallContext: "passed to handlers",
  CommandContext: "passed to handlers",
  ConformanceContext: "passed to cases",
  ConformanceReport: "the result of runConformance",
  ConformanceResult: "passed to callbacks",
  Container: "a container of a Pod",
  ContainerFacts: "internal: handles are created by cri.pods",
  ContainerOrigin: "data about a container",
  CopyProgress: "passed to callbacks",
  CredentialLookup: "passed to sources of credentials",
  CriErrorInit: "the fields of an error",
  DefaultedPod: "the result of defaultPod",
  ExecContext: "passed to handlers",
  FollowedContainer: "passed to callbacks",
  ImageReference: "a parsed reference",
  ImageStoreOptions: "internal: the embedded runtime creates its store",
  ImagesParts: "internal: created by connect()",
  ObservedPod: "the result of observedPod",
  OtelContext: "an object of OpenTelemetry",
  "Partial<CriErrorInit>": "the fields of an error",
  'Pick<CpuStats, "atNanos" | "usageNanos">': "a reading",
  'Omit<LogLine, "timeNanos">': "a parsed line",
  'Pick<Cri, "features" | "runtime">': "a connection",
  'Pick<PlannedContainer, "name" | "files" | "config">': "the result of planContainer",
  'Pick<VolumePlan, "name" | "hostPath">': "a result of volumePlans",
  PlannedContainer: "the result of planContainer",
  PlayedPodParts: "internal: created by playPod",
  Pod: "a manifest, whose fields validatePod checks",
  PodContext: "internal: created by connect()",
  PodIdentity: "the identity of a pod",
  PodPlanner: "passed to callbacks",
  "PodStatus<Date>": "the result of podStatus",
  PodWorkerEvent: "passed to callbacks",
  PortForwardContext: "passed to handlers",
  PullProgress: "passed to callbacks",
  RpcContextValues: "an object of Connect",
  "RpcContextKey<T>": "an object of Connect",
  "RpcContextKey<unknown>": "an object of Connect",
  RpcTransport: "a transport",
  SpdyStream: "passed to callbacks",
  StartErrorDetails: "the fields of an error",
  StatsParts: "internal: created by connect()",
  StreamSink: "an object with callbacks",
  StreamingAttachRequest: "a request of CRI, which may be a message",
  StreamingExecRequest: "a request of CRI, which may be a message",
  StreamingPortForwardRequest: "a request of CRI, which may be a message",
  StreamingProtocol: "a row of the table of protocols",
  TerminalProcess: "a process",
  Wiring: "internal: created by connect()",
};
/** Parameters of anonymous types that are not options. */
const otherParameters: ReadonlySet<string> = new Set([
  // `connect()` creates it.
  "new Cri 4",
  "createTransport 0",
  // The identity of a pod or of a container.
  "containerLogLinkName 0",
  "LocalNodeFiles.removeContainer 1",
  "NodeFiles.removeContainer 1",
  "formatJsonStatus 0",
  "formatTextStatus 0",
  "ChaosOptions.onFault 0",
  "ReadLogsOptions.onNotice 0",
  "PlayLogsOptions.onNotice 0",
  "ProxyOptions.observe 0",
  "ProgramContext.reportUsage 0",
  "FollowLogsOptions.onNotice 0",
  "OtelTracer.startSpan 1",
  "OtelSpan.setStatus 0",
  "OtelSpan.recordException 0",
  // Objects of core/v1.
  "SourceHost.setNode 0",
  "podStatusWord 0",
  "toleratesTaint 1",
]);

/** The members of OpenTelemetry's API that are checked. */
const otelApi = { trace: { getTracerProvider: () => ({}) }, metrics: { getMeterProvider: () => ({}) } };
const podSpec: root.PodSpec = { name: "refused" };
const manifestPod: kubernetes.Pod = {
  metadata: { name: "refused" },
  spec: { containers: [{ name: "c", image: busybox, command }] },
};
const defaultedPod = kubernetes.defaultPod(manifestPod);
const observedPod = kubernetes.observedPod([], []);
const containerSpec: root.ContainerSpec = { name: "c", image: busybox, command };

/** Adds what a function requires, if the options are an object. */
function spread<T extends object>(options: unknown, required: T): T {
  return typeof options === "object" && options !== null ? { ...required, ...options } : (options as T);
}

function testResize(size: streaming.TerminalSize): Buffer {
  const { encodeResize } = streaming;
  return encodeResize(size);
}

const parameters = publicParameters().filter(
  ({ id, index, typeName, options }) =>
    !(typeName in otherTypes) &&
    !otherParameters.has(`${id} ${index}`) &&
    // A handle or an id.
    !(options.length === 1 && options[0]?.name === "id" && options[0].isRequired),
);

test("every function with options has a row", () => {
  const expected = parameters.map(({ id, index }) => `${id} ${index}`).sort();
  // The functions of an object without a class are found through its interface.
  const found = Object.keys(calls).filter((id) => id !== "fixtures.podWithContainers 0");
  assert.deepEqual(
    {
      missing: expected.filter((id) => !found.includes(id)),
      unknown: found.filter((id) => !expected.includes(id)),
    },
    { missing: [], unknown: [] },
  );
});

test("no type is exempt that does not exist", () => {
  const types = new Set(publicParameters().map(({ typeName }) => typeName));
  assert.deepEqual(
    Object.keys(otherTypes).filter((name) => !types.has(name)),
    [],
  );
});

describe("options", () => {
  let world: World;
  let close: () => Promise<void>;

  before(async () => {
    ({ world, close } = await createWorld());
  });
  after(() => close());

  for (const { id, index, options } of parameters) {
    const run = calls[`${id} ${index}`];
    if (!run) continue;
    test(`${id}, parameter ${index}`, async () => {
      const refused = (value: unknown, name: string) =>
        assertRefused(() => run(world, value as never), value, name);
      for (const [value, name] of wrongOptions(
        options.map((one) =>
          returned.has(`${id} ${index} ${one.name}`) ? { ...one, nested: undefined } : one,
        ),
      ))
        await refused(value, name);
      const others = [null, 5, true, ...(paths.has(`${id} ${index}`) ? [] : ["text"])];
      for (const value of others) await refused(value, "");
    });
  }
});

/** Options that are objects with functions, or values that this package returned. An error names only the option. */
const passedOn: ReadonlySet<string> = new Set([
  "api",
  "clock",
  "from",
  "kubeConfig",
  "meterProvider",
  "tracerProvider",
  "transport",
]);

/** Options that are values which this package returned: their own fields are not checked. */
const returned: ReadonlySet<string> = new Set([
  "podStatus 2 resize",
  "podStatus 2 node",
  "podStatus 2 previous",
]);

/** Parameters that may also be a string that is not an endpoint. */
const paths: ReadonlySet<string> = new Set(["Cri.copyTo 1", "Container.copyTo 0"]);

/** Returns invalid options, each with the word that the error must have. */
function* wrongOptions(options: readonly PublicOption[]): Generator<[value: object, name: string]> {
  for (const { name, isNumber, nested } of options) {
    // A function, since objects with handlers may have other fields, but no unknown handlers.
    yield [{ [`${name}z`]: () => 1 }, `${name}z`];
    yield [{ [name]: null }, name];
    yield [{ [name]: Symbol("s") }, name];
    if (isNumber) for (const value of [Number.NaN, "5", -5.5]) yield [{ [name]: value }, name];
    if (nested)
      for (const [value, inner] of wrongOptions(nested))
        yield [{ [name]: value }, passedOn.has(name) ? name : inner];
  }
}

/** The reasons of errors about the values that a caller passed. */
const reasons = new Set(["invalid_option", "invalid_spec", "invalid_endpoint"]);

async function assertRefused(run: () => unknown, value: unknown, name: string): Promise<void> {
  const shown = JSON.stringify(value, (_, one) => (typeof one === "symbol" ? String(one) : one));
  const outcome = await within(20_000, settle(run), `the call with ${shown}`);
  assert.ok(root.isCriError(outcome), `${shown} was accepted, or refused with ${String(outcome)}`);
  assert.ok(reasons.has(outcome.reason), `${shown} was refused with ${outcome.message}`);
  assert.ok(
    outcome.message.includes(name),
    `the error for ${shown} does not name ${name}: ${outcome.message}`,
  );
}

/** Runs a call to its first result; returns its error, if there is one. */
async function settle(run: () => unknown): Promise<unknown> {
  try {
    const result = await run();
    const isIterable = typeof result === "object" && result !== null && Symbol.asyncIterator in result;
    if (isIterable) await (result as AsyncIterable<unknown>)[Symbol.asyncIterator]().next();
    return undefined;
  } catch (error) {
    return error;
  }
}
