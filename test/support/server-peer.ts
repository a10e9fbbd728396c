// What our client is checked for against servers of other gRPC libraries.
import assert from "node:assert/strict";
import { setMaxListeners } from "node:events";
import type { TestContext } from "node:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { CriError } from "../../src/core/index.js";
import { connect } from "../../src/index.js";
import {
  ContainerEventResponseSchema,
  ListContainersResponseSchema,
  VersionResponseSchema,
} from "../../src/v1.js";
import { cleanup } from "./cleanup.js";
import { failure } from "./failure.js";
import { within } from "./waiting.js";

/** The sizes of the lists that the server has. The filter of a request selects one; the last has 10 MB. */
export const listSizes = [0, 3, 50_000] as const;

export const peerVersion = create(VersionResponseSchema, {
  version: "0.1.0",
  runtimeName: "peer",
  runtimeVersion: "1",
  runtimeApiVersion: "v1",
});

export const peerEvent = create(ContainerEventResponseSchema, {
  containerId: "e".repeat(64),
  createdAt: 1_760_000_000_000_000_000n,
});

export function peerList(size: number) {
  const containers = Array.from(
    { length: size },
    (
      _,
      n,
    ): MessageInitShape<typeof ListContainersResponseSchema>["containers"] extends
      | readonly (infer C)[]
      | undefined
      ? C
      : never => ({
      id: String(n).padStart(64, "0"),
      createdAt: BigInt(n) * 1_000_000_007n,
      labels: { "io.kubernetes.container.name": `c${n}`, "io.kubernetes.pod.namespace": "default" },
    }),
  );
  return create(ListContainersResponseSchema, { containers });
}

/** A server of another library: it serves Version, ListContainers, and GetContainerEvents without an end. */
export interface ServerPeer {
  readonly path: string;
  /** Sends an event to each subscriber, `count` times. */
  broadcast(count: number): Promise<unknown>;
  /** Waits until there are that many subscribers. */
  subscribed(count: number): Promise<unknown>;
}

/** Makes calls of every kind, and checks their results. */
export async function checkClientWith(t: TestContext, peer: ServerPeer): Promise<void> {
  const cri = await connect(peer.path, { normalize: false });
  cleanup(t, () => cri.close());
  const { runtime } = cri;
  const list = (id: string) => runtime.listContainers({ filter: { id } });

  assert.equal((await runtime.version({})).runtimeName, "peer");
  for (const size of listSizes) {
    const { containers } = await list(String(size));
    assert.equal(containers.length, size);
    assert.deepEqual(containers.at(-1), peerList(size).containers.at(-1));
  }
  // A request of many frames.
  assert.equal((await runtime.version({ version: "v".repeat(10_000_000) })).runtimeName, "peer");
  const many = Array.from({ length: 1_000 }, (_, n) => (n % 10 === 0 ? list("3") : runtime.version({})));
  assert.equal((await within(60_000, Promise.all(many), "1,000 calls")).length, 1_000);

  const missing = await failure(list("none of these ü"));
  assert.deepEqual([missing.code, /none of these ü/.test(missing.rawMessage)], ["unknown", true]);
  // Responses without content, whose only headers are trailers.
  assert.equal((await failure(runtime.status({}))).code, "unimplemented");
  assert.equal((await failure(cri.image.listImages({}))).code, "unimplemented");
  assert.equal((await failure(first(runtime.streamContainers({})))).code, "unimplemented");

  // Streams: events, leaving the loop, deadlines, cancellation.
  const received: string[] = [];
  const reading = (async () => {
    for await (const { containerId } of runtime.getContainerEvents({}))
      if (received.push(containerId) === 300) break;
  })();
  await peer.subscribed(1);
  await peer.broadcast(300);
  await within(30_000, reading, "300 events");
  assert.deepEqual(new Set(received), new Set([peerEvent.containerId]));
  await peer.subscribed(0);

  const late = first(runtime.getContainerEvents({}, { timeoutMs: 500 }));
  assert.equal((await failure(late)).code, "deadline_exceeded");
  await peer.subscribed(0);

  const stop = new AbortController();
  setMaxListeners(0, stop.signal);
  const streams = Array.from({ length: 50 }, () =>
    failure(first(runtime.getContainerEvents({}, { signal: stop.signal }))),
  );
  await peer.subscribed(50);
  // Calls go on beside streams that wait.
  assert.equal((await list("3")).containers.length, 3);
  stop.abort();
  const errors: readonly CriError[] = await within(30_000, Promise.all(streams), "the canceled streams");
  assert.deepEqual(new Set(errors.map(({ code }) => code)), new Set(["canceled"]));
  await peer.subscribed(0);
  assert.equal((await runtime.version({})).runtimeName, "peer");
}

async function first<T>(messages: AsyncIterable<T>): Promise<T | undefined> {
  for await (const message of messages) return message;
  return undefined;
}
