import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Code } from "@connectrpc/connect";
import { type Cri, connect } from "../../src/index.js";
import { EmbeddedRuntime, type RuntimeLike } from "../../src/testing/index.js";
import { cleanup } from "../support/cleanup.js";
import { failure } from "../support/failure.js";
import { scripted } from "../support/scripted-transport.js";
import { tempFolder } from "../support/temp.js";
import { collect, idOf, runtimeError } from "./support.js";

const limit = 64 * 1024;
const image = "docker.io/library/busybox:1.37";
/** An annotation of which a message holds two, and not three. */
const large = { large: "x".repeat(0.4 * limit) };

/** Starts a runtime on a socket, and a client with a small limit for messages. */
async function node(t: TestContext, like?: RuntimeLike) {
  const socket = `${await tempFolder(t)}/cri.sock`;
  const runtime = await EmbeddedRuntime.start({ socket, preload: [image], like });
  cleanup(t, () => runtime.close());
  const client = async (readLimitBytes?: number) => {
    const cri = await connect({ endpoint: socket, readLimitBytes });
    cleanup(t, () => cri.close());
    return cri;
  };
  return { runtime, whole: await client(), small: await client(limit) };
}

async function pod({ runtime }: Cri, name: string, annotations: Record<string, string>, containers: number) {
  const sandboxConfig = { metadata: { name, namespace: "n", uid: name }, annotations, labels: { name } };
  const { podSandboxId } = await runtime.runPodSandbox({ config: sandboxConfig });
  for (let index = 0; index < containers; index++) {
    const config = {
      metadata: { name: `c${index}` },
      image: { image },
      command: ["sleep", "600"],
      annotations: large,
      labels: { name, index: `${index}` },
    };
    const { containerId } = await runtime.createContainer({ podSandboxId, config, sandboxConfig });
    if (index < containers - 1) await runtime.startContainer({ containerId });
  }
  return podSandboxId;
}

const keyOf = (item: { readonly id?: string; readonly attributes?: { readonly id: string } | undefined }) =>
  item.id ?? item.attributes?.id;
const sortedIds = (items: readonly Parameters<typeof keyOf>[0][]) => items.map(keyOf).sort();

// With Stream* RPCs, and without.
for (const like of ["cri-o", "containerd-2.1"] as const)
  test(`lists that exceed a message are complete: ${like}`, async (t) => {
    const { whole, small } = await node(t, like);
    // Three containers of one pod exceed a message, and so do the pods, and the containers of both pods.
    const first = await pod(whole, "first", large, 4);
    await pod(whole, "second", large, 1);
    await pod(whole, "third", large, 0);
    await failure(small.runtime.listContainers(), "receive_limit");
    const lists = {
      podSandboxes: (cri: Cri) => cri.lists.podSandboxes(),
      containers: (cri: Cri) => cri.lists.containers(),
      "containers of a pod": (cri: Cri) => cri.lists.containers({ podSandboxId: first }),
      "containers by label and state": (cri: Cri) =>
        cri.lists.containers({ labelSelector: { name: "first" }, state: { state: 1 } }),
      containerStats: (cri: Cri) => cri.lists.containerStats(),
      podSandboxStats: (cri: Cri) => cri.lists.podSandboxStats({ labelSelector: { name: "third" } }),
    };
    for (const [name, list] of Object.entries(lists)) {
      const expected = sortedIds(await list(whole).collect());
      assert.ok(expected.length > 0, name);
      assert.deepEqual(sortedIds(await list(small).collect()), expected, name);
      if (name !== "containers") continue;
      assert.deepEqual(sortedIds(await collect<Parameters<typeof keyOf>[0]>(list(small))), expected, name);
    }
    // One object that exceeds a message cannot be split.
    await pod(whole, "huge", { large: "x".repeat(limit + 1) }, 0);
    await failure(small.lists.podSandboxes().collect(), "receive_limit");
    await failure(collect(small.lists.podSandboxes()), "receive_limit");
  });

test("items that arrived before the stream failed are not repeated", async () => {
  const tooLarge = runtimeError(
    Code.ResourceExhausted,
    "grpc: trying to send message larger than max (2 vs. 1)",
  );
  const [pod, a, b] = ["f", "a", "b"].map((digit) => ({ id: idOf(digit), podSandboxId: idOf("f") }));
  const transport = scripted(({ name, message }) => {
    const { filter } = message as { filter?: { podSandboxId?: string } };
    if (name === "listPodSandbox") return { items: [pod] };
    if (name === "listContainers" && filter?.podSandboxId) return { containers: [a, b] };
    if (name === "listContainers") throw tooLarge;
    return (async function* () {
      yield { containers: [a] };
      throw tooLarge;
    })();
  });
  const cri = connect.through(transport);
  const seen = await collect(cri.lists.containers());
  assert.deepEqual(
    seen.map(({ id }) => id),
    [idOf("a"), idOf("b")],
  );
});
