import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { isCriError, type RpcInterceptor } from "../../../src/index.js";
import { ownProcessIdentity } from "../../../src/pods/process-identity.js";
import { failure } from "../failure.js";
import { until } from "../waiting.js";
import { type PodSubject, stage } from "./subject.js";

/** The time after which a clean-up that continues in the background has ended, on a busy machine. */
const cleanUpMs = 60_000;

/** Running pods and containers, and rolling back. */
export function runCases(subject: () => PodSubject): void {
  test("a pod runs with the kubelet's labels, and removing it leaves nothing behind", async () => {
    await using it = stage(subject());
    const spec = it.pod("plain", { labels: { app: "web" }, annotations: { note: "a" } });
    const pod = await it.cri.pods.run(spec);
    assert.equal(pod.name, spec.name);
    assert.equal(pod.attempt, 0);
    assert.match(pod.uid, /^[0-9a-f]{8}-[0-9a-f]{4}-/);
    assert.ok(pod.ip, "no address");
    assert.ok(pod.createdAt && pod.createdAt.getTime() > 1.7e12);
    assert.equal(pod.labels["io.kubernetes.pod.name"], spec.name);
    assert.equal(pod.labels["io.kubernetes.pod.namespace"], "cri-sdk-test");
    assert.equal(pod.labels["io.kubernetes.pod.uid"], pod.uid);
    assert.equal(pod.labels.app, "web");
    assert.equal(pod.labels["cri-sdk/owner"], it.owner);
    const status = await pod.status();
    assert.equal(status.state, "ready");
    assert.deepEqual(status.ips, [pod.ip]);
    await pod.stop({ gracePeriodMs: 0 });
    assert.equal((await pod.status()).state, "notReady");
    await pod.remove();
    await pod.remove();
    assert.equal((await failure(pod.status())).reason, "object_missing");
    assert.deepEqual(await it.leftovers(), []);
  });

  test("the end of `await using` removes a pod and its containers", async () => {
    await using it = stage(subject());
    {
      await using pod = await it.cri.pods.run(it.pod("scope"));
      await pod.runContainer({
        name: "main",
        image: subject().image,
        command: subject().commands.ignoreTerm,
      });
    }
    assert.deepEqual(await it.leftovers(), []);
  });

  test("an invalid spec is rejected with all its paths before any RPC", async () => {
    const sent: string[] = [];
    const counting: RpcInterceptor = (next) => (request) => {
      sent.push(request.method.name);
      return next(request);
    };
    await using it = stage(subject(), { interceptors: [counting] });
    const invalid = { name: "Not A Name", namespace: "a/b", ports: [{ containerPort: 70_000 }] };
    const error = await failure(it.cri.pods.run(invalid));
    assert.equal(error.reason, "invalid_spec");
    assert.deepEqual(error.problems.map(({ path }) => path).sort(), [
      "name",
      "namespace",
      "ports[0].containerPort",
    ]);
    assert.deepEqual(sent, []);
  });

  test("a pod with an identity that exists is rejected, and the existing one stays", async () => {
    await using it = stage(subject());
    const spec = it.pod("taken", { uid: randomUUID() });
    const pod = await it.cri.pods.run(spec);
    const error = await failure(it.cri.pods.run(spec));
    assert.equal(error.reason, "name_reserved");
    assert.equal(error.existingId, pod.id);
    assert.equal((await pod.status()).state, "ready");
  });

  test("a container runs in one step, with its image, its log and its labels", async () => {
    await using it = stage(subject());
    const { image, commands } = subject();
    const container = await it.cri.pods.runContainer(it.pod("one-step"), {
      name: "main",
      image,
      command: commands.print("to stdout\n", "to stderr\n"),
      env: { A: "b" },
    });
    const exited = await container.wait({ timeoutMs: 20_000 });
    assert.equal(exited.exitCode, 0);
    assert.equal(exited.reason, "Completed");
    assert.equal(exited.oomKilled, false);
    assert.ok(exited.startedAt && exited.finishedAt, "no times");
    assert.equal(container.labels["io.kubernetes.container.name"], "main");
    assert.equal(container.labels["io.kubernetes.pod.uid"], container.pod.uid);
    const lines = [];
    for await (const entry of container.logs()) lines.push(`${entry.stream}: ${entry.text}`);
    assert.deepEqual(lines.sort(), ["stderr: to stderr", "stdout: to stdout"]);
    await container.pod.remove();
    assert.deepEqual(await it.leftovers(), []);
  });

  test("a failure run leaves nothing behind and rejects with the first cause", async () => {
    await using it = stage(subject());
    const { image, missingImage } = subject();
    const pod = await it.cri.pods.run(it.pod("stays"));
    const command = ["/no/such/program"];
    assert.equal(
      (await failure(pod.runContainer({ name: "main", image, command }))).reason,
      "exec_not_started",
    );
    assert.deepEqual(await pod.containers(), []);
    const absent = { name: "main", image: missingImage, pullPolicy: "Never" as const };
    const error = await failure(it.cri.pods.runContainer(it.pod("rolled-back"), absent));
    assert.equal(error.reason, "image_missing");
    assert.deepEqual(error.leftovers, []);
    assert.ok(
      isCriError(
        await failure(it.cri.pods.runContainer(it.pod("rolled-back"), { name: "main", image: missingImage })),
      ),
    );
    await pod.remove();
    assert.deepEqual(await it.leftovers(), []);
  });

  test("a run that is aborted or exceeds its deadline leaves nothing behind, in the end", async () => {
    await using it = stage(subject());
    const stop = new AbortController();
    stop.abort();
    assert.equal(
      (await failure(it.cri.pods.run(it.pod("aborted"), { signal: stop.signal }))).reason,
      "aborted_by_caller",
    );
    for (const timeoutMs of [1, 10, 40, 120]) {
      const container = { name: "main", image: subject().image, command: subject().commands.run };
      const run = it.cri.pods.runContainer(it.pod(`late-${timeoutMs}`), container, { timeoutMs });
      // A fast machine may meet the deadline.
      await run.then(
        (made) => made.pod.remove(),
        (error: unknown) => assert.equal(isCriError(error) && error.reason, "deadline"),
      );
    }
    await until(
      async () => (await it.leftovers()).length === 0,
      "the clean-ups in the background",
      cleanUpMs,
    );
  });

  test("a container whose creation or start is aborted is removed, and a later call creates it", async () => {
    const abortAt = { method: "", delayMs: 0, stop: new AbortController() };
    const aborting: RpcInterceptor = (next) => (request) => {
      const { method, delayMs, stop } = abortAt;
      if (request.method.name === method) void pause(delayMs).then(() => stop.abort());
      return next(request);
    };
    await using it = stage(subject(), { interceptors: [aborting] });
    const spec = { name: "main", image: subject().image, command: subject().commands.run };
    const pod = await it.cri.pods.run(it.pod("aborted-start"));
    for (const method of ["CreateContainer", "StartContainer"])
      for (const delayMs of [0, 4, 16, 64]) {
        Object.assign(abortAt, { method, delayMs, stop: new AbortController() });
        const { signal } = abortAt.stop;
        const run = pod.runContainer(spec, { signal });
        // A call that was faster than its abort keeps its container.
        const made = await run.catch((error: unknown) => {
          assert.equal(isCriError(error) && error.reason, "aborted_by_caller");
        });
        abortAt.method = "";
        await made?.remove();
        const next = await pod.runContainer(spec);
        assert.equal((await next.status()).state, "running");
        assert.equal((await pod.containers()).length, 1);
        await next.remove();
      }
    await pod.remove();
    await until(
      async () => (await it.leftovers()).length === 0,
      "the clean-ups in the background",
      cleanUpMs,
    );
  });

  test("run() replaces what a dead process left under the name", async () => {
    await using it = stage(subject());
    const spec = it.pod("again");
    const dead = ownProcessIdentity().replace(/\d+$/, "1");
    const orphan = await it.cri.runtime.runPodSandbox({
      config: {
        metadata: { name: spec.name, namespace: "cri-sdk-test", uid: randomUUID(), attempt: 0 },
        labels: {
          "io.kubernetes.pod.name": spec.name,
          "io.kubernetes.pod.namespace": "cri-sdk-test",
          "cri-sdk/owner": it.owner,
        },
        annotations: { "cri-sdk/owner-process": dead },
        linux: {},
      },
    });
    const pod = await it.cri.pods.run(spec);
    const ids = (await it.cri.pods.list({ name: spec.name })).map(({ id }) => id);
    assert.deepEqual(ids, [pod.id]);
    assert.notEqual(pod.id, orphan.podSandboxId);
  });
}
