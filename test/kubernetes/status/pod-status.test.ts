import assert from "node:assert/strict";
import { test } from "node:test";
import { isRestartingAllContainers, podStatus } from "../../../src/kubernetes/status/pod-status.js";
import { publishedStatus } from "../../../src/kubernetes/status/published-status.js";
import type { PodStatusInput } from "../../../src/kubernetes/status/status-input.js";
import { podStatusJson, podStatusOf } from "../../../src/kubernetes/status/status-json.js";
import { podActions } from "../../../src/kubernetes/worker/actions.js";
import type { ObservedContainer, ObservedSandbox } from "../../../src/kubernetes/worker/observed.js";
import type { PodStatus } from "../../../src/kubernetes.js";
import { at, atMs, observedOf, podOf, sidecar } from "../../support/observed-pods.js";

function statusOf(
  pod: ReturnType<typeof podOf>,
  containers: readonly Partial<ObservedContainer>[] = [{}],
  input: Partial<PodStatusInput> = {},
  sandboxes: readonly Partial<ObservedSandbox>[] = [{}],
): PodStatus<Date> {
  return podStatus(pod, observedOf(containers, sandboxes), {
    nowMs: atMs(100),
    node: { nodeIPs: ["192.0.2.1"], runtimeName: "containerd", runtimeHandlers: {} },
    probes: () => undefined,
    waiting: {},
    terminationMessages: {},
    ...input,
  });
}

test("the whole status of a running pod, as JSON", () => {
  const pod = podOf(
    {
      containers: [
        {
          name: "app",
          image: "busybox:1.37",
          resources: { limits: { cpu: 0.5, memory: "65536Ki" }, requests: { cpu: "0.25" } },
          volumeMounts: [
            { name: "data", mountPath: "/data" },
            { name: "conf", mountPath: "/conf", readOnly: true },
          ],
        },
      ],
      volumes: [{ name: "data" }, { name: "conf" }],
    },
    { generation: 3 },
  );
  const user = { linux: { uid: 1000, gid: 1001, supplementalGroups: [1001] } };
  const status = podStatusJson(statusOf(pod, [{ user, startedAtNanos: at(2) + 987_654_321n }]));
  const condition = (type: string) => ({
    type,
    status: "True",
    observedGeneration: 3,
    lastTransitionTime: "2026-01-01T00:01:40Z",
  });
  assert.deepEqual(status, {
    observedGeneration: 3,
    phase: "Running",
    conditions: [
      condition("PodReadyToStartContainers"),
      condition("Initialized"),
      condition("Ready"),
      condition("ContainersReady"),
      condition("PodScheduled"),
    ],
    hostIP: "192.0.2.1",
    hostIPs: [{ ip: "192.0.2.1" }],
    podIP: "10.88.0.7",
    podIPs: [{ ip: "10.88.0.7" }],
    startTime: "2026-01-01T00:01:40Z",
    containerStatuses: [
      {
        name: "app",
        image: "docker.io/library/busybox:latest",
        imageID: "docker.io/library/busybox@sha256:1111",
        containerID: "containerd://app-0",
        ready: true,
        started: true,
        restartCount: 0,
        state: { running: { startedAt: "2026-01-01T00:00:02Z" } },
        resources: { limits: { cpu: "500m", memory: "64Mi" }, requests: { cpu: "250m", memory: "64Mi" } },
        allocatedResources: { cpu: "250m", memory: "64Mi" },
        user,
        volumeMounts: [
          { name: "data", mountPath: "/data" },
          { name: "conf", mountPath: "/conf", readOnly: true, recursiveReadOnly: "Disabled" },
        ],
      },
    ],
    qosClass: "Burstable",
  });
});

test("the end of a container: CRI's message, and what it wrote; a container that never started has 1970", () => {
  const pod = podOf({ restartPolicy: "Never" });
  const ended = { state: "exited", exitCode: 128, reason: "StartError", startedAtNanos: 0n } as const;
  const messageOf = (message: string, written?: string) => {
    const terminationMessages = written === undefined ? {} : { "app-0": written };
    const status = statusOf(pod, [{ ...ended, message }], { terminationMessages });
    return podStatusJson(status).containerStatuses?.[0]?.state;
  };
  assert.deepEqual(messageOf("no such file", "bye"), {
    terminated: {
      exitCode: 128,
      reason: "StartError",
      message: "no such file: bye",
      startedAt: "1970-01-01T00:00:00Z",
      finishedAt: "2026-01-01T00:00:05Z",
      containerID: "containerd://app-0",
    },
  });
  assert.equal(messageOf("", "bye")?.terminated?.message, "bye");
  assert.equal(messageOf("why")?.terminated?.message, "why");
  assert.equal(messageOf("")?.terminated?.message, undefined);
});

