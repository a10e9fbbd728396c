import assert from "node:assert/strict";
import { test } from "node:test";
import { isNewer } from "../../../src/kubelet/api-server/api-objects.js";
import { isSameJson, mergeListPatch } from "../../../src/kubelet/api-server/merge-lists.js";
import { mergePodStatus } from "../../../src/kubelet/api-server/merge-pod-status.js";
import { nodeStatusPatch } from "../../../src/kubelet/api-server/node-status-patch.js";
import { podReferences } from "../../../src/kubelet/api-server/pod-references.js";
import { podStatusPatch } from "../../../src/kubelet/api-server/pod-status-patch.js";
import { StatusPatches } from "../../../src/kubelet/api-server/status-patches.js";
import { ApiServerError } from "../../../src/kubelet/index.js";
import {
  type ContainerStatus,
  type PodSpec,
  type PodStatus,
  podStatusJson,
} from "../../../src/kubernetes/index.js";
import { boundPod, endedStatus, runningStatus } from "./source-host.js";

type Status = PodStatus<string>;

const start = new Date("2026-01-01T00:00:00Z");
const now = "2026-01-01T01:00:00Z";
const running = podStatusJson(runningStatus(start));
const ended = podStatusJson(endedStatus(start));
const podWith = (status: Status, spec: Partial<PodSpec> = {}) => ({ ...boundPod("web", spec), status });
const merged = (before: Status, computed: Status, spec: Partial<PodSpec> = {}) =>
  mergePodStatus(podWith(before, spec), computed, now);
const conditionTypes = ({ conditions = [] }: Status) =>
  conditions.map(({ type, status }) => `${type}=${status}`).sort();

test("values that an API server writes for missing ones are not a difference", () => {
  const asStored = {
    ...running,
    conditions: (running.conditions ?? []).map((condition) => ({ ...condition, lastProbeTime: null })),
    containerStatuses: (running.containerStatuses ?? []).map((status) => ({ ...status, lastState: {} })),
  } as unknown as Status;
  assert.equal(podStatusPatch(asStored, merged(asStored, running)), undefined);
  assert.equal(isSameJson({ a: null, b: [] }, { b: {} }), true);
  assert.equal(isSameJson({ a: [1, { b: 2 }] }, { a: [1, { b: 2 }] }), true);
  for (const other of [{ a: [1] }, { a: [{ b: 2 }, 1] }, { a: 1 }, {}, undefined, "a", 0])
    assert.equal(isSameJson({ a: [1, { b: 2 }] }, other), false, JSON.stringify(other));
});

test("list elements are patched by their key: changed ones with nulls for removed fields, added and deleted ones", () => {
  const before = [
    { type: "A", status: "False", reason: "Why", message: null },
    { type: "B", status: "True" },
    { type: "C", status: "True" },
  ];
  const after = [
    { type: "A", status: "True" },
    { type: "B", status: "True" },
    { type: "D", status: "True" },
  ];
  assert.deepEqual(mergeListPatch<{ type: string }>(before, after, "type"), [
    { type: "A", status: "True", reason: null },
    { type: "D", status: "True" },
    { $patch: "delete", type: "C" },
  ]);
  assert.equal(mergeListPatch<{ type: string }>(before, before, "type"), undefined);
});

test("conditions of others stay; those of the kubelet are added and removed, and their times change with their statuses", () => {
  const foreign = { type: "example.com/lb", status: "True" };
  const resize = { type: "PodResizePending", status: "True", reason: "Deferred" };
  const before = { ...running, conditions: [...(running.conditions ?? []), foreign, resize] };
  const later = podStatusJson(runningStatus(new Date("2026-01-01T00:30:00Z")));
  const status = merged(before, later);
  assert.deepEqual(conditionTypes(status), [
    ...["ContainersReady=True", "Initialized=True", "PodReadyToStartContainers=True", "PodScheduled=True"],
    ...["Ready=True", "example.com/lb=True"],
  ]);
  for (const { type, lastTransitionTime } of status.conditions ?? [])
    if (type !== foreign.type) assert.equal(lastTransitionTime, "2026-01-01T00:00:00Z");
  const patch = podStatusPatch(before, status);
  assert.deepEqual(patch?.conditions, [{ $patch: "delete", type: "PodResizePending" }]);
});

