import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { Container, ContainerSpec } from "../../../src/index.js";
import { until } from "../../support/waiting.js";
import { failed } from "./failed.js";
import { type PodSubject, stage } from "./subject.js";

/** Handles: what they do, how they are found, and how they are waited for. */
export function handleCases(subject: () => PodSubject): void {
  const main = (command: readonly string[], more?: Partial<ContainerSpec>): ContainerSpec => ({
    name: "main",
    image: subject().image,
    command,
    ...more,
  });

  test("a container is created, started, looked at, stopped and removed", async () => {
    await using it = stage(subject());
    const pod = await it.cri.pods.run(it.pod("life"));
    const container = await pod.createContainer(main(subject().commands.run));
    assert.equal((await container.status()).state, "created");
    await container.start();
    assert.equal((await container.wait({ until: "running" })).state, "running");
    assert.equal((await failed(container.start())).reason, "wrong_state");
    const stats = await container.stats();
    assert.deepEqual([stats.id, stats.podId, stats.podName], [container.id, pod.id, pod.name]);
    assert.ok(stats.memory);
    await container.stop({ gracePeriodMs: 5_000 });
    assert.equal((await container.wait()).state, "exited");
    assert.equal((await failed(container.wait({ until: "running" }))).reason, "wrong_state");
    await container.remove();
    await container.remove();
    assert.equal((await failed(container.status())).reason, "object_missing");
    assert.deepEqual(await pod.containers(), []);
  });

  test("waiting tells exit codes and signals, and hears deadlines, aborts and removals", async () => {
    await using it = stage(subject());
    const { commands } = subject();
    const pod = await it.cri.pods.run(it.pod("wait"));
    const three = await pod.runContainer(main(commands.exit(3)));
    const exited = await three.wait({ timeoutMs: 20_000 });
    assert.equal(exited.exitCode, 3);
    assert.equal(exited.reason, "Error");
    assert.equal(exited.signal, undefined);

    const stubborn = await pod.runContainer(main(commands.ignoreTerm, { name: "stubborn" }));
    assert.equal((await failed(stubborn.wait({ timeoutMs: 50 }))).reason, "deadline");
    const stop = new AbortController();
    const waiting = failed(stubborn.wait({ signal: stop.signal }));
    stop.abort();
    assert.equal((await waiting).reason, "aborted_by_caller");
    const seen = await stubborn.wait({ until: ({ state }) => state !== "created", timeoutMs: 10_000 });
    assert.equal(seen.state, "running");
    const ended = stubborn.wait({ timeoutMs: 20_000 });
    await stubborn.stop({ gracePeriodMs: 0 });
    assert.equal((await ended).exitCode, 137);
    assert.equal((await ended).signal, "SIGKILL");

    const going = await pod.runContainer(main(commands.run, { name: "going" }));
    const gone = failed(going.wait({ until: () => false, timeoutMs: 20_000 }));
    await going.remove();
    assert.equal((await gone).reason, "object_missing");
  });

  test("a pod is waited for until it is ready, until all has ended, until it is stopped", async () => {
    await using it = stage(subject());
    const pod = await it.cri.pods.run(it.pod("wait-pod"));
    const first = await pod.runContainer(main(subject().commands.run, { name: "first" }));
    const second = await pod.createContainer(main(subject().commands.run, { name: "second" }));
    assert.equal((await failed(pod.wait({ until: "ready", timeoutMs: 100 }))).reason, "deadline");
    const ready = pod.wait({ until: "ready", timeoutMs: 20_000 });
    await second.start();
    assert.equal((await ready).state, "ready");
    const exited = pod.wait({ until: "exited", timeoutMs: 20_000 });
    await Promise.all([first, second].map((container) => container.stop({ gracePeriodMs: 0 })));
    assert.equal((await exited).state, "ready");
    const stopped = pod.wait({ until: "stopped", timeoutMs: 20_000 });
    await pod.stop({ gracePeriodMs: 0 });
    assert.equal((await stopped)?.state, "notReady");
    assert.equal((await failed(pod.wait({ until: "ready" }))).reason, "wrong_state");
    await pod.remove();
    assert.equal(await pod.wait({ until: "stopped" }), undefined);
  });

  test("a name and attempt that are taken in the pod are refused, and the other runs on", async () => {
    await using it = stage(subject());
    const pod = await it.cri.pods.run(it.pod("taken-name"));
    const first = await pod.runContainer(main(subject().commands.run));
    const error = await failed(pod.runContainer(main(subject().commands.run)));
    assert.equal(error.reason, "name_reserved");
    assert.equal(error.existingId, first.id);
    assert.equal((await first.status()).state, "running");
  });

  test("a restart is a new container with the next attempt, and the log of the last stays", async () => {
    await using it = stage(subject());
    const pod = await it.cri.pods.run(it.pod("restart"));
    const first = await pod.runContainer(main(subject().commands.print("once\n")));
    await first.wait({ timeoutMs: 20_000 });
    const second = await first.restart();
    assert.equal(second.attempt, 1);
    assert.equal((await failed(first.status())).reason, "object_missing");
    assert.deepEqual(
      (await pod.containers()).map(({ id }) => id),
      [second.id],
    );
    const [found] = await pod.containers();
    assert.equal((await failed((found as Container).restart())).reason, "config_unknown");
  });

  test("things are found by id, by a beginning of it, by name and by labels", async () => {
    await using it = stage(subject());
    const { cri, owner } = it;
    const web = await cri.pods.run(it.pod("web", { labels: { app: owner } }));
    const db = await cri.pods.run(it.pod("db", { labels: { app: owner } }));
    const container = await web.runContainer(main(subject().commands.run, { labels: { tier: "front" } }));

    assert.equal((await cri.pods.get(web.id)).name, web.name);
    assert.equal((await cri.pods.get(web.id.slice(0, 20))).id, web.id);
    assert.equal((await failed(cri.pods.get("no-such-id"))).reason, "object_missing");
    assert.equal((await failed(cri.pods.get(""))).reason, "object_missing");
    assert.deepEqual(
      (await cri.pods.list({ labels: { app: owner } })).map(({ name }) => name),
      [db.name, web.name],
    );
    assert.deepEqual((await cri.pods.list({ owner, state: "notReady" })).length, 0);
    assert.equal((await cri.pods.find({ name: web.name, namespace: "cri-sdk-test" }))?.id, web.id);
    assert.equal(await cri.pods.find({ name: web.name }), undefined, "the namespace counts");

    const found = await cri.containers.get(container.id.slice(0, 20));
    assert.equal(found.id, container.id);
    assert.equal(found.pod.name, web.name);
    assert.deepEqual(
      (await cri.containers.list({ labels: { tier: "front" }, owner })).map(({ name }) => name),
      ["main"],
    );
    assert.deepEqual(await web.containers({ state: "exited" }), []);
    assert.equal((await failed(cri.containers.get("no-such-id"))).reason, "object_missing");
  });

  test("sessions, copies and updates go to the container of the handle", async () => {
    await using it = stage(subject());
    const { commands } = subject();
    await using pod = await it.cri.pods.run(it.pod("sessions"));
    const container = await pod.runContainer(main(commands.run));
    const done = await container.runCommand(commands.cat, { input: "twelve bytes", kill: false });
    assert.equal(done.stdout, "twelve bytes");
    const session = await container.exec(commands.print("a line"));
    assert.equal(String(await session.stdout?.toArray()), "a line");
    assert.equal((await session.exit).exitCode, 0);
    await container.update({ cpu: "500m", memory: "256Mi" });
    const resources = (await container.status()).message.resources?.linux;
    // Not every runtime tells resources, and none has to.
    if (resources) assert.equal(resources.memoryLimitInBytes, 268_435_456n);
    assert.equal((await failed(container.update({ cpu: "-1" }))).reason, "invalid_spec");
  });

  test("a pod's port is reached by connect() without a local port", async () => {
    await using it = stage(subject());
    await using pod = await it.cri.pods.run(it.pod("ports"));
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    await pod.runContainer(main(subject().commands.listen(port)));
    let reply = "";
    await until(
      async () => {
        const connection = await pod.connect(port).catch(() => undefined);
        if (!connection) return false;
        connection.on("error", () => {});
        connection.write("hello");
        reply = await new Promise<string>((resolve) => {
          connection.once("data", (chunk) => resolve(String(chunk)));
          connection.once("close", () => resolve(""));
        });
        connection.destroy();
        return reply !== "";
      },
      "the port answers",
      20_000,
    );
    assert.equal(reply, "hello");
  });

  test("a log is followed until the container has ended", async () => {
    await using it = stage(subject());
    const pod = await it.cri.pods.run(it.pod("follow"));
    const container = await pod.runContainer(main(subject().commands.tick));
    const texts: string[] = [];
    for await (const { text } of container.logs({ follow: true })) {
      texts.push(text);
      if (texts.length === 3) void pause(0).then(() => container.stop({ gracePeriodMs: 0 }));
    }
    assert.deepEqual(texts.slice(0, 3), ["tick 1", "tick 2", "tick 3"]);
  });

  test("a pod of somebody else's is adopted, and told when its config is not known", async () => {
    await using it = stage(subject());
    const { cri, owner } = it;
    const config = {
      metadata: { name: "theirs", namespace: "cri-sdk-test", uid: `uid-${owner}`, attempt: 0 },
      hostname: "theirs",
      logDirectory: `${subject().logRoot}/${owner}/theirs`,
      labels: { "cri-sdk/owner": owner },
      linux: {},
    };
    const { podSandboxId } = await cri.runtime.runPodSandbox({ config });
    const pod = await cri.pods.adopt(podSandboxId);
    const known = await pod.adopt();
    if (subject().tellsConfig) {
      assert.equal(known.from, "runtime");
      assert.equal(known.config.hostname, "theirs");
      assert.equal(known.config.logDirectory, config.logDirectory);
    } else {
      assert.equal(known.from, "status");
      assert.ok(known.missing.includes("logDirectory"));
      const error = await failed(pod.runContainer(main(subject().commands.run)));
      assert.equal(error.reason, "config_unknown");
    }
    const container = await pod.runContainer(main(subject().commands.run), { allowPartialConfig: true });
    assert.equal((await container.wait({ until: "running" })).state, "running");
  });
}
