import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import {
  type Cri,
  connect,
  type FollowedLogEntry,
  type FollowLogsFilter,
  type FollowLogsOptions,
} from "../../src/index.js";
import { EmbeddedRuntime, type Programs } from "../../src/testing/index.js";
import { cleanup } from "../support/cleanup.js";
import { busybox } from "../support/embedded.js";
import { failure } from "../support/failure.js";
import { checkLeaks } from "../support/leaks.js";
import { tempFolder } from "../support/temp.js";
import { until, within } from "../support/waiting.js";

/** Containers that print what the test says, until it says `end`. */
class Speakers {
  readonly #lines = new Map<string, string[]>();
  readonly programs: Programs = {
    speak: async ({ args: [, name = ""], stdout, clock }) => {
      for (;;) {
        for (const line of this.#lines.get(name)?.splice(0) ?? []) {
          if (line === "end") return 0;
          stdout.write(`${line}\n`);
        }
        await clock.sleep(5);
      }
    },
  };

  say(name: string, ...lines: string[]): void {
    this.#lines.set(name, [...(this.#lines.get(name) ?? []), ...lines]);
  }
}

async function start(t: TestContext, by: "events" | "polling" = "events") {
  checkLeaks(t);
  const speakers = new Speakers();
  const runtime = await EmbeddedRuntime.start({ programs: speakers.programs, preload: [busybox] });
  const unimplemented = { code: "unimplemented", message: "no events" } as const;
  if (by === "polling")
    runtime.faults.failNext("getContainerEvents", unimplemented, { times: Number.POSITIVE_INFINITY });
  cleanup(t, () => within(10_000, runtime.close(), "close()"));
  const logRoot = join(await tempFolder(t), "logs");
  const cri = connect.through({ transport: runtime.transport, pods: { logRoot }, events: { pollMs: 50 } });
  cleanup(t, () => cri.close());
  const run = async (
    pod: string,
    container = "main",
    labels: Record<string, string> = {},
    namespace = "test",
  ) => {
    const handle = await cri.pods.run({ name: pod, namespace, labels });
    return { pod: handle, container: await add(handle, pod, container) };
  };
  const add = (handle: Awaited<ReturnType<Cri["pods"]["run"]>>, pod: string, container: string) =>
    handle.runContainer({ name: container, image: busybox, command: ["speak", `${pod}/${container}`] });
  return { runtime, cri, speakers, run, add };
}

/** Reads the followed logs in the background. */
class Reading {
  readonly entries: FollowedLogEntry[] = [];
  readonly iterator: AsyncIterableIterator<FollowedLogEntry> & AsyncDisposable;
  readonly done: Promise<unknown>;

  constructor(t: TestContext, cri: Cri, filter?: FollowLogsFilter, options: FollowLogsOptions = {}) {
    this.iterator = cri.followLogs(filter, { maxWaitMs: 20, ...options });
    this.done = this.#read().then(
      () => undefined,
      (error: unknown) => error,
    );
    cleanup(t, () => within(10_000, Promise.resolve(this.iterator[Symbol.asyncDispose]())));
  }

  get lines(): string[] {
    return this.entries.map(
      ({ podName, containerName, entry }) => `${podName}/${containerName} ${entry.text}`,
    );
  }

  async has(line: string): Promise<void> {
    await until(() => this.lines.includes(line), `the line ${line} in ${this.lines}`, 20_000);
  }

  async #read(): Promise<void> {
    for await (const entry of this.iterator) this.entries.push(entry);
  }
}

