import assert from "node:assert/strict";
import { test } from "node:test";
import { Code, createRouterTransport } from "@connectrpc/connect";
import { type Cri, type CriList, connect } from "../../src/index.js";
import { ImageService, RuntimeService } from "../../src/v1.js";
import { failure } from "../support/failure.js";
import { type SeenCall, scripted } from "../support/scripted-transport.js";
import { until, within } from "../support/waiting.js";
import { atOnce, collect, idOf, lost, runtimeError } from "./support.js";

interface Six {
  readonly open: (cri: Cri) => CriList<unknown>;
  readonly stream: string;
  readonly chunk: string;
  readonly list: string;
  readonly items: string;
}

/** The six lists, with the fields that contain their items. */
const six: readonly Six[] = [
  {
    open: ({ lists }) => lists.podSandboxes(),
    stream: "streamPodSandboxes",
    chunk: "podSandboxes",
    list: "listPodSandbox",
    items: "items",
  },
  {
    open: ({ lists }) => lists.containers(),
    stream: "streamContainers",
    chunk: "containers",
    list: "listContainers",
    items: "containers",
  },
  {
    open: ({ lists }) => lists.containerStats(),
    stream: "streamContainerStats",
    chunk: "containerStats",
    list: "listContainerStats",
    items: "stats",
  },
  {
    open: ({ lists }) => lists.podSandboxStats(),
    stream: "streamPodSandboxStats",
    chunk: "podSandboxStats",
    list: "listPodSandboxStats",
    items: "stats",
  },
  {
    open: ({ lists }) => lists.podSandboxMetrics(),
    stream: "streamPodSandboxMetrics",
    chunk: "podSandboxMetrics",
    list: "listPodSandboxMetrics",
    items: "podMetrics",
  },
  {
    open: ({ lists }) => lists.images(),
    stream: "streamImages",
    chunk: "images",
    list: "listImages",
    items: "images",
  },
];

const named = (digit: string) => ({ id: idOf(digit), podSandboxId: idOf(digit) });
const noStream = (name: string) => runtimeError(Code.Unimplemented, `unknown method ${name}`);
const names = (calls: readonly SeenCall[]) => calls.map(({ name }) => name);
const retry = { attempts: 3, backoff: atOnce };

test("the Stream* RPC is used if the runtime implements it; its messages keep their order", async () => {
  for (const { open, stream, chunk } of six) {
    const transport = scripted(() => [{ [chunk]: [{}, {}] }, {}, { [chunk]: [{}] }]);
    const cri = connect.through({ transport, normalize: false });
    assert.equal((await open(cri).collect()).length, 3);
    assert.equal((await collect(open(cri))).length, 3);
    assert.deepEqual(names(transport.calls), [stream, stream]);
  }
  const transport = scripted(() => [{ images: ["a", "b"].map(named) }, { images: [named("c")] }]);
  const images = await connect.through(transport).lists.images().collect();
  assert.deepEqual(
    images.map(({ id }) => id),
    ["a", "b", "c"].map(idOf),
  );
});

test("List* is the fallback, which is remembered for each RPC", async () => {
  for (const { open, stream, list, items } of six) {
    const transport = scripted(({ name }) => {
      if (name.startsWith("stream")) throw noStream(name);
      return { [items]: [{}, {}] };
    });
    const cri = connect.through({ transport, normalize: false });
    assert.equal((await open(cri).collect()).length, 2);
    assert.equal((await open(cri).collect()).length, 2);
    assert.equal((await collect(open(cri))).length, 2);
    assert.deepEqual(names(transport.calls), [stream, list, list, list]);
  }
});

test("the fallback of one list does not affect the others, also if iterating discovered it", async () => {
  const transport = scripted(({ name }) => {
    if (name === "streamContainers") throw noStream(name);
  });
  const cri = connect.through(transport);
  await collect(cri.lists.containers());
  await collect(cri.lists.containers());
  await collect(cri.lists.images());
  await cri.lists.podSandboxes().collect();
  assert.deepEqual(names(transport.calls), [
    "streamContainers",
    "listContainers",
    "listContainers",
    "streamImages",
    "streamPodSandboxes",
  ]);
});

test("any other error rejects without a fallback", async () => {
  for (const [error, reason] of [
    [runtimeError(Code.Unimplemented, "unknown service runtime.v1.RuntimeService"), "wrong_api_version"],
    [runtimeError(Code.Unknown, "no"), "runtime_error"],
    [lost("socket_missing"), "socket_missing"],
  ] as const) {
    const transport = scripted(() => {
      throw error;
    });
    const { lists } = connect.through(transport);
    await failure(lists.containers().collect(), reason);
    await failure(collect(lists.containers()), reason);
    assert.deepEqual(names(transport.calls), ["streamContainers", "streamContainers"]);
  }
});

