// The statuses of containers and pods after all kinds of ends. What the runtime reports has the shapes of containerd 1.6 to 2.1 and CRI-O.
import assert from "node:assert/strict";
import { test } from "node:test";
import { podStatus } from "../../../src/kubernetes/status/pod-status.js";
import type { PodStatusInput } from "../../../src/kubernetes/status/status-input.js";
import type { ObservedContainer, ObservedSandbox } from "../../../src/kubernetes/worker/observed.js";
import type { ContainerStatus, PodStatus } from "../../../src/kubernetes.js";
import { atMs, observedOf, podOf, sidecar } from "../../support/observed-pods.js";

interface Row {
  readonly pod?: Parameters<typeof podOf>[0];
  readonly metadata?: Parameters<typeof podOf>[1];
  readonly containers?: readonly Partial<ObservedContainer>[];
  readonly sandboxes?: readonly Partial<ObservedSandbox>[];
  readonly input?: Partial<PodStatusInput>;
  /** What was observed before, for `previous`. */
  readonly before?: Pick<Row, "containers" | "sandboxes" | "input">;
  readonly expected: {
    /** `PHASE`, or `PHASE REASON` */
    readonly phase: string;
    /** The states by container; see {@link stateText}. */
    readonly states: Readonly<Record<string, string>>;
    /** The reason of the condition Ready; "" when it is True. */
    readonly ready?: string;
    readonly initialized?: string;
  };
}

const waiting = (reason: string, message = "why") => ({ input: { waiting: { app: { reason, message } } } });
const exited = (exitCode: number, fields: Partial<ObservedContainer> = {}): Partial<ObservedContainer> => ({
  state: "exited",
  exitCode,
  ...fields,
});
const never = { restartPolicy: "Never" } as const;
const onFailure = { restartPolicy: "OnFailure" } as const;
const startError: Partial<ObservedContainer> = exited(128, {
  reason: "StartError",
  message:
    'failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: exec: "nosuch": executable file not found in $PATH: unknown',
  startedAtNanos: 0n,
});
const oom = exited(137, { reason: "OOMKilled" });
const backOff = waiting("CrashLoopBackOff", "back-off 10s restarting failed container=app");
const stopped = [{ isReady: false, ips: [] }];
const probe = { exec: { command: ["true"] } };