for (const by of ["events", "polling"] as const)
  test(`running containers, those that start later, and their ends, by ${by}`, async (t) => {
    const { cri, speakers, run, add } = await start(t, by);
    const a = await run("a");
    speakers.say("a/main", "one", "two");
    const reading = new Reading(t, cri, { namespace: "test" });
    await reading.has("a/main two");
    const b = await run("b");
    speakers.say("b/main", "three");
    await reading.has("b/main three");
    await add(a.pod, "a", "side");
    speakers.say("a/side", "four");
    await reading.has("a/side four");
    // The end of a container ends its log, and no other.
    speakers.say("b/main", "five", "end");
    await reading.has("b/main five");
    await b.pod.remove();
    speakers.say("a/main", "six");
    await reading.has("a/main six");
    assert.deepEqual(reading.lines, [
      "a/main one",
      "a/main two",
      "b/main three",
      "a/side four",
      "b/main five",
      "a/main six",
    ]);
    const [first] = reading.entries;
    assert.deepEqual(
      [first?.namespace, first?.podId, first?.containerId, first?.attempt],
      ["test", a.pod.id, a.container.id, 0],
    );
    // A cursor continues the log of its container.
    const rest: string[] = [];
    for await (const { text } of cri.logs(a.container.id, { from: first?.cursor })) rest.push(text);
    assert.deepEqual(rest, ["two", "six"]);
    await reading.iterator.return?.();
    assert.equal(await within(10_000, reading.done), undefined);
  });

test("only containers of pods that match the filter are read", async (t) => {
  const { cri, speakers, run } = await start(t);
  const filters: readonly (readonly [FollowLogsFilter | undefined, readonly string[]])[] = [
    [undefined, ["a/main", "b/main", "b/other", "c/main"]],
    [{ namespace: "test" }, ["a/main", "b/main", "b/other"]],
    [{ labels: { app: "web" } }, ["a/main", "c/main"]],
    [{ labels: { app: "web" }, namespace: "test" }, ["a/main"]],
    [{ container: "other" }, ["b/other"]],
    [{ name: "c" }, ["c/main"]],
    [{ owner: "cri-sdk" }, ["a/main", "b/main", "b/other", "c/main"]],
    [{ owner: "another" }, []],
    [{ labels: { app: "" } }, []],
  ];
  await run("a", "main", { app: "web" });
  const readings = filters.map(([filter]) => new Reading(t, cri, filter));
  const b = await run("b");
  await b.pod.runContainer({ name: "other", image: busybox, command: ["speak", "b/other"] });
  await run("c", "main", { app: "web" }, "elsewhere");
  for (const name of ["a/main", "b/main", "b/other", "c/main"]) speakers.say(name, "hello");
  for (const [index, [filter, names]] of filters.entries()) {
    for (const name of names) await readings[index]?.has(`${name} hello`);
    assert.deepEqual(
      readings[index]?.lines.toSorted(),
      names.map((name) => `${name} hello`),
      JSON.stringify(filter),
    );
  }
});

test("tail applies to containers that run already; since and stream to all", async (t) => {
  const { cri, speakers, run } = await start(t);
  await run("a");
  speakers.say("a/main", "one", "two", "three");
  const all = new Reading(t, cri);
  await all.has("a/main three");
  const tail = new Reading(t, cri, {}, { tail: 1 });
  await tail.has("a/main three");
  const since = new Reading(t, cri, {}, { since: new Date(Date.now() + 3_600_000) });
  const stderr = new Reading(t, cri, {}, { stream: "stderr" });
  await run("b");
  speakers.say("b/main", "four", "five");
  await tail.has("b/main five");
  await all.has("b/main five");
  assert.deepEqual(tail.lines, ["a/main three", "b/main four", "b/main five"]);
  assert.deepEqual([...since.lines, ...stderr.lines], []);
});

test("short-lived containers are read as a whole", async (t) => {
  const { cri, speakers, run } = await start(t);
  const reading = new Reading(t, cri);
  // Containers that ended before the first list are not of interest.
  speakers.say("first/main", "here");
  await run("first");
  await reading.has("first/main here");
  for (let n = 0; n < 5; n++) {
    speakers.say(`p${n}/main`, "brief", "end");
    await run(`p${n}`);
  }
  for (let n = 0; n < 5; n++) await reading.has(`p${n}/main brief`);
});

