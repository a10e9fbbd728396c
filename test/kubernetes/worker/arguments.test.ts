// Callers may have no compiler: each function refuses what it cannot use, and names it.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  decideRestart,
  podActions,
  podGraceSeconds,
  podStatus,
  RestartBackOff,
  terminationPlan,
} from "../../../src/kubernetes.js";
import { observedOf, podOf } from "../../support/observed-pods.js";

const pod = podOf();
const observed = observedOf();
const state = { isTerminating: false, isRestartingAll: false, probes: () => undefined };
const input = {
  nowMs: 0,
  node: { nodeIPs: [], runtimeName: "containerd", runtimeHandlers: {} },
  probes: () => undefined,
  waiting: {},
  terminationMessages: {},
};
const backOff = new RestartBackOff();

/** Calls without their types. */
const calls: Readonly<Record<string, () => unknown>> = {
  "podActions: pod must be a Pod with `spec.containers`": () => podActions({}, observed, state),
  "podActions: observed must be what": () => podActions(pod, Object({}), state),
  "podActions: isRestartingAll is required": () =>
    podActions(pod, observed, Object({ isTerminating: true, probes: () => undefined })),
  "podActions: hashes is not an option": () => podActions(pod, observed, Object({ ...state, hashes: {} })),
  "podStatus: pod must be a Pod": () => podStatus({}, observed, input),
  "podStatus: observed must be": () => podStatus(pod, Object(undefined), input),
  "podStatus: node must have nodeIPs": () => podStatus(pod, observed, { ...input, node: Object({}) }),
  "podStatus: terminated is not an option": () =>
    podStatus(pod, observed, Object({ ...input, terminated: true })),
  "podStatus: terminationMessages": () =>
    podStatus(pod, observed, { ...input, terminationMessages: Object({ id: 7 }) }),
  "podGraceSeconds: pod must be a Pod": () => podGraceSeconds({}),
  "podGraceSeconds: overrideSeconds must be a whole number of 0 or more": () =>
    podGraceSeconds(pod, { overrideSeconds: -1 }),
  "terminationPlan: graceSeconds must be": () => terminationPlan(pod, observed, { graceSeconds: 1.5 }),
  "terminationPlan: observed must be": () => terminationPlan(undefined, Object({})),
  "decideRestart: pod must be": () => decideRestart({}, { name: "app" }, observed, backOff, 0),
  "RestartBackOff: maxMs must be": () => new RestartBackOff({ maxMs: 0 }),
};

for (const [text, call] of Object.entries(calls))
  test(text, () => {
    assert.throws(call, (error: Error & { reason?: string }) => {
      assert.equal(error.reason, "invalid_option");
      const plain = (written: string) => written.replace(/[^\w]+/g, " ");
      assert.ok(plain(error.message).includes(plain(text).trim()), error.message);
      return true;
    });
  });
