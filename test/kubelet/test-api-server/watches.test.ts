// Lists and watches of the tests' API server.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { startTestCluster, type TestCluster } from "../../support/api-server/index.js";
import { type JsonObject, listAt, numberAt, textAt, valueAt } from "../../support/api-server/json.js";
import { cleanup } from "../../support/cleanup.js";
import { until } from "../../support/waiting.js";

interface Stream {
  /** `TYPE name`, and for bookmarks and errors the type alone. */
  readonly seen: string[];
  readonly messages: JsonObject[];
  isEnded(): boolean;
}

async function start(t: TestContext, options: { bookmarkIntervalMs?: number } = {}): Promise<TestCluster> {
  return startTestCluster(t, { https: false, ...options });
}

function watch(t: TestContext, cluster: TestCluster, query: string, path = "/api/v1/pods"): Stream {
  const controller = new AbortController();
  const messages: JsonObject[] = [];
  let ended = false;
  const read = async (): Promise<void> => {
    const url = `${cluster.server.url}${path}?watch=true&${query}`;
    const response = await fetch(url, { signal: controller.signal });
    let rest = "";
    for await (const part of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const lines = (rest + part).split("\n");
      rest = lines.pop() ?? "";
      messages.push(...lines.map((line) => JSON.parse(line) as JsonObject));
    }
    if (rest !== "") messages.push(JSON.parse(rest) as JsonObject);
  };
  const reading = read()
    .catch(() => undefined)
    .finally(() => {
      ended = true;
    });
  cleanup(t, async () => {
    controller.abort();
    await reading;
  });
  return {
    messages,
    get seen() {
      return messages.map((message) =>
        `${message.type} ${textAt(message, "object", "metadata", "name")}`.trim(),
      );
    },
    isEnded: () => ended,
  };
}

function create(
  cluster: TestCluster,
  name: string,
  spec: object = {},
  labels: Record<string, string> = {},
): void {
  cluster.create({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels },
    spec: { containers: [{ name: "main", image: "busybox" }], ...spec },
  });
}

async function get(cluster: TestCluster, path: string): Promise<JsonObject> {
  return (await (await fetch(cluster.server.url + path)).json()) as JsonObject;
}

async function expectSeen(stream: Stream, expected: readonly string[]): Promise<void> {
  await until(
    () => stream.seen.length >= expected.length,
    `${expected.join(", ")}; seen: ${stream.seen.join(", ")}`,
    10_000,
  );
  assert.deepEqual(stream.seen, expected);
}

test("a list has the version from which a watch continues", async (t) => {
  const cluster = await start(t);
  create(cluster, "a");
  const list = await get(cluster, "/api/v1/pods");
  assert.equal(textAt(list, "kind"), "PodList");
  create(cluster, "b");
  cluster.delete("pods", "default", "a");
  const stream = watch(t, cluster, `resourceVersion=${textAt(list, "metadata", "resourceVersion")}`);
  await expectSeen(stream, ["ADDED b", "MODIFIED a", "DELETED a"]);
  const versions = stream.messages.map((message) =>
    Number(textAt(message, "object", "metadata", "resourceVersion")),
  );
  assert.deepEqual(
    versions,
    [...versions].sort((a, b) => a - b),
  );
  assert.equal(new Set(versions).size, versions.length);
});

test("a watch list sends all objects, then a bookmark, then changes", async (t) => {
  const cluster = await start(t);
  create(cluster, "a");
  create(cluster, "b");
  const stream = watch(
    t,
    cluster,
    "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true",
  );
  await expectSeen(stream, ["ADDED a", "ADDED b", "BOOKMARK"]);
  const bookmark = stream.messages[2];
  assert.equal(textAt(bookmark, "object", "metadata", "annotations", "k8s.io/initial-events-end"), "true");
  assert.equal(
    textAt(bookmark, "object", "metadata", "resourceVersion"),
    String(cluster.server.store.version),
  );
  create(cluster, "c");
  await expectSeen(stream, ["ADDED a", "ADDED b", "BOOKMARK", "ADDED c"]);
});

test("an object that enters a selection is added, one that leaves it is deleted, as it was", async (t) => {
  const cluster = await start(t);
  const onNode = watch(t, cluster, "fieldSelector=spec.nodeName=n");
  const notRunning = watch(t, cluster, "fieldSelector=status.phase!=Running");
  const labelled = watch(t, cluster, "labelSelector=app=x");
  create(cluster, "a", {}, { app: "x" });
  await expectSeen(notRunning, ["ADDED a"]);
  cluster.bind("a", "n");
  await expectSeen(onNode, ["ADDED a"]);
  cluster.patch("pods", "default", "a", { status: { phase: "Running" } }, { subresource: "status" });
  await expectSeen(notRunning, ["ADDED a", "MODIFIED a", "DELETED a"]);
  assert.equal(textAt(notRunning.messages[2], "object", "status", "phase"), "Pending");
  cluster.patch("pods", "default", "a", { metadata: { labels: { app: null } } });
  await expectSeen(labelled, ["ADDED a", "MODIFIED a", "MODIFIED a", "DELETED a"]);
});