test("containers whose events were lost are found, and so are those after a crash of the runtime", async (t) => {
  const { runtime, cri, speakers, run } = await start(t);
  await run("a");
  const reading = new Reading(t, cri);
  speakers.say("a/main", "one");
  await reading.has("a/main one");
  speakers.say("b/main", "while away", "end");
  runtime.faults.dropEvents(20);
  await run("b");
  await reading.has("b/main while away");
  runtime.faults.dropEvents(0);
  await runtime.faults.crash();
  await runtime.faults.restart();
  speakers.say("a/main", "two");
  await reading.has("a/main two");
  await run("c");
  speakers.say("c/main", "after");
  await reading.has("c/main after");
});

test("a consumer that does not read holds the logs back", async (t) => {
  const { cri, speakers, run } = await start(t);
  await run("a");
  await run("b");
  const lines = Array.from({ length: 500 }, (_, n) => `line ${n}`);
  const iterator = cri.followLogs();
  cleanup(t, () => within(10_000, Promise.resolve(iterator[Symbol.asyncDispose]())));
  speakers.say("a/main", ...lines);
  speakers.say("b/main", ...lines);
  const seen: string[] = [];
  for (let n = 0; n < 1_000; n++) {
    const next = await within(20_000, iterator.next());
    if (next.done) break;
    seen.push(`${next.value.podName} ${next.value.entry.text}`);
    if (n % 250 === 0) await pause(20);
  }
  for (const name of ["a", "b"])
    assert.deepEqual(
      seen.filter((line) => line.startsWith(name)),
      lines.map((line) => `${name} ${line}`),
    );
});

test("the signal, close() of the client and invalid options end it", async (t) => {
  const { cri, speakers, run } = await start(t);
  await run("a");
  const controller = new AbortController();
  const aborted = new Reading(t, cri, {}, { signal: controller.signal });
  const closed = new Reading(t, cri);
  const never = cri.followLogs();
  speakers.say("a/main", "one");
  await aborted.has("a/main one");
  await closed.has("a/main one");
  controller.abort();
  assert.equal(
    (await failure(aborted.done.then((error) => Promise.reject(error)))).reason,
    "aborted_by_caller",
  );
  await cri.close();
  assert.equal((await failure(closed.done.then((error) => Promise.reject(error)))).reason, "client_closed");
  await never[Symbol.asyncDispose]();
  for (const [filter, options] of [
    [{ label: {} }, {}],
    [{ namespace: 1 }, {}],
    [{}, { tail: -1 }],
    [{}, { since: "now" }],
    [{}, { signl: controller.signal }],
    [{}, { onNotice: true }],
  ] as const)
    assert.throws(() => cri.followLogs(filter as FollowLogsFilter, options as FollowLogsOptions), {
      reason: "invalid_option",
    });
});

test("a log that cannot be read fails the iteration, or only itself with onFailure", async (t) => {
  const { cri, speakers, run } = await start(t);
  await run("a");
  const config = { metadata: { name: "b", namespace: "test", uid: "b", attempt: 0 } };
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config });
  // Without a log path it has no log, which is not a failure by default.
  const created = await cri.runtime.createContainer({
    podSandboxId,
    config: {
      metadata: { name: "silent", attempt: 0 },
      image: { image: busybox },
      command: ["speak", "b/silent"],
    },
    sandboxConfig: config,
  });
  await cri.runtime.startContainer({ containerId: created.containerId });
  const plain = new Reading(t, cri);
  const failures: unknown[] = [];
  const onFailure = (error: unknown, { containerName }: { readonly containerName: string }) =>
    failures.push([containerName, (error as { readonly reason: string }).reason]);
  const tolerant = new Reading(t, cri, {}, { onFailure });
  speakers.say("a/main", "one");
  await plain.has("a/main one");
  await tolerant.has("a/main one");
  await until(() => failures.length > 0, "the failure");
  assert.deepEqual(failures, [["silent", "log_missing"]]);
});
