import assert from "node:assert/strict";
import { test } from "node:test";
import { type PodActions, type PodActionsState, podActions } from "../../../src/kubernetes/worker/actions.js";
import type { ObservedContainer, ObservedSandbox } from "../../../src/kubernetes/worker/observed.js";
import type { ProbeState } from "../../../src/kubernetes/worker/ports.js";
import type { Container } from "../../../src/kubernetes.js";
import { observedOf, podOf, sidecar } from "../../support/observed-pods.js";

type Row = {
  readonly pod?: Parameters<typeof podOf>[0];
  readonly containers?: readonly Partial<ObservedContainer>[];
  readonly sandboxes?: readonly Partial<ObservedSandbox>[];
  readonly probes?: Readonly<Record<string, Partial<ProbeState>>>;
  readonly state?: Partial<PodActionsState>;
  readonly expected: Partial<{
    readonly killPod: boolean;
    readonly createSandbox: boolean;
    readonly attempt: number;
    /** `NAME REASON` */
    readonly kill: readonly string[];
    readonly reset: readonly string[];
    readonly remove: readonly string[];
    readonly start: readonly string[];
  }>;
};

const passing = { startup: "success", liveness: "success", readiness: "success" } as const;
const exited = (name: string, exitCode = 0, fields: Partial<ObservedContainer> = {}) =>
  ({ name, state: "exited", exitCode, ...fields }) as const;
const probe = { exec: { command: ["true"] } };
const restartAll: Partial<Container> = {
  restartPolicy: "Never",
  restartPolicyRules: [
    { action: "RestartAllContainers", exitCodes: { operator: "In", values: [42] } },
    { action: "Restart", exitCodes: { operator: "NotIn", values: [1, 2] } },
  ],
};

