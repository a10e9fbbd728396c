// The feed: what a page gets when it opens, and the changes after that.
import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { WebSocket } from "ws";
import { Feed } from "../../examples/console/server/feed.js";
import { criError } from "../../src/core/index.js";
import { type Cri, connect } from "../../src/index.js";
import { EmbeddedRuntime } from "../../src/testing/index.js";
import { cleanup } from "../support/cleanup.js";
import { openConsole } from "../support/console.js";
import { busybox, sandboxConfig, scripted, start } from "../support/embedded.js";
import { tempFolder } from "../support/temp.js";
import { until } from "../support/waiting.js";

test("a page gets the whole state first, and then what changes", async (t) => {
  const { cri } = await scripted(t);
  const { containerId, podSandboxId } = await start(cri, ["run"], "first");
  const own = await openConsole(t, cri);
  await until(async () => {
    const { containers, usage } = await (await own.feed()).start();
    return containers.length === 1 && usage.length === 1;
  }, "the container and its usage are known");
  const feed = await own.feed();
  const { node, pods, containers, usage, series, connection } = await feed.start();
  assert.deepEqual(connection, { connected: true });
  assert.equal(node.runtimeName, "cri-sdk-embedded");
  assert.equal(node.readOnly, false);
  assert.deepEqual(
    pods.map(({ id, name, namespace, state }) => ({ id, name, namespace, state })),
    [{ id: podSandboxId, name: "first", namespace: "test", state: "ready" }],
  );
  const [container] = containers;
  assert.equal(container?.id, containerId);
  assert.equal(container?.state, "running");
  assert.equal(usage[0]?.[0], container?.key);
  assert.equal(usage[0]?.[2], 1_048_576);
  assert.equal(series.rows[0]?.[2].at(-1), 1_048_576, "the last step has the memory");

  const failed = await start(cri, ["exit", "3"], "second");
  const { containers: [changed] = [] } = await feed.change(
    ({ containers = [] }) =>
      containers.some(({ id, exit }) => id === failed.containerId && exit !== undefined),
    "the container that ended",
  );
  assert.equal(changed?.state, "exited");
  assert.equal(changed?.exit?.exitCode, 3);
  assert.equal(changed?.exit?.reason, "Error");
  const { events = [] } = await feed.change(
    ({ events = [] }) => events.some(({ type, id }) => type === "stopped" && id === failed.containerId),
    "the event of its end",
  );
  const stopped = events.find(({ type, kind }) => type === "stopped" && kind === "container");
  assert.equal(stopped?.object, "test/second/c");
  assert.equal(stopped?.text, "Error (exit code 3)");
  assert.equal(stopped?.isWarning, true);

  await cri.runtime.removePodSandbox({ podSandboxId: failed.podSandboxId });
  const { removed } = await feed.change(
    ({ removed = [] }) => removed.includes(failed.podSandboxId),
    "the removal of the pod",
  );
  assert.ok(removed?.includes(failed.podSandboxId));
});

test("the usage of a container goes on over its restarts", async (t) => {
  const { cri } = await scripted(t);
  const { containerId, podSandboxId, config } = await start(cri, ["run"], "a");
  const own = await openConsole(t, cri, { intervalMs: 100 });
  const history = async (id: string) => {
    const { body } = await own.request(`/api/usage?id=${id}`);
    return JSON.parse(body).memoryBytes.filter((value: number | null) => value !== null).length as number;
  };
  await until(async () => (await history(containerId)) >= 3, "some readings");
  await cri.runtime.stopContainer({ containerId, timeout: 0n });
  const next = await cri.runtime.createContainer({
    podSandboxId,
    config: { metadata: { name: "c", attempt: 1 }, image: { image: busybox }, command: ["run"] },
    sandboxConfig: config,
  });
  await cri.runtime.startContainer({ containerId: next.containerId });
  const before = await history(containerId);
  await until(async () => (await history(next.containerId)) > before, "readings of both");
  await cri.runtime.removeContainer({ containerId });
  await until(
    async () => (await (await own.feed()).start()).containers.length === 1,
    "the first one is removed",
  );
  assert.ok((await history(next.containerId)) > before);
  assert.equal(await history(containerId), 0);
});

test("usage that did not change is not sent again", async (t) => {
  const { cri } = await scripted(t, {
    programs: {
      async steady({ clock, reportUsage }) {
        reportUsage({ cpuNanos: 0n, memoryBytes: 4_096n });
        await clock.sleep(600_000);
      },
      async growing({ clock, reportUsage }) {
        for (let n = 1n; ; n++) {
          reportUsage({ cpuNanos: 0n, memoryBytes: n * 4_096n });
          await clock.sleep(20);
        }
      },
    },
  });
  await start(cri, ["steady"], "steady");
  await start(cri, ["growing"], "growing");
  const own = await openConsole(t, cri, { intervalMs: 100 });
  await until(async () => {
    const { containers, usage } = await (await own.feed()).start();
    return containers.length === 2 && usage.length === 2;
  }, "both are known and measured");
  const feed = await own.feed();
  const { containers, pods } = await feed.start();
  const keyOf = (name: string) => {
    const pod = pods.find((one) => one.name === name);
    return containers.find(({ podId }) => podId === pod?.id)?.key;
  };
  const rowsOf = (name: string) =>
    feed.changes.map(({ usage }) => usage?.rows.filter(([key]) => key === keyOf(name)) ?? []);
  const count = (name: string) => rowsOf(name).filter((rows) => rows.length > 0).length;
  await until(() => count("growing") >= 6, "six readings with growth");
  // The first rate of the CPU usage may still come.
  assert.ok(count("steady") <= 1, JSON.stringify(rowsOf("steady")));
});

