// Statuses from what containerd 1.6.20 and 2.1.9 reported of containers that ended in different ways. recorded-ends.json has PodSandboxStatus
// and ContainerStatus messages of a pod in the host's network, recorded with this package.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import { podStatus } from "../../../src/kubernetes/status/pod-status.js";
import { podStatusJson } from "../../../src/kubernetes/status/status-json.js";
import { decideRestart, RestartBackOff } from "../../../src/kubernetes/worker/back-off.js";
import { observedPod } from "../../../src/kubernetes/worker/observation.js";
import { sandboxNeed } from "../../../src/kubernetes/worker/sandbox-need.js";
import type { ContainerState } from "../../../src/kubernetes.js";
import { ContainerStatusSchema, PodSandboxStatusSchema } from "../../../src/v1.js";
import { checkout } from "../../support/checkout.js";
import { podOf } from "../../support/observed-pods.js";

interface Recording {
  readonly sandboxes: Readonly<Record<"ready" | "stopped", JsonValue>>;
  readonly containers: Readonly<Record<string, JsonValue>>;
  readonly startErrors: Readonly<Record<string, string>>;
}

const file = join(checkout, "test/kubernetes/status/recorded-ends.json");
const recordings: Readonly<Record<string, Recording>> = JSON.parse(readFileSync(file, "utf8"));

/** By the name of the recording: exit code and reason, and the phase of a pod of this container with Never and with Always. */
const ends: Readonly<
  Record<string, readonly [exitCode: number, reason: string, never: string, always: string]>
> = {
  "exit-0": [0, "Completed", "Succeeded", "Running"],
  "exit-3": [3, "Error", "Failed", "Running"],
  segv: [139, "Error", "Failed", "Running"],
  sigterm: [143, "Error", "Failed", "Running"],
  sigkill: [137, "Error", "Failed", "Running"],
  oom: [137, "OOMKilled", "Failed", "Running"],
  "no-program": [128, "StartError", "Failed", "Running"],
  "bad-folder": [128, "StartError", "Failed", "Running"],
  "stopped-with-sandbox": [137, "Error", "Failed", "Running"],
};

for (const [runtime, { sandboxes, containers, startErrors }] of Object.entries(recordings)) {
  const observe = (name: string, sandbox: "ready" | "stopped" = "ready") => {
    const status = fromJson(ContainerStatusSchema, containers[name] ?? {});
    return observedPod(
      [fromJson(PodSandboxStatusSchema, sandboxes[sandbox])],
      [{ status, sandboxId: fromJson(PodSandboxStatusSchema, sandboxes.ready).id }],
    );
  };
  const nameOf = (name: string) => (name === "stopped-with-sandbox" ? "running" : name);
  const statusOf = (
    name: string,
    restartPolicy: string,
    waiting: Record<string, { reason: string; message: string }> = {},
  ) => {
    const pod = podOf({ hostNetwork: true, restartPolicy, containers: [nameOf(name)] });
    return podStatusJson(
      podStatus(pod, observe(name), {
        nowMs: Date.parse("2026-12-01T00:00:00Z"),
        node: { nodeIPs: ["192.0.2.1"], runtimeName: "containerd", runtimeHandlers: {} },
        probes: () => undefined,
        waiting,
        terminationMessages: {},
      }),
    );
  };

  for (const [name, [exitCode, reason, never, always]] of Object.entries(ends))
    test(`${runtime}: ${name}`, () => {
      const status = statusOf(name, "Never");
      assert.equal(status.phase, never);
      const [container] = status.containerStatuses ?? [];
      const { terminated } = container?.state ?? {};
      assert.deepEqual([terminated?.exitCode, terminated?.reason], [exitCode, reason]);
      assert.match(terminated?.finishedAt ?? "", /^2026-11-30T16:1\d:\d\dZ$/);
      assert.match(container?.containerID ?? "", /^containerd:\/\/[0-9a-f]{64}$/);
      assert.equal(container?.image, "registry.example/busybox:1");
      assert.match(container?.imageID ?? "", /^registry\.example\/busybox@sha256:[0-9a-f]{64}$/);
      assert.deepEqual([container?.ready, container?.started, container?.restartCount], [false, false, 0]);
      if (reason === "StartError") {
        assert.equal(terminated?.startedAt, "1970-01-01T00:00:00Z");
        assert.match(terminated?.message ?? "", /OCI runtime create failed/);
      } else assert.ok((terminated?.startedAt ?? "") <= (terminated?.finishedAt ?? ""));
      assert.equal(statusOf(name, "Always").phase, always);

      const message = "back-off 10s restarting failed container";
      const waiting = { [nameOf(name)]: { reason: "CrashLoopBackOff", message } };
      const crashing = statusOf(name, "Always", waiting);
      assert.equal(crashing.phase, "Running");
      const expected: ContainerState<string> = { waiting: { reason: "CrashLoopBackOff", message } };
      assert.deepEqual(crashing.containerStatuses?.[0]?.state, expected);
      assert.deepEqual(crashing.containerStatuses?.[0]?.lastState, { terminated });
    });

  test(`${runtime}: back-off begins with the recorded end`, () => {
    const pod = podOf({ hostNetwork: true, containers: ["exit-3"] });
    const [container] = pod.spec.containers;
    assert.ok(container);
    const observed = observe("exit-3");
    const [exited] = observed.containers;
    assert.ok(exited);
    const backOff = new RestartBackOff();
    const endMs = Number(exited.finishedAtNanos / 1_000_000n);
    assert.equal(decideRestart(pod, container, observed, backOff, endMs).start, true);
    const second = decideRestart(pod, container, observed, backOff, endMs + 1);
    assert.ok(!second.start);
    assert.equal(second.untilMs, endMs + 10_000);
  });

  test(`${runtime}: a running and a created container`, () => {
    const running = statusOf("running", "Always");
    assert.equal(running.phase, "Running");
    const [container] = running.containerStatuses ?? [];
    assert.deepEqual([container?.ready, container?.started], [true, true]);
    assert.match(container?.state?.running?.startedAt ?? "", /^2026-11-30T16:1\d:\d\dZ$/);
    // containerd reports users from 2.0 on.
    const user = { linux: { uid: 1000, gid: 1001, supplementalGroups: [1001, 2000] } };
    assert.deepEqual(container?.user, runtime === "containerd 2.1" ? user : undefined);
    const created = statusOf("created", "Never");
    assert.equal(created.phase, "Pending");
    assert.deepEqual(created.containerStatuses?.[0]?.state, { waiting: {} });
  });

  test(`${runtime}: the sandbox, ready and stopped`, () => {
    const pod = podOf({ hostNetwork: true });
    const { id } = fromJson(PodSandboxStatusSchema, sandboxes.ready);
    assert.deepEqual(sandboxNeed(pod, observe("running")), { isNeeded: false, attempt: 0, sandboxId: id });
    assert.deepEqual(sandboxNeed(pod, observe("running", "stopped")), {
      isNeeded: true,
      attempt: 1,
      sandboxId: id,
    });
    assert.equal(sandboxNeed(podOf(), observe("running")).isNeeded, true, "the other network");
  });

  test(`${runtime}: StartContainer fails with what the status says afterwards`, () => {
    for (const name of ["no-program", "bad-folder"]) {
      const { message = "" } = statusOf(name, "Never").containerStatuses?.[0]?.state?.terminated ?? {};
      assert.ok(message.startsWith(startErrors[name] ?? "none"), `${message} and ${startErrors[name]}`);
    }
  });
}