const rows: Readonly<Record<string, Row>> = {
  "a new pod gets a sandbox, and all regular containers": {
    pod: { containers: ["a", "b"] },
    sandboxes: [],
    expected: { killPod: true, createSandbox: true, attempt: 0, start: ["a", "b"] },
  },
  "a new pod with init containers starts with the first of them": {
    pod: { initContainers: ["i", "j"] },
    sandboxes: [],
    expected: { killPod: true, createSandbox: true, start: ["i"] },
  },
  "what runs is kept": {
    containers: [{}],
    expected: {},
  },
  "a sandbox that is not ready is replaced": {
    containers: [exited("app", 137)],
    sandboxes: [{ isReady: false, attempt: 3 }],
    expected: { killPod: true, createSandbox: true, attempt: 4, start: ["app"] },
  },
  "two ready sandboxes are replaced": {
    sandboxes: [{ id: "s1", attempt: 1 }, {}],
    expected: { killPod: true, createSandbox: true, attempt: 2, start: ["app"] },
  },
  "an old sandbox that is not ready does not matter": {
    containers: [{}],
    sandboxes: [{ attempt: 1 }, { isReady: false }],
    expected: { attempt: 1 },
  },
  "a sandbox in the other network is replaced": {
    pod: { hostNetwork: true },
    expected: { killPod: true, createSandbox: true, attempt: 1, start: ["app"] },
  },
  "a sandbox without an address is replaced": {
    sandboxes: [{ ips: [] }],
    expected: { killPod: true, createSandbox: true, attempt: 1, start: ["app"] },
  },
  "a runtime that reports no network at all is trusted": {
    sandboxes: [{ ips: undefined }],
    expected: { start: ["app"] },
  },
  "a pod in the host's network needs no address": {
    pod: { hostNetwork: true },
    containers: [{}],
    sandboxes: [{ hostNetwork: true, ips: [] }],
    expected: {},
  },
  "with the policy Never, a pod that ran gets no second sandbox": {
    pod: { restartPolicy: "Never" },
    containers: [exited("app", 137)],
    sandboxes: [{ isReady: false }],
    expected: { killPod: true, attempt: 1 },
  },
  "with the policy Never, a pod whose containers were never created gets a second sandbox": {
    pod: { restartPolicy: "Never" },
    sandboxes: [{ isReady: false }],
    expected: { killPod: true, createSandbox: true, attempt: 1, start: ["app"] },
  },
  "with the policy Never, a container that restarts by its own rules gets a second sandbox, alone": {
    pod: { restartPolicy: "Never", containers: [{ name: "a", ...restartAll }, "b"] },
    containers: [exited("a", 255), exited("b", 255)],
    sandboxes: [{ isReady: false }],
    expected: { killPod: true, createSandbox: true, attempt: 1, start: ["a"] },
  },
  "with the policy Never, a sidecar gets no second sandbox": {
    pod: { restartPolicy: "Never", initContainers: [sidecar("s")] },
    containers: [exited("s", 255), exited("app", 255)],
    sandboxes: [{ isReady: false }],
    expected: { killPod: true, attempt: 1 },
  },
  "a container with its own policy Never does not run in a second sandbox": {
    pod: { containers: [{ name: "a", restartPolicy: "Never" }, "b"] },
    containers: [exited("a", 0), exited("b", 255)],
    sandboxes: [{ isReady: false }],
    expected: { killPod: true, createSandbox: true, attempt: 1, start: ["b"] },
  },
  "init containers of an earlier sandbox prove nothing, nor do created containers": {
    pod: { initContainers: ["i"] },
    containers: [exited("i", 0, { sandboxId: "old" }), { state: "created", sandboxId: "old" }],
    sandboxes: [
      { id: "new", attempt: 1 },
      { id: "old", isReady: false },
    ],
    expected: { attempt: 1, start: ["i"] },
  },
  "with the policy Never, what never ran starts in the first sandbox that is known": {
    pod: { restartPolicy: "Never", containers: ["a", "b"] },
    containers: [exited("a", 1)],
    sandboxes: [],
    expected: { killPod: true, createSandbox: true, attempt: 0, start: ["b"] },
  },
  "with the policy OnFailure, containers that succeeded do not run in a second sandbox": {
    pod: { restartPolicy: "OnFailure", containers: ["a", "b"] },
    containers: [exited("a", 0), exited("b", 1)],
    sandboxes: [{ isReady: false }],
    expected: { killPod: true, createSandbox: true, attempt: 1, start: ["b"] },
  },
  "with the policy OnFailure, a pod that succeeded gets no second sandbox": {
    pod: { restartPolicy: "OnFailure" },
    containers: [exited("app", 0)],
    sandboxes: [{ isReady: false }],
    expected: { killPod: true, attempt: 1 },
  },
  "a new sandbox begins with the first init container, and the old instances are removed": {
    pod: { initContainers: ["i", sidecar("s")] },
    containers: [exited("i"), exited("s", 137, { restartCount: 1 }), exited("s"), exited("app", 137)],
    sandboxes: [{ isReady: false }],
    expected: {
      killPod: true,
      createSandbox: true,
      attempt: 1,
      remove: ["s-1", "i-0", "s-0"],
      start: ["i"],
    },
  },
  "the first init container starts": {
    pod: { initContainers: ["i", "j"] },
    expected: { start: ["i"] },
  },
  "a running init container is waited for": {
    pod: { initContainers: ["i", "j"] },
    containers: [{ name: "i" }],
    expected: {},
  },
  "the next init container follows one that succeeded": {
    pod: { initContainers: ["i", "j"] },
    containers: [exited("i")],
    expected: { start: ["j"] },
  },
  "regular containers follow the last init container": {
    pod: { initContainers: ["i", "j"], containers: ["a", "b"] },
    containers: [exited("i"), exited("j")],
    expected: { start: ["a", "b"] },
  },
  "init containers that the runtime has lost are done when a later one ran": {
    pod: { initContainers: ["i", "j"] },
    containers: [exited("j")],
    expected: { start: ["app"] },
  },
  "init containers that the runtime has lost are done when a regular one runs": {
    pod: { initContainers: ["i", "j"] },
    containers: [{}],
    expected: {},
  },
  "an exited regular container does not prove that init containers are done": {
    pod: { initContainers: ["i"] },
    containers: [exited("app", 1)],
    expected: { start: ["i"] },
  },
  "an init container that failed restarts": {
    pod: { initContainers: ["i"], restartPolicy: "OnFailure" },
    containers: [exited("i", 1)],
    expected: { start: ["i"] },
  },
  "with the policy Never, an init container that failed ends the pod": {
    pod: { initContainers: [sidecar("s"), "i"], restartPolicy: "Never" },
    containers: [exited("s", 1), exited("i", 1)],
    expected: { killPod: true },
  },
  "an init container that was killed by the OOM killer failed, whatever its exit code": {
    pod: { initContainers: ["i"], restartPolicy: "Never" },
    containers: [exited("i", 0, { reason: "OOMKilled" })],
    expected: { killPod: true },
  },
  "the rules of an init container decide before the policy of the pod": {
    pod: {
      restartPolicy: "Never",
      initContainers: [
        {
          name: "i",
          restartPolicy: "Never",
          restartPolicyRules: [{ action: "Restart", exitCodes: { operator: "In", values: [3] } }],
        },
      ],
    },
    containers: [exited("i", 3)],
    expected: { start: ["i"] },
  },
  "an init container that was created and not started is started again": {
    pod: { initContainers: ["i"] },
    containers: [{ name: "i", state: "created" }],
    expected: { start: ["i"] },
  },
  "an init container in an unknown state is killed first": {
    pod: { initContainers: ["i"] },
    containers: [{ name: "i", state: "unknown" }],
    expected: { kill: ["i unknownState"], start: ["i"] },
  },
  "with the policy Never, an init container in an unknown state ends the pod": {
    pod: { initContainers: ["i"], restartPolicy: "Never" },
    containers: [{ name: "i", state: "unknown" }],
    expected: { killPod: true },
  },
  "a running sidecar is done: the next init container starts": {
    pod: { initContainers: [sidecar("s"), "i"] },
    containers: [{ name: "s" }],
    expected: { start: ["i"] },
  },
  "a sidecar with a startup probe is done when the probe succeeded": {
    pod: { initContainers: [sidecar("s", { startupProbe: probe }), "i"] },
    containers: [{ name: "s" }],
    expected: {},
  },
  "after the startup probe of a sidecar, the next one starts": {
    pod: { initContainers: [sidecar("s", { startupProbe: probe })] },
    containers: [{ name: "s" }],
    probes: { "s-0": { startup: "success" } },
    expected: { start: ["app"] },
  },
  "a sidecar whose startup probe failed restarts": {
    pod: { initContainers: [sidecar("s", { startupProbe: probe }), "i"] },
    containers: [{ name: "s" }],
    probes: { "s-0": { startup: "failure" } },
    expected: { kill: ["s startupProbe"], start: ["s"] },
  },
  "a sidecar whose liveness probe failed restarts, and the next init container starts nevertheless": {
    pod: { initContainers: [sidecar("s", { livenessProbe: probe }), "i"] },
    containers: [{ name: "s" }],
    probes: { "s-0": { liveness: "failure" } },
    expected: { kill: ["s livenessProbe"], start: ["s", "i"] },
  },
  "a sidecar whose image changed restarts": {
    pod: { initContainers: [sidecar("s")] },
    containers: [{ name: "s", hash: "old" }, {}],
    expected: { kill: ["s definitionChanged"], start: ["s"] },
  },
  "sidecars that ended restart at any time, whatever their exit code and the policy": {
    pod: { initContainers: [sidecar("s"), sidecar("t"), "i"], restartPolicy: "Never" },
    containers: [exited("s", 0), { name: "t", state: "unknown" }, { name: "i" }],
    expected: { kill: ["t unknownState"], start: ["s", "t"] },
  },
  "a sidecar that the runtime has lost restarts": {
    pod: { initContainers: [sidecar("s"), "i"] },
    containers: [{}],
    expected: { start: ["s"] },
  },
  "a sidecar restarts beside running regular containers": {
    pod: { initContainers: [sidecar("s")] },
    containers: [exited("s", 1), {}],
    expected: { start: ["s"] },
  },
  "sidecars do not keep a pod alive": {
    pod: { initContainers: [sidecar("s"), sidecar("t")], restartPolicy: "Never" },
    containers: [exited("s", 1), { name: "t" }, exited("app", 0)],
    expected: { killPod: true },
  },
  "the last sidecar starts again before a pod whose containers ended is stopped, as in the kubelet": {
    pod: { initContainers: [sidecar("s")], restartPolicy: "Never" },
    containers: [exited("s", 1), exited("app", 0)],
    expected: { start: ["s"] },
  },
  "with the policy Always, a container that succeeded restarts": {
    containers: [exited("app", 0)],
    expected: { start: ["app"] },
  },
  "with the policy OnFailure, only containers that failed restart": {
    pod: { restartPolicy: "OnFailure", containers: ["a", "b"] },
    containers: [exited("a", 0), exited("b", 1)],
    expected: { start: ["b"] },
  },
  "with the policy Never, a pod ends when no container runs": {
    pod: { restartPolicy: "Never", containers: ["a", "b"] },
    containers: [exited("a", 0), exited("b", 1)],
    expected: { killPod: true },
  },
  "with the policy Never, the others go on": {
    pod: { restartPolicy: "Never", containers: ["a", "b"] },
    containers: [exited("a", 1), { name: "b" }],
    expected: {},
  },
  "a container that was never created starts, whatever the policy": {
    pod: { restartPolicy: "Never", containers: ["a", "b"] },
    containers: [exited("a", 1)],
    expected: { start: ["b"] },
  },
  "a container's own policy decides before the pod's": {
    pod: { restartPolicy: "Always", containers: [{ name: "app", restartPolicy: "Never" }] },
    containers: [exited("app", 1)],
    expected: { killPod: true },
  },
  "a created container starts, whatever the policy": {
    pod: { restartPolicy: "Never" },
    containers: [{ state: "created" }],
    expected: { start: ["app"] },
  },
  "a container in an unknown state is killed before its restart": {
    containers: [{ state: "unknown" }],
    expected: { kill: ["app unknownState"], start: ["app"] },
  },
  "a container whose hash changed restarts, whatever the policy": {
    pod: { restartPolicy: "Never" },
    containers: [{ hash: "old" }],
    expected: { kill: ["app definitionChanged"], start: ["app"] },
  },
  "a container without a hash restarts": {
    containers: [{ hash: undefined }],
    expected: { kill: ["app definitionChanged"], start: ["app"] },
  },
  "a container whose liveness probe failed restarts": {
    pod: { containers: [{ name: "app", livenessProbe: probe }] },
    containers: [{}],
    probes: { "app-0": { liveness: "failure" } },
    expected: { kill: ["app livenessProbe"], start: ["app"] },
  },
  "with the policy Never, a container whose liveness probe failed does not restart": {
    pod: { restartPolicy: "Never", containers: [{ name: "app", livenessProbe: probe }, "b"] },
    containers: [{}, { name: "b" }],
    probes: { "app-0": { liveness: "failure" } },
    expected: { kill: ["app livenessProbe"] },
  },
  "with the policy Never, the failure of the only container's startup probe ends the pod": {
    pod: { restartPolicy: "Never", containers: [{ name: "app", startupProbe: probe }] },
    containers: [{}],
    probes: { "app-0": { startup: "failure" } },
    expected: { killPod: true, kill: ["app startupProbe"] },
  },
  "a container's own policy Never holds for probes as well": {
    pod: { containers: [{ name: "app", startupProbe: probe, restartPolicy: "Never" }, "b"] },
    containers: [{}, { name: "b" }],
    probes: { "app-0": { startup: "failure" } },
    expected: { kill: ["app startupProbe"] },
  },
  "results of probes that a container does not have do not count": {
    containers: [{}],
    probes: { "app-0": { liveness: "failure", startup: "failure" } },
    expected: {},
  },
  "a failed readiness probe kills nothing": {
    pod: { containers: [{ name: "app", readinessProbe: probe }] },
    containers: [{}],
    probes: { "app-0": { readiness: "failure" } },
    expected: {},
  },
  "ephemeral containers start once, also during the initialization": {
    pod: { initContainers: ["i"], ephemeralContainers: ["d", "e"] },
    containers: [{ name: "i" }, exited("d", 1)],
    expected: { start: ["e"] },
  },
  "old instances of init containers are removed, but not the newest": {
    pod: { initContainers: ["i"] },
    containers: [
      exited("i", 1),
      exited("i", 1, { restartCount: 1 }),
      exited("i", 1, { restartCount: 2 }),
      exited("app", 1),
    ],
    expected: { remove: ["i-1", "i-0"], start: ["i"] },
  },
  "a pod that is being stopped starts nothing": {
    pod: { initContainers: ["i"], ephemeralContainers: ["d"] },
    containers: [exited("i"), exited("app", 1)],
    state: { isTerminating: true },
    expected: { killPod: true },
  },
  "a pod that is being stopped gets no sandbox": {
    sandboxes: [],
    state: { isTerminating: true },
    expected: { killPod: true },
  },
  "a restart of all removes the cause last, and running containers are stopped": {
    pod: {
      initContainers: ["i", sidecar("s")],
      containers: [{ name: "a", ...restartAll }, "b"],
    },
    containers: [
      exited("i"),
      { name: "s" },
      exited("a", 42, { restartCount: 1 }),
      exited("a", 7),
      { name: "b" },
    ],
    state: { isRestartingAll: true },
    expected: { reset: ["a-0", "b-0 kill", "i-0", "s-0 kill", "a-1"] },
  },
  "after a restart of all, the pod starts anew": {
    pod: { initContainers: ["i"], containers: [{ name: "a", ...restartAll }] },
    expected: { start: ["i"] },
  },
  "rules without a policy of the container do not count": {
    pod: {
      restartPolicy: "Never",
      containers: [{ name: "a", restartPolicyRules: restartAll.restartPolicyRules ?? [] }],
    },
    containers: [exited("a", 7)],
    expected: { killPod: true },
  },
  "a rule with NotIn restarts a container": {
    pod: { restartPolicy: "Never", containers: [{ name: "a", ...restartAll }] },
    containers: [exited("a", 7)],
    expected: { start: ["a"] },
  },
  "a container to which no rule applies has its own policy": {
    pod: { containers: [{ name: "a", ...restartAll }] },
    containers: [exited("a", 2)],
    expected: { killPod: true },
  },
};