test("an Unimplemented in the middle of a stream rejects: a fallback would repeat items", async () => {
  const transport = scripted(async function* ({ name }) {
    yield { containers: [named("a")] };
    throw noStream(name);
  });
  await failure(collect(connect.through(transport).lists.containers()), "unimplemented");
  assert.deepEqual(names(transport.calls), ["streamContainers"]);
});

test("both RPCs receive the filter and the options", async () => {
  const transport = scripted(({ name }) => {
    if (name.startsWith("stream")) throw noStream(name);
  });
  const { lists } = connect.through(transport);
  await lists.containers({ id: "ab", labelSelector: { a: "b" } }, { headers: { h: "1" } }).collect();
  await lists.podSandboxes().collect();
  const filters = transport.calls.map(({ message }) => (message as { filter?: { id: string } }).filter?.id);
  assert.deepEqual(filters, ["ab", "ab", undefined, undefined]);
  assert.equal(new Headers(transport.calls[1]?.header).get("h"), "1");
});

test("collect() has a default deadline, iterating has none", async () => {
  const transport = scripted();
  const { lists } = connect.through(transport);
  const deadline = () => transport.calls.at(-1)?.timeoutMs;
  await lists.containers().collect();
  assert.equal(deadline(), 120_000);
  await lists.containers({}, { timeoutMs: 0 }).collect();
  assert.equal(deadline(), undefined);
  for (const [timeoutMs, expected] of [
    [undefined, undefined] as const,
    [0, undefined] as const,
    [9, 9] as const,
  ]) {
    await collect(lists.containers({}, { timeoutMs }));
    assert.equal(deadline(), expected);
  }
  await collect(lists.containers());
  assert.equal(deadline(), undefined);
});

/** An in-memory runtime whose list never ends. */
function endless() {
  const seen = { aborted: 0 };
  const transport = createRouterTransport(({ service }) => {
    service(RuntimeService, {
      async *streamContainers(_, { signal }) {
        signal.addEventListener("abort", () => seen.aborted++);
        yield { containers: [named("a"), named("b")] };
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
      },
    });
    service(ImageService, {});
  });
  return { seen, lists: connect.through(transport).lists };
}

test("leaving the loop cancels the stream on the server", async () => {
  const { seen, lists } = endless();
  for await (const { id } of lists.containers()) {
    assert.equal(id, idOf("a"));
    break;
  }
  await until(() => seen.aborted === 1, "the handler was canceled by the break");
});

test("return() cancels the stream, also during a pending read", async () => {
  const { seen, lists } = endless();
  const items = lists.containers()[Symbol.asyncIterator]();
  await items.next();
  await items.next();
  const waiting = items.next();
  await within(5_000, Promise.resolve(items.return?.()), "return()");
  assert.equal((await within(5_000, waiting)).done, true);
  await until(() => seen.aborted === 1, "the handler was canceled");
});

test("collect() starts again after the connection was lost, without duplicate items", async () => {
  const transport = scripted(async function* (_, nth) {
    yield { containers: [named("a")] };
    if (nth <= 2) throw lost();
    yield { containers: [named("b")] };
  });
  const { lists } = connect.through({ transport, retry });
  const all = await lists.containers().collect();
  assert.deepEqual(
    all.map(({ id }) => id),
    ["a", "b"].map(idOf),
  );
  assert.equal(transport.calls.length, 3);
});

test("the deadline of collect() covers all attempts and the fallback", async () => {
  const transport = scripted(async ({ name }) => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (name === "streamContainers") throw noStream(name);
    if (transport.calls.length === 2) throw lost();
  });
  await connect.through({ transport, retry }).lists.containers({}, { timeoutMs: 60_000 }).collect();
  const [first = 0, second = 0, third = 0] = transport.calls.map(({ timeoutMs }) => timeoutMs);
  assert.equal(first, 60_000);
  assert.ok(second <= first - 15 && third <= second - 15, `${first}, ${second}, ${third}`);
});

test("the fallback is retried as often as any other call", async () => {
  const transport = scripted(({ name }) => {
    throw name === "streamContainers" ? noStream(name) : lost();
  });
  await failure(connect.through({ transport, retry }).lists.containers().collect(), "connection_lost");
  assert.deepEqual(names(transport.calls), ["streamContainers", ...Array(3).fill("listContainers")]);
});

test("iterating is not retried, and rejects as the stream does", async () => {
  const transport = scripted(async function* () {
    yield { containers: [named("a")] };
    throw lost();
  });
  const { lists } = connect.through({ transport, retry });
  const seen: string[] = [];
  const read = async () => {
    for await (const { id } of lists.containers()) seen.push(id);
  };
  const error = await failure(read(), "connection_lost");
  assert.deepEqual([error.method, seen], ["StreamContainers", [idOf("a")]]);
  assert.equal(transport.calls.length, 1);
});