test("a rejected Pod without new conditions keeps the old ones, and is not ready", () => {
  const scheduled = { type: "PodScheduled", status: "True", lastTransitionTime: "2025-01-01T00:00:00Z" };
  const status = merged(
    { phase: "Pending", conditions: [scheduled] },
    { phase: "Failed", reason: "OutOfcpu", message: "no" },
  );
  assert.deepEqual(conditionTypes(status), ["ContainersReady=False", "PodScheduled=True", "Ready=False"]);
  assert.deepEqual([status.phase, status.reason], ["Failed", "OutOfcpu"]);
  const ready = status.conditions?.find(({ type }) => type === "Ready");
  assert.deepEqual([ready?.reason, ready?.lastTransitionTime], ["PodFailed", now]);
});

test("DisruptionTarget is reported with the end of the pod, and not before", () => {
  const disruption = { type: "DisruptionTarget", status: "True", reason: "TerminationByKubelet" };
  const evicted = { ...running, conditions: [...(running.conditions ?? []), disruption] };
  assert.ok(!conditionTypes(merged(running, evicted)).includes("DisruptionTarget=True"));
  const over = { ...evicted, phase: "Failed", reason: "Evicted" };
  assert.ok(conditionTypes(merged(running, over)).includes("DisruptionTarget=True"));
});

test("ended containers start again only if their restart policy allows it", () => {
  const waiting = (old: Status): Status => ({
    ...running,
    containerStatuses: (old.containerStatuses ?? []).map(
      (status): ContainerStatus<string> => ({
        ...status,
        state: { waiting: { reason: "ContainerCreating" } },
      }),
    ),
  });
  const failed = podStatusJson(endedStatus(start, 1));
  const stateOf = (before: Status, spec: Partial<PodSpec>) =>
    Object.keys(
      merged({ ...before, phase: "Running" }, waiting(before), spec).containerStatuses?.[0]?.state ?? {},
    )[0];
  assert.equal(stateOf(ended, { restartPolicy: "Always" }), "waiting");
  assert.equal(stateOf(ended, { restartPolicy: "OnFailure" }), "terminated");
  assert.equal(stateOf(failed, { restartPolicy: "OnFailure" }), "waiting");
  assert.equal(stateOf(failed, { restartPolicy: "Never" }), "terminated");
  const own = [{ name: "main", image: "busybox", restartPolicyRules: [] }];
  assert.equal(stateOf(failed, { restartPolicy: "Never", containers: own as never }), "waiting");
  assert.equal(
    stateOf(ended, {
      restartPolicy: "Never",
      containers: [{ name: "main", image: "busybox", restartPolicy: "Always" }],
    }),
    "waiting",
  );
});

test("a phase that is an end stays, with its reason; fields of others stay", () => {
  const before = { ...ended, reason: "Done", nominatedNodeName: "x" };
  const status = merged(before, { ...running, message: "new" });
  assert.deepEqual([status.phase, status.reason, status.message], ["Succeeded", "Done", undefined]);
  assert.equal(status.nominatedNodeName, "x");
  assert.ok(conditionTypes(status).includes("Ready=False"));
});

test("resources of a Node that others have added stay, and addresses are replaced in their order", () => {
  const conditions = [{ type: "Ready", status: "True", lastHeartbeatTime: now }];
  const known = {
    capacity: { cpu: "2", "example.com/gpu": "1" },
    conditions: [
      { type: "Ready", status: "True" },
      { type: "NetworkUnavailable", status: "False" },
    ],
    addresses: [{ type: "InternalIP", address: "10.0.0.1" }],
    images: [],
  };
  const addresses = [
    { type: "InternalIP", address: "10.0.0.2" },
    { type: "InternalIP", address: "fd00::2" },
  ];
  assert.deepEqual(nodeStatusPatch({ capacity: { cpu: "4" }, conditions, addresses, images: [] }, known), {
    capacity: { cpu: "4" },
    conditions,
    addresses: [{ $patch: "replace" }, ...addresses],
  });
});