test("JSON: all messages together have at most 12 KiB, cut between characters", () => {
  const pod = podOf({ restartPolicy: "Never", containers: ["a", "b", "c"] });
  const terminationMessages = { "a-0": "é".repeat(4000), "b-0": "x".repeat(4096), "c-0": "y".repeat(4097) };
  const exited = ["a", "b", "c"].map((name) => ({ name, state: "exited" as const }));
  const status = statusOf(pod, exited, { terminationMessages });
  assert.equal(status.containerStatuses?.[0]?.state?.terminated?.message?.length, 4000);
  const messages = podStatusJson(status).containerStatuses?.map(({ state }) => state?.terminated?.message);
  assert.deepEqual(messages, ["é".repeat(2048), "x".repeat(4096), "y".repeat(4096)]);
  const two = podStatusJson(
    statusOf(podOf({ restartPolicy: "Never", containers: Array.from("abcdefg") }), exited, {
      terminationMessages,
    }),
  );
  assert.equal(two.containerStatuses?.[0]?.state?.terminated?.message, "é".repeat(877));
});

test("addresses: one of each family, that of the node's first; the host's in its network; the last ones after the end", () => {
  const ipsOf = (
    ips: readonly string[] | undefined,
    {
      nodeIPs = ["192.0.2.1"],
      hostNetwork = false,
      ready = true,
      previous,
    }: {
      readonly nodeIPs?: readonly string[];
      readonly hostNetwork?: boolean;
      readonly ready?: boolean;
      readonly previous?: PodStatus<Date>;
    } = {},
  ) => {
    const node = { nodeIPs, runtimeName: "cri-o", runtimeHandlers: {} };
    const sandboxes = [{ ips, isReady: ready, hostNetwork }];
    const status = statusOf(podOf({ hostNetwork }), [], { node, previous }, sandboxes);
    assert.equal(status.podIP, status.podIPs?.[0]?.ip);
    assert.equal(status.hostIP, status.hostIPs?.[0]?.ip);
    return status.podIPs?.map(({ ip }) => ip);
  };
  assert.deepEqual(ipsOf(["10.0.0.1", "fd00::1", "10.0.0.2"]), ["10.0.0.1", "fd00::1"]);
  assert.deepEqual(ipsOf(["10.0.0.1", "fd00::1"], { nodeIPs: ["2001:db8::1"] }), ["fd00::1", "10.0.0.1"]);
  assert.deepEqual(ipsOf(["fd00::1"]), ["fd00::1"]);
  assert.deepEqual(ipsOf([]), undefined);
  assert.deepEqual(ipsOf(undefined), undefined);
  const nodeIPs = ["192.0.2.1", "2001:db8::1"];
  assert.deepEqual(ipsOf([], { hostNetwork: true, nodeIPs }), nodeIPs);
  const previous = statusOf(podOf());
  assert.deepEqual(ipsOf([], { ready: false, previous }), ["10.88.0.7"]);
  assert.deepEqual(ipsOf(["10.0.0.9"], { ready: false, previous }), ["10.88.0.7"]);
  assert.deepEqual(ipsOf([], { previous }), undefined);
});

test("a transition time changes with the status of its condition only", () => {
  const pod = podOf();
  const first = statusOf(pod, [], { nowMs: atMs(1) });
  const second = statusOf(pod, [{}], { nowMs: atMs(2), previous: first });
  const third = statusOf(pod, [{ state: "exited", exitCode: 1 }], { nowMs: atMs(3), previous: second });
  const fourth = statusOf(pod, [{ state: "exited", exitCode: 1 }], { nowMs: atMs(4), previous: third });
  const timesOf = (status: PodStatus<Date>) =>
    Object.fromEntries(
      (status.conditions ?? []).map((it) => [
        it.type,
        ((it.lastTransitionTime?.getTime() ?? 0) - atMs(0)) / 1000,
      ]),
    );
  const always = { PodReadyToStartContainers: 1, Initialized: 1, PodScheduled: 1 };
  assert.deepEqual(timesOf(first), { ...always, Ready: 1, ContainersReady: 1 });
  assert.deepEqual(timesOf(second), { ...always, Ready: 2, ContainersReady: 2 });
  assert.deepEqual(timesOf(third), { ...always, Ready: 3, ContainersReady: 3 });
  assert.deepEqual(timesOf(fourth), timesOf(third));
  assert.deepEqual(fourth.startTime, first.startTime);
});

