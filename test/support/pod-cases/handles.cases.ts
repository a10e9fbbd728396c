import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { Container, ContainerSpec } from "../../../src/index.js";
import type { LogReader } from "../../../src/logs.js";
import { Protocol } from "../../../src/v1.js";
import { failure } from "../failure.js";
import { until } from "../waiting.js";
import { type PodSubject, stage } from "./subject.js";

async function linesOf(reader: LogReader): Promise<string[]> {
  const lines = [];
  for await (const { text } of reader) lines.push(text);
  return lines;
}

/** Handles: their operations, lookups and waits. */
export function handleCases(subject: () => PodSubject): void {
  const main = (command: readonly string[], more?: Partial<ContainerSpec>): ContainerSpec => ({
    name: "main",
    image: subject().image,
    command,
    ...more,
  });

  test("a container is created, started, stopped and removed", async () => {
    await using it = stage(subject());
    const pod = await it.cri.pods.run(it.pod("lifecycle"));
    const container = await pod.createContainer(main(subject().commands.run));
    assert.equal((await container.status()).state, "created");
    await container.start();
    assert.equal((await container.wait({ until: "running" })).state, "running");
    assert.equal((await failure(container.start())).reason, "wrong_state");
    const stats = await container.stats();
    assert.deepEqual([stats.id, stats.podId, stats.podName], [container.id, pod.id, pod.name]);
    assert.ok(stats.memory);
    await container.stop({ gracePeriodMs: 5_000 });
    assert.equal((await container.wait()).state, "exited");
    assert.equal((await failure(container.wait({ until: "running" }))).reason, "wrong_state");
    await container.remove();
    await container.remove();
    assert.equal((await failure(container.status())).reason, "object_missing");
    assert.deepEqual(await pod.containers(), []);
  });

  test("wait() returns exit codes and signals, and rejects at deadlines, aborts and removals", async () => {
    await using it = stage(subject());
    const { commands } = subject();
    const pod = await it.cri.pods.run(it.pod("wait"));
    const three = await pod.runContainer(main(commands.exit(3)));
    const exited = await three.wait({ timeoutMs: 20_000 });
    assert.equal(exited.exitCode, 3);
    assert.equal(exited.reason, "Error");
    assert.equal(exited.signal, undefined);

    const stubborn = await pod.runContainer(main(commands.ignoreTerm, { name: "stubborn" }));
    assert.equal((await failure(stubborn.wait({ timeoutMs: 50 }))).reason, "deadline");
    const stop = new AbortController();
    const waiting = failure(stubborn.wait({ signal: stop.signal }));
    stop.abort();
    assert.equal((await waiting).reason, "aborted_by_caller");
    const snapshot = await stubborn.wait({ until: ({ state }) => state !== "created", timeoutMs: 10_000 });
    assert.equal(snapshot.state, "running");
    const ended = stubborn.wait({ timeoutMs: 20_000 });
    await stubborn.stop({ gracePeriodMs: 0 });
    assert.equal((await ended).exitCode, 137);
    assert.equal((await ended).signal, "SIGKILL");

    const removed = await pod.runContainer(main(commands.run, { name: "removed" }));
    const rejected = failure(removed.wait({ until: () => false, timeoutMs: 20_000 }));
    await removed.remove();
    assert.equal((await rejected).reason, "object_missing");
  });

  test("a pod runs commands in and reads logs of its only container, or of the named one", async () => {
    await using it = stage(subject());
    const { commands } = subject();
    const pod = await it.cri.pods.run(it.pod("in-pod"));
    assert.equal((await failure(pod.runCommand(commands.pwd))).reason, "object_missing");
    const ended = await pod.runContainer(main(commands.print("from ended\n"), { name: "ended" }));
    await ended.wait({ timeoutMs: 20_000 });
    assert.deepEqual(await linesOf(pod.logs()), ["from ended"]);
    const first = await pod.runContainer(main(commands.run, { name: "first", env: { WHO: "first" } }));
    // The exited one does not count, since commands need a running container.
    assert.equal((await pod.runCommand(commands.env("WHO"))).stdout, "first\n");
    const session = await pod.exec(commands.print("streamed"), { stderr: false });
    assert.equal(Buffer.concat((await session.stdout?.toArray()) ?? []).toString(), "streamed");

    await pod.runContainer(main(commands.run, { name: "second", env: { WHO: "second" } }));
    const ambiguous = await failure(pod.runCommand(commands.pwd));
    assert.equal(ambiguous.reason, "invalid_option");
    assert.match(
      ambiguous.message,
      /^pod\.runCommand: container is required, .* has the containers first, second/,
    );
    assert.equal((await failure(linesOf(pod.logs()))).reason, "invalid_option");
    const named = { container: "second", timeoutMs: 20_000 };
    assert.equal((await pod.runCommand(commands.env("WHO"), named)).stdout, "second\n");
    assert.deepEqual(await linesOf(pod.logs({ container: "ended" })), ["from ended"]);
    assert.equal((await failure(pod.exec(commands.pwd, { container: "third" }))).reason, "object_missing");
    assert.equal(
      (await failure(pod.exec(commands.pwd, { contaner: "first" } as object))).reason,
      "invalid_option",
    );

    const found = await it.cri.containers.find({ name: "first", owner: it.owner });
    assert.deepEqual([found?.id, found?.pod.id], [first.id, pod.id]);
    assert.equal(await it.cri.containers.find({ name: "third", owner: it.owner }), undefined);
    const { runtimeName, runtimeApiVersion } = await it.cri.version();
    assert.deepEqual([runtimeName.length > 0, runtimeApiVersion], [true, "v1"]);
  });

  test("kill() sends signals to the main process", async () => {
    await using it = stage(subject());
    const { commands } = subject();
    const pod = await it.cri.pods.run(it.pod("kill"));
    const killed = await pod.runContainer(main(commands.run));
    await killed.kill();
    assert.equal((await killed.wait({ timeoutMs: 20_000 })).exitCode, 137);
    assert.equal((await failure(killed.kill("SIGHUP"))).reason, "wrong_state");
    assert.equal((await failure(killed.kill("HUP" as "SIGHUP"))).reason, "invalid_option");
    await killed.kill();

    const isScripted = commands.run[0] === "run";
    const trap = "trap 'exit 7' HUP; echo ready; while :; do sleep 0.1; done";
    const command = isScripted ? commands.run : ["sh", "-c", trap];
    const trapping = await pod.runContainer(main(command, { name: "trapping" }));
    if (isScripted) {
      // The program is a function of this process.
      assert.equal((await failure(trapping.kill("SIGHUP"))).reason, "signal_not_sent");
      return;
    }
    for await (const { text } of trapping.logs({ follow: true })) if (text === "ready") break;
    await trapping.kill("SIGHUP");
    assert.equal((await trapping.wait({ timeoutMs: 20_000 })).exitCode, 7);
  });

  test("events of containers have their pod", async () => {
    await using it = stage(subject());
    const events = it.cri.events.read({ signal: AbortSignal.timeout(60_000) });
    // The subscription begins with the first `next()`.
    for (let next = await events.next(); next.value?.type !== "resync"; ) next = await events.next();
    const container = await it.cri.pods.runContainer(it.pod("event-pod"), main(subject().commands.exit(0)));
    const { pod } = container;
    const types = [];
    for await (const event of events) {
      if (!("kind" in event) || event.kind !== "container" || event.id !== container.id) continue;
      types.push(event.type);
      const expected = [pod.id, pod.name, "cri-sdk-test"];
      assert.deepEqual([event.pod?.id, event.pod?.name, event.pod?.namespace], expected);
      if (event.type === "stopped") break;
    }
    assert.ok(types.includes("created"));
  });

  test("wait() for a pod: until it is ready, until all containers exited, until it is stopped", async () => {
    await using it = stage(subject());
    const pod = await it.cri.pods.run(it.pod("wait-pod"));
    const first = await pod.runContainer(main(subject().commands.run, { name: "first" }));
    const second = await pod.createContainer(main(subject().commands.run, { name: "second" }));
    assert.equal((await failure(pod.wait({ until: "ready", timeoutMs: 100 }))).reason, "deadline");
    const ready = pod.wait({ until: "ready", timeoutMs: 20_000 });
    await second.start();
    assert.equal((await ready).state, "ready");
    const exited = pod.wait({ until: "exited", timeoutMs: 20_000 });
    await Promise.all([first, second].map((container) => container.stop({ gracePeriodMs: 0 })));
    assert.equal((await exited).state, "ready");
    const stopped = pod.wait({ until: "stopped", timeoutMs: 20_000 });
    await pod.stop({ gracePeriodMs: 0 });
    assert.equal((await stopped)?.state, "notReady");
    assert.equal((await failure(pod.wait({ until: "ready" }))).reason, "wrong_state");
    await pod.remove();
    assert.equal(await pod.wait({ until: "stopped" }), undefined);
  });

  test("a container with a name and attempt that exist is rejected, and the existing one keeps running", async () => {
    await using it = stage(subject());
    const pod = await it.cri.pods.run(it.pod("taken-name"));
    const first = await pod.runContainer(main(subject().commands.run));
    const error = await failure(pod.runContainer(main(subject().commands.run)));
    assert.equal(error.reason, "name_reserved");
    assert.equal(error.existingId, first.id);
    assert.equal((await first.status()).state, "running");
  });

  test("restart() creates a container with the next attempt and keeps the old log", async () => {
    await using it = stage(subject());
    const pod = await it.cri.pods.run(it.pod("restart"));
    const first = await pod.runContainer(main(subject().commands.print("once\n")));
    await first.wait({ timeoutMs: 20_000 });
    const second = await first.restart();
    assert.equal(second.attempt, 1);
    assert.equal((await failure(first.status())).reason, "object_missing");
    assert.deepEqual(
      (await pod.containers()).map(({ id }) => id),
      [second.id],
    );
    const [found] = await pod.containers();
    assert.equal((await failure((found as Container).restart())).reason, "config_unknown");
  });

  test("pods and containers are found by id, id prefix, name and labels", async () => {
    await using it = stage(subject());
    const { cri, owner } = it;
    const web = await cri.pods.run(it.pod("web", { labels: { app: owner } }));
    const db = await cri.pods.run(it.pod("db", { labels: { app: owner } }));
    const container = await web.runContainer(main(subject().commands.run, { labels: { tier: "front" } }));

    assert.equal((await cri.pods.get(web.id)).name, web.name);
    assert.equal((await cri.pods.get(web.id.slice(0, 20))).id, web.id);
    assert.equal((await failure(cri.pods.get("no-such-id"))).reason, "object_missing");
    assert.equal((await failure(cri.pods.get(""))).reason, "object_missing");
    assert.deepEqual(
      (await cri.pods.list({ labels: { app: owner } })).map(({ name }) => name),
      [db.name, web.name],
    );
    assert.deepEqual((await cri.pods.list({ owner, state: "notReady" })).length, 0);
    assert.equal((await cri.pods.find({ name: web.name, namespace: "cri-sdk-test" }))?.id, web.id);
    assert.equal(await cri.pods.find({ name: web.name }), undefined, "in the default namespace");

    const found = await cri.containers.get(container.id.slice(0, 20));
    assert.equal(found.id, container.id);
    assert.equal(found.pod.name, web.name);
    assert.deepEqual(
      (await cri.containers.list({ labels: { tier: "front" }, owner })).map(({ name }) => name),
      ["main"],
    );
    assert.deepEqual(await web.containers({ state: "exited" }), []);
    assert.equal((await failure(cri.containers.get("no-such-id"))).reason, "object_missing");
  });

  test("sessions and updates reach the container of the handle", async () => {
    await using it = stage(subject());
    const { commands } = subject();
    await using pod = await it.cri.pods.run(it.pod("sessions"));
    const container = await pod.runContainer(main(commands.run));
    const done = await container.runCommand(commands.cat, { input: "twelve bytes" });
    assert.equal(done.stdout, "twelve bytes");
    const session = await container.exec(commands.print("a line"));
    assert.equal(String(await session.stdout?.toArray()), "a line");
    assert.equal((await session.ended).exitCode, 0);
    await container.update({ cpu: "500m", memory: "256Mi" });
    const resources = (await container.status()).message.resources?.linux;
    // Reporting resources is optional in CRI.
    if (resources) assert.equal(resources.memoryLimitInBytes, 268_435_456n);
    assert.equal((await failure(container.update({ cpu: "-1" }))).reason, "invalid_spec");
  });

  test("connect() reaches a port of a pod without a local port", async () => {
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
      "a response from the port",
      20_000,
    );
    assert.equal(reply, "hello");
  });

  test("a followed log ends when the container exited", async () => {
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

  test("a pod of another client is adopted, with all of its config that containers need", async () => {
    await using it = stage(subject());
    const { cri, owner } = it;
    const config = {
      metadata: { name: "theirs", namespace: "cri-sdk-test", uid: `uid-${owner}`, attempt: 0 },
      hostname: "theirs",
      logDirectory: `${subject().logRoot}/${owner}/theirs`,
      labels: { "cri-sdk/owner": owner },
      portMappings: subject().reportsConfig
        ? []
        : [{ hostPort: 8_080, containerPort: 80, protocol: Protocol.UDP }],
      linux: { sysctls: { "net.ipv4.ip_unprivileged_port_start": "0" } },
    };
    const { podSandboxId } = await cri.runtime.runPodSandbox({ config });
    const pod = await cri.pods.adopt(podSandboxId);
    const known = await pod.adopt();
    assert.equal(known.from, subject().reportsConfig ? "runtime" : "status");
    assert.equal(known.missing.includes("dnsConfig"), !subject().reportsConfig);
    assert.equal(known.config.hostname, "theirs");
    assert.equal(known.config.logDirectory, config.logDirectory);
    // Runtimes add some of their own.
    assert.equal(known.config.linux?.sysctls["net.ipv4.ip_unprivileged_port_start"], "0");
    assert.deepEqual(
      known.config.portMappings.map(({ hostPort, containerPort, protocol }) => ({
        hostPort,
        containerPort,
        protocol,
      })),
      config.portMappings,
    );
    const container = await pod.runContainer(main(subject().commands.print("read back\n")));
    await container.wait({ timeoutMs: 20_000 });
    const lines = [];
    for await (const { text } of container.logs()) lines.push(text);
    assert.deepEqual(lines, ["read back"]);
    await pod.remove();
  });
}