test("fields that an older API server does not know are left out of later patches", async () => {
  const sent: string[][] = [];
  const client = {
    async request<T>(_method: string, _path: string, { body }: { body?: object } = {}): Promise<T> {
      const { status = {} } = (body ?? {}) as { status?: object };
      sent.push(Object.keys(status));
      for (const name of ["hostIPs", "runtimeHandlers"])
        if (name in status) {
          const text = `PATCH x: unable to find api field in struct PodStatus for the json field "${name}"`;
          throw new ApiServerError(text, { status: 500 });
        }
      if ("bad" in status) throw new ApiServerError("another error", { status: 500 });
      return {} as T;
    },
  };
  const patches = new StatusPatches({ client });
  const { signal } = new AbortController();
  const status = { phase: "Running", hostIPs: [], runtimeHandlers: [] };
  await patches.send("/x", { status }, { signal });
  await patches.send("/x", { status }, { signal });
  assert.deepEqual(sent, [
    ["phase", "hostIPs", "runtimeHandlers"],
    ["phase", "runtimeHandlers"],
    ["phase"],
    ["phase"],
  ]);
  await assert.rejects(patches.send("/x", { status: { bad: 1 } }, { signal }), /another error/);
});

test("all ConfigMaps and Secrets of a Pod are found, each once", () => {
  const names = podReferences({
    spec: {
      containers: [
        { name: "a", env: [{ name: "A", valueFrom: { secretKeyRef: { name: "s1", key: "k" } } }] },
        { name: "b", envFrom: [{ configMapRef: { name: "c1" } }] },
      ],
      initContainers: [
        { name: "i", env: [{ name: "A", valueFrom: { configMapKeyRef: { name: "c2", key: "k" } } }] },
      ],
      ephemeralContainers: [{ name: "e", envFrom: [{ secretRef: { name: "s2" } }] }],
      imagePullSecrets: [{ name: "pull" }, { name: "s1" }],
      volumes: [
        { name: "v1", configMap: { name: "c1" } },
        { name: "v2", secret: { secretName: "s3" } },
        {
          name: "v3",
          projected: { sources: [{ configMap: { name: "kube-root-ca.crt" } }, { secret: { name: "s3" } }] },
        },
        { name: "v4", emptyDir: {} },
      ],
    },
  }).map(({ resource, name }) => `${resource}/${name}`);
  assert.deepEqual(names.sort(), [
    ...["configmaps/c1", "configmaps/c2", "configmaps/kube-root-ca.crt"],
    ...["secrets/pull", "secrets/s1", "secrets/s2", "secrets/s3"],
  ]);
});

test("versions are compared as numbers", () => {
  assert.equal(isNewer("10", "9"), true);
  assert.equal(isNewer("9", "10"), false);
  assert.equal(isNewer("10", "10"), false);
  assert.equal(isNewer("1", undefined), true);
  assert.equal(isNewer(undefined, "1"), false);
});

test("an error of the API server keeps its HTTP status in copies, and is identified by its reason", () => {
  const error = new ApiServerError("GET /x: gone", {
    status: 410,
    statusReason: "Expired",
    retryAfterMs: 1_000,
  });
  const copy = error.with({ hint: "List again" });
  assert.ok(copy instanceof ApiServerError);
  assert.deepEqual(
    [copy.status, copy.statusReason, copy.retryAfterMs, copy.code, copy.hint, copy.rawMessage],
    [410, "Expired", 1_000, "out_of_range", "List again", "GET /x: gone"],
  );
  assert.equal(new ApiServerError("no answer").code, "unavailable");
  assert.equal(new ApiServerError("busy", { status: 503 }).code, "unavailable");
  assert.throws(() => new ApiServerError(1 as never), { reason: "invalid_option" });
  assert.throws(() => new ApiServerError("x", [] as never), { reason: "invalid_option" });
});