test("the start time is that of the first status, or of the Pod", () => {
  assert.deepEqual(statusOf(podOf(), [], { nowMs: atMs(7) }).startTime, new Date(atMs(7)));
  const pod = { ...podOf(), status: { startTime: "2026-01-01T00:00:03Z" } };
  assert.deepEqual(statusOf(pod).startTime, new Date(atMs(3)));
});

test("messages name the containers that are not ready", () => {
  const pod = podOf({ initContainers: [sidecar("s"), "i"], containers: ["b", "a"] });
  const find = (status: PodStatus<Date>, type: string) => status.conditions?.find((it) => it.type === type);
  const status = statusOf(pod, [{ name: "s" }, { name: "i" }]);
  const unready = "containers with unready status: [b a]";
  assert.equal(find(status, "ContainersReady")?.message, unready);
  assert.equal(find(status, "Ready")?.message, unready);
  assert.equal(find(status, "Initialized")?.message, "containers with incomplete status: [i]");
});

test("an instance keeps its readiness until its probes have results, and another one does not", () => {
  const probe = { exec: { command: ["check"] } };
  const pod = podOf({
    containers: [{ name: "app", image: "busybox:1.37", readinessProbe: probe, startupProbe: probe }],
  });
  const states = (readiness: "success" | "failure" | "unknown", startup = readiness) => ({
    probes: () => ({ startup, liveness: "success", readiness }) as const,
  });
  const isReady = (status: PodStatus<Date>) => {
    const [app] = status.containerStatuses ?? [];
    return [app?.started, app?.ready];
  };
  assert.deepEqual(isReady(statusOf(pod, [{}], states("unknown"))), [false, false]);
  const ready = statusOf(pod, [{}], states("success"));
  assert.deepEqual(isReady(ready), [true, true]);
  // What an API server has of it is text.
  const previous = podStatusOf(podStatusJson(ready));
  assert.deepEqual(isReady(statusOf(pod, [{}], { ...states("unknown"), previous })), [true, true]);
  assert.deepEqual(isReady(statusOf(pod, [{}], { ...states("failure", "success"), previous })), [
    true,
    false,
  ]);
  assert.deepEqual(isReady(statusOf(pod, [{ id: "other" }], { ...states("unknown"), previous })), [
    false,
    false,
  ]);
});

test("the times of a status survive JSON, and invalid ones and nulls are left out", () => {
  const status = statusOf(podOf({}), [{ state: "exited", exitCode: 1, finishedAtNanos: at(9) }]);
  assert.deepEqual(podStatusJson(podStatusOf(podStatusJson(status))), podStatusJson(status));
  const damaged = { startTime: "soon", conditions: [{ type: "A", status: "True", lastProbeTime: null }] };
  assert.deepEqual(podStatusOf(damaged as never), { conditions: [{ type: "A", status: "True" }] });
});

test("readiness gates: conditions that others set decide, and are kept", () => {
  const pod = podOf({ readinessGates: [{ conditionType: "example.com/lb" }] });
  const readyWith = (conditions?: PodStatusInput["conditions"], previous?: PodStatus<Date>) => {
    const status = statusOf(pod, [{}], { conditions, previous });
    const { status: value, reason, message } = status.conditions?.find(({ type }) => type === "Ready") ?? {};
    return { status, ready: [value, reason, message] };
  };
  const gate = { type: "example.com/lb", status: "True" };
  assert.deepEqual(readyWith().ready, [
    "False",
    "ReadinessGatesNotReady",
    'corresponding condition of pod readiness gate "example.com/lb" does not exist.',
  ]);
  assert.deepEqual(readyWith([{ ...gate, status: "False" }]).ready, [
    "False",
    "ReadinessGatesNotReady",
    'the status of pod readiness gate "example.com/lb" is not "True", but False',
  ]);
  const { ready, status } = readyWith([gate, { type: "PodScheduled", status: "False" }]);
  assert.deepEqual(ready, ["True", undefined, undefined]);
  assert.deepEqual(status.conditions?.[0], gate);
  assert.deepEqual(
    status.conditions?.filter(({ type }) => type === "PodScheduled").map((it) => it.status),
    ["True"],
  );
  assert.deepEqual(readyWith(undefined, status).ready, ["True", undefined, undefined]);
});