const rows: Readonly<Record<string, Row>> = {
  // Before the first start.
  "nothing yet": {
    sandboxes: [],
    expected: {
      phase: "Pending",
      states: { app: "waiting ContainerCreating ×0" },
      ready: "ContainersNotReady",
    },
  },
  "nothing yet, with init containers": {
    pod: { initContainers: ["i"] },
    sandboxes: [],
    expected: {
      phase: "Pending",
      states: { i: "waiting PodInitializing ×0", app: "waiting PodInitializing ×0" },
      initialized: "ContainersNotInitialized",
    },
  },
  "a sandbox that cannot be created is no reason of a container": {
    sandboxes: [],
    input: {},
    expected: { phase: "Pending", states: { app: "waiting ContainerCreating ×0" } },
  },
  "the image cannot be pulled": {
    ...waiting("ErrImagePull"),
    expected: { phase: "Pending", states: { app: "waiting ErrImagePull ×0" }, ready: "ContainersNotReady" },
  },
  "the image cannot be pulled, again": {
    ...waiting("ImagePullBackOff"),
    expected: { phase: "Pending", states: { app: "waiting ImagePullBackOff ×0" } },
  },
  "the image is missing and never pulled": {
    ...waiting("ErrImageNeverPull"),
    expected: { phase: "Pending", states: { app: "waiting ErrImageNeverPull ×0" } },
  },
  "the image has a bad name": {
    ...waiting("InvalidImageName"),
    expected: { phase: "Pending", states: { app: "waiting InvalidImageName ×0" } },
  },
  "the config is bad: a ConfigMap is missing, or the image's user is root": {
    ...waiting("CreateContainerConfigError", 'configmap "settings" not found'),
    expected: { phase: "Pending", states: { app: "waiting CreateContainerConfigError ×0" } },
  },
  "CreateContainer fails and leaves nothing, as on CRI-O for a missing program": {
    ...waiting("CreateContainerError"),
    expected: { phase: "Pending", states: { app: "waiting CreateContainerError ×0" } },
  },
  "a failed creation after a run": {
    containers: [exited(1)],
    ...waiting("CreateContainerError"),
    expected: { phase: "Running", states: { app: "waiting CreateContainerError ×0, last 1 Error" } },
  },
  "created and not started": {
    containers: [{ state: "created" }],
    expected: { phase: "Pending", states: { app: "waiting ×0" }, ready: "ContainersNotReady" },
  },
  // Start errors.
  "the program does not exist, on containerd": {
    containers: [startError],
    ...waiting("RunContainerError"),
    expected: { phase: "Running", states: { app: "waiting RunContainerError ×0, last 128 StartError" } },
  },
  "the program does not exist, and the policy is Never": {
    pod: never,
    containers: [startError],
    ...waiting("RunContainerError"),
    expected: { phase: "Failed", states: { app: "128 StartError ×0" }, ready: "PodFailed" },
  },
  "the program does not exist, again and again": {
    containers: [
      { ...startError, restartCount: 4 },
      { ...startError, restartCount: 3 },
    ],
    ...backOff,
    expected: { phase: "Running", states: { app: "waiting CrashLoopBackOff ×4, last 128 StartError" } },
  },
  "a start that failed and left the container created": {
    containers: [{ state: "created", restartCount: 1 }, exited(1)],
    ...waiting("RunContainerError"),
    expected: { phase: "Running", states: { app: "waiting RunContainerError ×1, last 1 Error" } },
  },
  "the postStart hook failed": {
    containers: [exited(137)],
    ...waiting("PostStartHookError"),
    expected: { phase: "Running", states: { app: "waiting PostStartHookError ×0, last 137 Error" } },
  },
  // Running.
  running: {
    containers: [{}],
    expected: { phase: "Running", states: { app: "running ×0 started ready" }, ready: "" },
  },
  "running, and the startup probe has not succeeded": {
    pod: { containers: [{ name: "app", startupProbe: probe }] },
    containers: [{}],
    expected: { phase: "Running", states: { app: "running ×0" }, ready: "ContainersNotReady" },
  },
  "running, and the readiness probe failed": {
    pod: { containers: [{ name: "app", readinessProbe: probe }] },
    containers: [{}],
    input: { probes: () => ({ startup: "success", liveness: "success", readiness: "failure" }) },
    expected: { phase: "Running", states: { app: "running ×0 started" }, ready: "ContainersNotReady" },
  },
  "running, and the readiness probe succeeded": {
    pod: { containers: [{ name: "app", readinessProbe: probe, startupProbe: probe }] },
    containers: [{}],
    input: { probes: () => ({ startup: "success", liveness: "failure", readiness: "success" }) },
    expected: { phase: "Running", states: { app: "running ×0 started ready" }, ready: "" },
  },
  "running again after a crash": {
    containers: [{ restartCount: 2 }, exited(3, { restartCount: 1 })],
    expected: { phase: "Running", states: { app: "running ×2 started ready, last 3 Error" } },
  },
  "running, while another one waits for its first start": {
    pod: { containers: ["a", "b"] },
    containers: [{ name: "a" }],
    input: { waiting: { b: { reason: "ErrImagePull", message: "" } } },
    expected: {
      phase: "Pending",
      states: { a: "running ×0 started ready", b: "waiting ErrImagePull ×0" },
    },
  },
  // Exit codes.
  "exit 0, Never": {
    pod: never,
    containers: [exited(0)],
    expected: { phase: "Succeeded", states: { app: "0 Completed ×0" }, ready: "PodCompleted" },
  },
  "exit 1, Never": {
    pod: never,
    containers: [exited(1)],
    expected: { phase: "Failed", states: { app: "1 Error ×0" }, ready: "PodFailed" },
  },
  "exit 0, OnFailure": {
    pod: onFailure,
    containers: [exited(0)],
    expected: { phase: "Succeeded", states: { app: "0 Completed ×0" } },
  },
  "exit 1, OnFailure": {
    pod: onFailure,
    containers: [exited(1)],
    expected: { phase: "Running", states: { app: "1 Error ×0" }, ready: "ContainersNotReady" },
  },
  "exit 0, Always": {
    containers: [exited(0)],
    expected: { phase: "Running", states: { app: "0 Completed ×0" } },
  },
  "exit 0, Always, and it waits": {
    containers: [exited(0)],
    ...backOff,
    expected: { phase: "Running", states: { app: "waiting CrashLoopBackOff ×0, last 0 Completed" } },
  },
  "a signal: SIGTERM": {
    pod: never,
    containers: [exited(143)],
    expected: { phase: "Failed", states: { app: "143 Error ×0" } },
  },
  "a signal: SIGSEGV, and it restarts": {
    containers: [exited(139)],
    ...backOff,
    expected: { phase: "Running", states: { app: "waiting CrashLoopBackOff ×0, last 139 Error" } },
  },
  "killed by the OOM killer": {
    pod: never,
    containers: [oom],
    expected: { phase: "Failed", states: { app: "137 OOMKilled ×0" } },
  },
  "killed by the OOM killer, and it restarts": {
    containers: [{ ...oom, restartCount: 5 }],
    ...backOff,
    expected: { phase: "Running", states: { app: "waiting CrashLoopBackOff ×5, last 137 OOMKilled" } },
  },
  "killed by seccomp, on CRI-O": {
    pod: never,
    containers: [exited(159, { reason: "seccomp killed" })],
    expected: { phase: "Failed", states: { app: "159 seccomp killed ×0" } },
  },
  "ended while containerd was down": {
    containers: [exited(255, { reason: "Unknown" })],
    expected: { phase: "Running", states: { app: "255 Unknown ×0" } },
  },
  "one succeeded, one failed, Never": {
    pod: { ...never, containers: ["a", "b"] },
    containers: [exited(0, { name: "a" }), exited(2, { name: "b" })],
    expected: { phase: "Failed", states: { a: "0 Completed ×0", b: "2 Error ×0" } },
  },
  "one ended, one runs, Never": {
    pod: { ...never, containers: ["a", "b"] },
    containers: [exited(1, { name: "a" }), { name: "b" }],
    expected: {
      phase: "Running",
      states: { a: "1 Error ×0", b: "running ×0 started ready" },
      ready: "ContainersNotReady",
    },
  },
  // Probes that kill.
  "killed by its liveness probe, and it will restart": {
    containers: [exited(137)],
    expected: { phase: "Running", states: { app: "137 Error ×0" } },
  },
  "killed by its startup probe, Never": {
    pod: { ...never, containers: [{ name: "app", startupProbe: probe }] },
    containers: [exited(137)],
    expected: { phase: "Failed", states: { app: "137 Error ×0" } },
  },
  "a failed liveness probe alone changes nothing": {
    pod: { containers: [{ name: "app", livenessProbe: probe }] },
    containers: [{}],
    input: { probes: () => ({ startup: "success", liveness: "failure", readiness: "success" }) },
    expected: { phase: "Running", states: { app: "running ×0 started ready" }, ready: "" },
  },
  // Init containers and sidecars.
  "an init container runs": {
    pod: { initContainers: ["i"] },
    containers: [{ name: "i" }],
    expected: {
      phase: "Pending",
      states: { i: "running ×0 started", app: "waiting PodInitializing ×0" },
      initialized: "ContainersNotInitialized",
    },
  },
  "an init container failed and waits": {
    pod: { initContainers: ["i"] },
    containers: [exited(1, { name: "i", restartCount: 1 })],
    input: { waiting: { i: { reason: "CrashLoopBackOff", message: "" } } },
    expected: {
      phase: "Pending",
      states: { i: "waiting CrashLoopBackOff ×1, last 1 Error", app: "waiting PodInitializing ×0" },
    },
  },
  "an init container failed, Never": {
    pod: { ...never, initContainers: ["i"] },
    containers: [exited(1, { name: "i" })],
    expected: {
      phase: "Failed",
      states: { i: "1 Error ×0", app: "waiting PodInitializing ×0" },
      ready: "PodFailed",
      initialized: "ContainersNotInitialized",
    },
  },
  "the initialization is done, and the container is not created yet": {
    pod: { initContainers: ["i"] },
    containers: [exited(0, { name: "i" })],
    expected: {
      phase: "Pending",
      states: { i: "0 Completed ×0 ready", app: "waiting PodInitializing ×0" },
      initialized: "",
    },
  },
  "the runtime has lost an init container": {
    pod: { initContainers: ["i", sidecar("s")] },
    containers: [{ name: "s" }, {}],
    expected: {
      phase: "Running",
      states: {
        i: "0 Completed ×0 ready",
        s: "running ×0 started ready",
        app: "running ×0 started ready",
      },
      ready: "",
    },
  },
  "a sidecar has not started": {
    pod: { initContainers: [sidecar("s", { startupProbe: probe })] },
    containers: [{ name: "s" }],
    expected: {
      phase: "Pending",
      states: { s: "running ×0", app: "waiting PodInitializing ×0" },
      initialized: "ContainersNotInitialized",
    },
  },
  "a sidecar crashed beside a running container": {
    pod: { initContainers: [sidecar("s")] },
    containers: [exited(1, { name: "s" }), {}],
    input: { waiting: { s: { reason: "CrashLoopBackOff", message: "" } } },
    expected: {
      phase: "Running",
      states: { s: "waiting CrashLoopBackOff ×0, last 1 Error", app: "running ×0 started ready" },
      ready: "ContainersNotReady",
      initialized: "",
    },
  },
  "a sidecar that starts again does not make a pod pending": {
    pod: { initContainers: [sidecar("s", { startupProbe: probe })] },
    containers: [{ name: "s", restartCount: 1 }, {}],
    expected: {
      phase: "Running",
      states: { s: "running ×1", app: "running ×0 started ready" },
      ready: "ContainersNotReady",
      initialized: "",
    },
  },
  "in a new sandbox, a sidecar that has not started makes a pod pending again": {
    pod: { initContainers: [sidecar("s", { startupProbe: probe })] },
    containers: [{ name: "s", restartCount: 1, sandboxId: "new" }, exited(255)],
    sandboxes: [{ id: "new", attempt: 1 }, { isReady: false }],
    expected: { phase: "Pending", states: { s: "running ×1", app: "255 Error ×0" } },
  },
  "sidecars that were stopped last do not count: the pod succeeded": {
    pod: { ...never, initContainers: [sidecar("s")] },
    containers: [exited(137, { name: "s" }), exited(0)],
    sandboxes: stopped,
    expected: {
      phase: "Succeeded",
      states: { s: "137 Error ×0", app: "0 Completed ×0" },
      ready: "PodCompleted",
    },
  },
  "a sidecar still runs after the container succeeded": {
    pod: { ...never, initContainers: [sidecar("s")] },
    containers: [{ name: "s" }, exited(0)],
    expected: {
      phase: "Running",
      states: { s: "running ×0 started ready", app: "0 Completed ×0" },
      ready: "ContainersNotReady",
    },
  },
  "an ephemeral container ended": {
    pod: { ephemeralContainers: ["debug"] },
    containers: [exited(1, { name: "debug" }), {}],
    expected: {
      phase: "Running",
      states: { app: "running ×0 started ready", debug: "1 Error ×0" },
      ready: "",
    },
  },
  // What the runtime has lost.
  "the runtime lost a running container": {
    before: { containers: [{}] },
    expected: {
      phase: "Running",
      states: { app: "waiting ContainerCreating ×1, last 137 ContainerStatusUnknown" },
    },
  },
  "the runtime lost a running container of a deleted pod": {
    before: { containers: [{}] },
    input: { isDeleted: true },
    sandboxes: stopped,
    expected: {
      phase: "Running",
      states: { app: "waiting ContainerCreating ×0, last 137 ContainerStatusUnknown" },
    },
  },
  "the runtime lost an ended container": {
    pod: never,
    before: { containers: [exited(3)] },
    expected: { phase: "Failed", states: { app: "3 Error ×0" } },
  },
  "the runtime does not know the state of a container that ran": {
    before: { containers: [{}] },
    containers: [{ state: "unknown" }],
    expected: { phase: "Running", states: { app: "137 ContainerStatusUnknown ×1" } },
  },
  "the runtime does not know the state of a container that never ran": {
    containers: [{ state: "unknown" }],
    expected: { phase: "Pending", states: { app: "waiting ×0" } },
  },
  "a wiped runtime: the restart count goes on": {
    before: { containers: [{ restartCount: 4, state: "exited", exitCode: 1 }] },
    containers: [{ id: "new", restartCount: 0 }],
    expected: { phase: "Running", states: { app: "running ×5 started ready, last 1 Error" } },
  },
  // Ends of pods.
  "past its deadline": {
    pod: { activeDeadlineSeconds: 30 },
    before: { containers: [{}], input: { nowMs: atMs(10) } },
    containers: [{}],
    input: { nowMs: atMs(40) },
    expected: {
      phase: "Failed DeadlineExceeded",
      states: { app: "running ×0 started ready" },
      ready: "PodFailed",
    },
  },
  "a second before its deadline": {
    pod: { activeDeadlineSeconds: 30 },
    before: { containers: [{}], input: { nowMs: atMs(10) } },
    containers: [{}],
    input: { nowMs: atMs(39) },
    expected: { phase: "Running", states: { app: "running ×0 started ready" } },
  },
  "stopped after its deadline: the reason stays": {
    pod: { activeDeadlineSeconds: 30 },
    before: {
      containers: [{}],
      input: { nowMs: atMs(10), failure: { reason: "DeadlineExceeded", message: "m" } },
    },
    containers: [exited(137)],
    sandboxes: stopped,
    input: { nowMs: atMs(50), isTerminated: true },
    expected: { phase: "Failed DeadlineExceeded", states: { app: "137 Error ×0" }, ready: "PodFailed" },
  },
  evicted: {
    containers: [{}],
    input: { failure: { reason: "Evicted", message: "low on memory" } },
    expected: { phase: "Failed Evicted", states: { app: "running ×0 started ready" }, ready: "PodFailed" },
  },
  "deleted, and its container still runs": {
    metadata: { deletionTimestamp: "2026-01-01T00:00:00Z" },
    containers: [{}],
    expected: { phase: "Running", states: { app: "running ×0 started ready" } },
  },
  "deleted, and its container has ended: it does not wait for a restart": {
    metadata: { deletionTimestamp: "2026-01-01T00:00:00Z" },
    containers: [exited(143)],
    ...backOff,
    expected: { phase: "Running", states: { app: "143 Error ×0" } },
  },
  "deleted and stopped, with the policy Always: all succeeded": {
    containers: [exited(0)],
    sandboxes: stopped,
    input: { isTerminated: true, isDeleted: true },
    expected: { phase: "Succeeded", states: { app: "0 Completed ×0" }, ready: "PodCompleted" },
  },
  "deleted and stopped, with the policy Always: one was killed": {
    containers: [exited(137)],
    sandboxes: stopped,
    input: { isTerminated: true, isDeleted: true },
    expected: { phase: "Failed", states: { app: "137 Error ×0" }, ready: "PodFailed" },
  },
  "a static pod that is stopped keeps its phase": {
    metadata: { annotations: { "kubernetes.io/config.source": "file" } },
    containers: [exited(0)],
    sandboxes: stopped,
    input: { isTerminated: true, isDeleted: true },
    expected: { phase: "Running", states: { app: "0 Completed ×0" } },
  },
  "stopped before its container was created": {
    sandboxes: [],
    ...waiting("ErrImagePull"),
    input: { isTerminated: true, isDeleted: true },
    expected: { phase: "Failed", states: { app: "137 ContainerStatusUnknown ×0" }, ready: "PodFailed" },
  },
  "stopped while it was initialized: what never had its turn keeps waiting": {
    pod: { initContainers: ["i", "j"] },
    containers: [exited(137, { name: "i" })],
    sandboxes: stopped,
    input: { isTerminated: true, isDeleted: true },
    expected: {
      phase: "Failed",
      states: { i: "137 Error ×0", j: "waiting PodInitializing ×0", app: "waiting PodInitializing ×0" },
    },
  },
  "a terminal phase never changes": {
    pod: never,
    before: { containers: [exited(0)] },
    containers: [{ restartCount: 1 }],
    expected: { phase: "Succeeded", states: { app: "running ×1 started ready, last 0 Completed" } },
  },
  "the sandbox ended, and the containers with it": {
    containers: [exited(255, { reason: "Unknown" })],
    sandboxes: stopped,
    expected: { phase: "Running", states: { app: "255 Unknown ×0" }, ready: "ContainersNotReady" },
  },
  // Restart rules.
  "a rule restarts a container of a pod with the policy Never": {
    pod: {
      ...never,
      containers: [
        {
          name: "app",
          restartPolicy: "Never",
          restartPolicyRules: [{ action: "Restart", exitCodes: { operator: "In", values: [42] } }],
        },
      ],
    },
    containers: [exited(42)],
    expected: { phase: "Running", states: { app: "42 Error ×0" } },
  },
};