test("a burst of changes is a few messages", async (t) => {
  const { cri } = await scripted(t);
  const own = await openConsole(t, cri, { intervalMs: 60_000 });
  const feed = await own.feed();
  await until(async () => (await (await own.feed()).start()).connection.connected, "the connection");
  const began = performance.now();
  const pods = 60;
  for (let n = 0; n < pods; n++) await cri.runtime.runPodSandbox({ config: sandboxConfig(`burst-${n}`) });
  const known = () => new Set(feed.changes.flatMap(({ pods = [] }) => pods.map(({ id }) => id))).size;
  await until(() => known() === pods, "all pods");
  const atMost = Math.ceil((performance.now() - began) / 250) + 3;
  assert.ok(feed.changes.length <= atMost, `${feed.changes.length} messages, ${atMost} expected at most`);
});

test("a runtime that is not there yet, and that goes away, is reported; the state comes back with it", {
  timeout: 120_000,
}, async (t) => {
  const socket = join(await tempFolder(t), "cri.sock");
  const cri = connect.lazy(`unix://${socket}`, { events: { backoff: { firstMs: 20, maxMs: 100 } } });
  cleanup(t, () => cri.close());
  const own = await openConsole(t, cri, { intervalMs: 100 });
  const feed = await own.feed();
  const { connection, containers, node } = await feed.start();
  assert.equal(connection.connected, false);
  assert.deepEqual(containers, []);
  assert.equal(node.endpoint, `unix://${socket}`);
  const down = await feed.change((change) => change.connection?.error, "the error of the missing socket");
  assert.match(down.connection?.error ?? "", /cri\.sock/);

  const runtime = await EmbeddedRuntime.start({
    socket,
    programs: { run: ({ clock }) => clock.sleep(600_000) },
    preload: [busybox],
  });
  cleanup(t, () => runtime.close());
  await feed.change((change) => change.connection?.connected, "the connection");
  const { containerId } = await start(cri, ["run"], "kept");
  await feed.change(
    ({ containers = [] }) => containers.some(({ id }) => id === containerId),
    "the container",
  );
  await feed.change((change) => change.node?.runtimeName === "cri-sdk-embedded", "the runtime's name");

  runtime.faults.crash();
  await feed.change(
    ({ connection }) => connection?.connected === false && feed.changes.length > 3,
    "it is gone",
  );
  await runtime.faults.restart();
  await until(() => {
    const states = feed.changes.flatMap((change) => (change.connection ? [change.connection.connected] : []));
    return states.at(-1) === true && states.lastIndexOf(false) > 0;
  }, "the runtime is gone and comes back");
  const { containers: after } = await (await own.feed()).start();
  assert.equal(after.find(({ id }) => id === containerId)?.state, "running");
});

test("an error of one kind of call is reported while it lasts", async (t) => {
  const { cri } = await scripted(t);
  const error = criError("runtime_limit", "no cgroups today");
  let isFailing = true;
  const watch = async function* ({ signal }: { signal: AbortSignal }) {
    for (; !signal.aborted; await pause(20)) {
      const sample = { at: new Date(), containers: [], pods: [], failed: [] };
      yield isFailing ? { ...sample, error } : { ...sample, error: undefined };
    }
  };
  const { endpoint, events, runtime } = cri;
  const failing = {
    ...{ endpoint, events, runtime, stats: { watch } },
    version: cri.version.bind(cri),
    watchNode: cri.watchNode.bind(cri),
  };
  const own = await openConsole(t, failing as unknown as Cri);
  const state = async () => (await (await own.feed()).start()).connection;
  await until(async () => (await state()).connected && (await state()).error !== undefined, "the error");
  assert.match((await state()).error ?? "", /no cgroups today/);
  isFailing = false;
  await until(async () => (await state()).error === undefined, "it is over");
  assert.equal((await state()).connected, true);
});

test("a page that does not read gets the whole state once it reads again, and no more than that", async () => {
  const sent: string[] = [];
  const page = Object.assign(new EventEmitter(), {
    bufferedAmount: 0,
    send: (text: string) => sent.push(text),
  });
  let state = 0;
  const message = () => ({ type: "change", removed: [String(state)] }) as const;
  const feed = new Feed(message);
  feed.add(page as unknown as WebSocket);
  page.bufferedAmount = 5 * 2 ** 20;
  for (state = 1; state <= 10; state++) feed.send(message());
  assert.equal(sent.length, 1, "only the first state was sent");
  page.bufferedAmount = 0;
  await until(() => sent.length === 2, "the state");
  assert.match(sent[1] ?? "", /"11"/);
  feed.send(message());
  assert.equal(sent.length, 3, "changes are sent again");
  page.emit("close");
  feed.send(message());
  await pause(20);
  assert.equal(sent.length, 3, "nothing is sent to a closed page");
});