test("a pod without a sandbox, or whose sandbox must be replaced, is not ready to start containers", () => {
  const value = (sandboxes: readonly Partial<ObservedSandbox>[]) =>
    statusOf(podOf(), [], {}, sandboxes).conditions?.[0];
  assert.equal(value([{}])?.type, "PodReadyToStartContainers");
  assert.equal(value([{}])?.status, "True");
  for (const sandboxes of [[], [{ isReady: false }], [{ ips: [] }]])
    assert.equal(value(sandboxes)?.status, "False");
});

test("init statuses are in the order of the Pod, others are sorted by name", () => {
  const pod = podOf({
    initContainers: ["z", sidecar("y"), "x"],
    containers: ["c", "b", "a"],
    ephemeralContainers: ["f", "e"],
  });
  const status = statusOf(pod, []);
  const names = (list: PodStatus["containerStatuses"]) => list?.map(({ name }) => name);
  assert.deepEqual(names(status.initContainerStatuses), ["z", "y", "x"]);
  assert.deepEqual(names(status.containerStatuses), ["a", "b", "c"]);
  assert.deepEqual(names(status.ephemeralContainerStatuses), ["e", "f"]);
});

test("a status of a container that was never created has the image of the Pod", () => {
  const [status] =
    statusOf(podOf({ containers: [{ name: "app", image: "nginx" }] }), []).containerStatuses ?? [];
  assert.deepEqual(status, {
    name: "app",
    image: "nginx",
    imageID: "",
    ready: false,
    started: false,
    restartCount: 0,
    state: { waiting: { reason: "ContainerCreating" } },
  });
});

test("recursive read-only mounts: as asked, where the handler supports them", () => {
  const mode = (recursiveReadOnly: string | undefined, supported: boolean) => {
    const mount = {
      name: "v",
      mountPath: "/v",
      readOnly: true,
      ...(recursiveReadOnly && { recursiveReadOnly }),
    };
    const pod = podOf({ containers: [{ name: "app", volumeMounts: [mount] }], volumes: [{ name: "v" }] });
    const features = { userNamespaces: false, recursiveReadOnlyMounts: supported };
    const node = { nodeIPs: [], runtimeName: "containerd", runtimeHandlers: { kata: features } };
    const status = statusOf(pod, [{}], { node }, [{ runtimeHandler: "kata" }]);
    return status.containerStatuses?.[0]?.volumeMounts?.[0]?.recursiveReadOnly;
  };
  assert.equal(mode(undefined, true), "Disabled");
  assert.equal(mode("Disabled", true), "Disabled");
  assert.equal(mode("IfPossible", true), "Enabled");
  assert.equal(mode("IfPossible", false), "Disabled");
  assert.equal(mode("Enabled", true), "Enabled");
});

test("a restart of all containers: from the exit to the next start", () => {
  const rule = {
    action: "RestartAllContainers",
    exitCodes: { operator: "In", values: [42] },
  };
  const pod = podOf({
    restartPolicy: "Never",
    initContainers: ["i"],
    containers: [{ name: "a", restartPolicy: "Never", restartPolicyRules: [rule] }, "b"],
  });
  const conditionOf = (status: PodStatus<Date>) =>
    status.conditions?.find(({ type }) => type === "AllContainersRestarting")?.status;
  const resetsOf = (status: PodStatus<Date>, containers: readonly Partial<ObservedContainer>[]) =>
    podActions(pod, observedOf(containers), {
      isTerminating: false,
      isRestartingAll: isRestartingAllContainers(status),
      probes: () => undefined,
    }).reset.map(({ id }) => id);
  const init = { name: "i", state: "exited", exitCode: 0 } as const;

  const running = [init, { name: "a" }, { name: "b" }];
  const before = statusOf(pod, running);
  assert.equal(conditionOf(before), "False");
  assert.deepEqual(resetsOf(before, running), []);

  const cause = { name: "a", state: "exited", exitCode: 42 } as const;
  const triggered = statusOf(pod, [init, cause, { name: "b" }], { previous: before });
  assert.equal(conditionOf(triggered), "True");
  assert.equal(triggered.phase, "Running");
  assert.deepEqual(resetsOf(triggered, [init, cause, { name: "b" }]), ["b-0", "i-0", "a-0"]);

  // In between, the cause is the only one left, or even gone.
  for (const left of [[cause], [init]]) {
    const during = statusOf(pod, left, { previous: triggered });
    assert.equal(conditionOf(during), "True");
    assert.equal(during.phase, "Running");
  }

  const removed = statusOf(pod, [], { previous: triggered });
  assert.equal(conditionOf(removed), "False");
  assert.equal(removed.phase, "Running");
  assert.deepEqual(
    removed.containerStatuses?.map(({ name, state, lastState, restartCount }) => [
      name,
      state?.waiting?.reason,
      lastState?.terminated?.reason,
      restartCount,
    ]),
    ["a", "b"].map((name) => [name, "RestartingAllContainers", "RestartingAllContainers", 1]),
  );
  assert.deepEqual(removed.conditions?.find(({ type }) => type === "Initialized")?.status, "True");

  const anew = statusOf(pod, [{ name: "i", restartCount: 1 }], { previous: removed });
  assert.deepEqual(resetsOf(anew, [{ name: "i", restartCount: 1 }]), []);
  assert.equal(anew.initContainerStatuses?.[0]?.restartCount, 1);
  const again = statusOf(
    pod,
    [
      { ...init, restartCount: 1 },
      { name: "a", restartCount: 1 },
      { name: "b", restartCount: 0 },
    ],
    { previous: anew },
  );
  assert.deepEqual(
    again.containerStatuses?.map(({ restartCount }) => restartCount),
    [1, 1],
  );
  assert.equal(again.phase, "Running");
  assert.equal(conditionOf(again), "False");
});