function statusOf(
  row: Pick<Row, "pod" | "metadata" | "containers" | "sandboxes" | "input" | "before">,
): PodStatus<Date> {
  const { pod, metadata, containers, sandboxes, input, before } = row;
  return podStatus(podOf(pod, metadata), observedOf(containers, sandboxes), {
    nowMs: atMs(100),
    node: { nodeIPs: ["192.0.2.1"], runtimeName: "containerd", runtimeHandlers: {} },
    probes: () => undefined,
    waiting: {},
    terminationMessages: {},
    previous: before && statusOf({ ...(pod && { pod }), ...(metadata && { metadata }), ...before }),
    ...input,
  });
}

/** `waiting REASON ×RESTARTS`, `running ×RESTARTS started ready`, `EXIT REASON ×RESTARTS`; then `, last EXIT REASON`. */
function stateText({ state = {}, lastState, restartCount, started, ready }: ContainerStatus<Date>): string {
  const { waiting: waits, running, terminated } = state;
  const endText = (end: typeof terminated) => `${end?.exitCode} ${end?.reason}`;
  const text = running ? "running" : waits ? `waiting ${waits.reason ?? ""}`.trim() : endText(terminated);
  const last = lastState?.terminated ? `, last ${endText(lastState.terminated)}` : "";
  return `${text} ×${restartCount}${started ? " started" : ""}${ready ? " ready" : ""}${last}`;
}

assert.ok(Object.keys(rows).length >= 60);
for (const [name, row] of Object.entries(rows)) {
  test(name, () => {
    const status = statusOf(row);
    const { initContainerStatuses = [], containerStatuses = [], ephemeralContainerStatuses = [] } = status;
    const all = [...initContainerStatuses, ...containerStatuses, ...ephemeralContainerStatuses];
    const { phase, states, ready, initialized } = row.expected;
    assert.deepEqual(Object.fromEntries(all.map((it) => [it.name, stateText(it)])), states);
    assert.equal(status.reason === undefined ? status.phase : `${status.phase} ${status.reason}`, phase);
    const reasonOf = (type: string) => {
      const condition = status.conditions?.find((it) => it.type === type);
      assert.equal(condition?.status, condition?.reason === undefined ? "True" : "False");
      return condition?.reason ?? "";
    };
    if (ready !== undefined) assert.equal(reasonOf("Ready"), ready);
    if (ready !== undefined) assert.equal(reasonOf("ContainersReady"), ready);
    if (initialized !== undefined) assert.equal(reasonOf("Initialized"), initialized);
  });
}