function summary(actions: PodActions): Required<Row["expected"]> {
  return {
    killPod: actions.killPod,
    createSandbox: actions.createSandbox,
    attempt: actions.sandboxAttempt,
    kill: actions.kill.map(({ name, reason }) => `${name} ${reason}`),
    reset: actions.reset.map(({ id, kill }) => (kill ? `${id} kill` : id)),
    remove: actions.remove,
    start: [...actions.startEphemeral, ...actions.startInit, ...actions.startRegular],
  };
}

function actionsOf({ pod, containers, sandboxes, probes = {}, state }: Row): PodActions {
  return podActions(podOf(pod), observedOf(containers, sandboxes), {
    isTerminating: false,
    isRestartingAll: false,
    probes: (id) => probes[id] && { ...passing, ...probes[id] },
    ...state,
  });
}

for (const [name, row] of Object.entries(rows)) {
  test(name, () => {
    const nothing = { killPod: false, createSandbox: false, kill: [], reset: [], remove: [], start: [] };
    const attempt = row.sandboxes?.[0]?.attempt ?? 0;
    assert.deepEqual(summary(actionsOf(row)), { ...nothing, attempt, ...row.expected });
  });
}

test("events of kills say whether the container restarts", () => {
  const messageOf = (row: Row) => actionsOf(row).kill[0]?.message;
  const container = { name: "app", livenessProbe: probe };
  const failed = { containers: [{}], probes: { "app-0": { liveness: "failure" } } } as const;
  assert.equal(
    messageOf({ pod: { containers: [container] }, ...failed, expected: {} }),
    "Container app failed liveness probe, will be restarted",
  );
  assert.equal(
    messageOf({ pod: { containers: [container], restartPolicy: "Never" }, ...failed, expected: {} }),
    "Container app failed liveness probe",
  );
});

test("the sandbox to start in is the newest one", () => {
  const sandboxes = [
    { id: "new", attempt: 1 },
    { id: "old", isReady: false },
  ];
  assert.equal(actionsOf({ sandboxes, expected: {} }).sandboxId, "new");
  assert.equal(actionsOf({ sandboxes: [], expected: {} }).sandboxId, undefined);
});