test("a pod without such a rule has no condition AllContainersRestarting", () => {
  assert.equal(
    statusOf(podOf()).conditions?.some(({ type }) => type === "AllContainersRestarting"),
    false,
  );
});

test("the reason of a phase stays with it", () => {
  const pod = podOf();
  const failure = { reason: "Evicted", message: "low on memory" };
  const failed = statusOf(pod, [{}], { failure });
  const later = statusOf(pod, [{ state: "exited" }], { previous: failed, isTerminated: true }, [
    { isReady: false },
  ]);
  assert.deepEqual([later.phase, later.reason, later.message], ["Failed", "Evicted", "low on memory"]);
  const api = { ...pod, status: { phase: "Succeeded" } };
  assert.equal(statusOf(api, [{}]).phase, "Succeeded");
});

test("a pod that is stopped for the sake of the node has the condition DisruptionTarget, published with its end", () => {
  const pod = podOf();
  const isDisruption = ({ type }: { readonly type: string }) => type === "DisruptionTarget";
  const running = statusOf(pod);
  const evicted = { reason: "Evicted", message: "low on memory" };
  const failure = { ...evicted, disruption: "low on memory" };
  const failed = statusOf(pod, [{}], { previous: running, failure });
  const condition = failed.conditions?.find(isDisruption);
  assert.deepEqual(
    [condition?.status, condition?.reason, condition?.message],
    ["True", "TerminationByKubelet", "low on memory"],
  );
  const later = statusOf(pod, [{}], { previous: failed, failure, nowMs: atMs(200) });
  assert.deepEqual(later.conditions?.filter(isDisruption), [condition]);
  assert.ok(!publishedStatus(failed, running, true).conditions?.some(isDisruption));
  assert.ok(publishedStatus(failed, running, false).conditions?.some(isDisruption));
  const byItself = statusOf(pod, [{}], { previous: running, failure: evicted });
  assert.ok(!byItself.conditions?.some(isDisruption));
});

test("the QoS class is that of the Pod's status, or computed", () => {
  assert.equal(statusOf(podOf()).qosClass, "BestEffort");
  assert.equal(statusOf({ ...podOf(), status: { qosClass: "Guaranteed" } }).qosClass, "Guaranteed");
});

test("others see a terminal phase only when nothing runs any more", () => {
  const pod = podOf({ restartPolicy: "Never" });
  const running = statusOf(pod);
  const failed = statusOf(pod, [{}], { previous: running, failure: { reason: "Evicted", message: "m" } });
  const shown = publishedStatus(failed, running, true);
  assert.deepEqual([shown.phase, shown.reason, shown.message], ["Running", undefined, undefined]);
  assert.deepEqual(shown.containerStatuses, failed.containerStatuses);
  assert.equal(publishedStatus(failed, undefined, true).phase, "Pending");
  assert.deepEqual(publishedStatus(failed, shown, false), failed);
  assert.deepEqual(publishedStatus(failed, failed, true), failed);
  assert.deepEqual(publishedStatus(running, undefined, true), running);
});