test("a version that was compacted: an event with 410, and the end of the watch", async (t) => {
  const cluster = await start(t);
  create(cluster, "a");
  const { version } = cluster.server.store;
  create(cluster, "b");
  cluster.server.compact();
  const stream = watch(t, cluster, `resourceVersion=${version}`);
  await until(() => stream.isEnded(), "the watch ends", 10_000);
  assert.deepEqual(stream.seen, ["ERROR"]);
  assert.equal(numberAt(stream.messages[0], "object", "code"), 410);
  assert.equal(textAt(stream.messages[0], "object", "reason"), "Expired");
});

test("a version that was not reached yet: 504 for a list", async (t) => {
  const cluster = await start(t);
  const answer = await get(cluster, "/api/v1/pods?resourceVersion=999999&resourceVersionMatch=NotOlderThan");
  assert.equal(answer.code, 504);
  assert.match(textAt(answer, "message"), /Too large resource version: 999999/);
});

test("pages are of one version, whatever happens between them", async (t) => {
  const cluster = await start(t);
  for (const name of ["a", "b", "c", "d"]) create(cluster, name);
  const names = (list: JsonObject): string[] =>
    listAt(list, "items").map((item) => textAt(item, "metadata", "name"));
  const first = await get(cluster, "/api/v1/pods?limit=2");
  assert.deepEqual([names(first), valueAt(first, "metadata", "remainingItemCount")], [["a", "b"], 2]);
  cluster.delete("pods", "default", "c");
  create(cluster, "bb");
  const token = textAt(first, "metadata", "continue");
  const second = await get(cluster, `/api/v1/pods?limit=2&continue=${token}`);
  assert.deepEqual(names(second), ["c", "d"]);
  assert.equal(textAt(second, "metadata", "resourceVersion"), textAt(first, "metadata", "resourceVersion"));
  cluster.server.compact();
  assert.equal((await get(cluster, `/api/v1/pods?continue=${token}`)).code, 410);
});

test("timeoutSeconds ends a watch, with a bookmark of the current version before", async (t) => {
  const cluster = await start(t);
  const stream = watch(
    t,
    cluster,
    "resourceVersion=0&allowWatchBookmarks=true&timeoutSeconds=1",
    "/api/v1/nodes",
  );
  create(cluster, "a");
  await until(() => stream.isEnded(), "the watch ends", 10_000);
  assert.deepEqual(stream.seen, ["BOOKMARK"]);
  assert.equal(
    textAt(stream.messages[0], "object", "metadata", "resourceVersion"),
    String(cluster.server.store.version),
  );
});

test("bookmarks come again and again, for those who ask for them", async (t) => {
  const cluster = await start(t, { bookmarkIntervalMs: 20 });
  const with3 = watch(t, cluster, "allowWatchBookmarks=true", "/api/v1/nodes");
  const without = watch(t, cluster, "", "/api/v1/nodes");
  await until(() => with3.seen.length >= 3, "three bookmarks", 10_000);
  assert.deepEqual(without.seen, []);
});

for (const [name, query, code] of [
  ["an unknown field", "/api/v1/pods?fieldSelector=spec.color=red", 400],
  ["a malformed label selector", "/api/v1/pods?labelSelector=a==b==c", 400],
  [
    "initial events without a match",
    "/api/v1/pods?watch=1&sendInitialEvents=true&allowWatchBookmarks=true",
    400,
  ],
  ["a version that is no number", "/api/v1/pods?watch=1&resourceVersion=x", 400],
  ["an unknown resource", "/api/v1/sheep", 404],
  ["an unknown subresource", "/api/v1/namespaces/default/pods/a/wool", 404],
] as const)
  test(`refused: ${name}`, async (t) => {
    const cluster = await start(t);
    assert.equal((await get(cluster, query)).code, code);
  });

test("writes by those who observe a write are seen in order by all", async (t) => {
  const cluster = await start(t);
  const stop = cluster.server.store.subscribe(({ type, object }) => {
    if (type === "ADDED" && object.metadata.name === "a")
      cluster.patch("pods", "default", "a", { metadata: { labels: { seen: "yes" } } });
  });
  cleanup(t, stop);
  const stream = watch(t, cluster, "");
  await until(
    () => cluster.server.requests.some(({ verb, code }) => verb === "watch" && code === 200),
    "the watch begins",
  );
  create(cluster, "a");
  await expectSeen(stream, ["ADDED a", "MODIFIED a"]);
});
