import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type ContainerEventResponse,
  ContainerEventResponseSchema,
  ContainerSchema,
  ContainerStatusResponseSchema,
  PodSandboxSchema,
} from "../../gen/runtime/v1/api_pb.js";
import { onAbort } from "../../src/core/index.js";
import { type Events, NodeObserver } from "../../src/events/index.js";
import type { Cri, NodeEvent, NodeWatch } from "../../src/index.js";
import type { EventReadOptions, EventsOptions } from "../../src/observe.js";
import { cleanup } from "../support/cleanup.js";
import { scripted } from "../support/embedded.js";
import { until, within } from "../support/waiting.js";

/** Short intervals and pauses. */
export const quick: EventsOptions = { relistMs: 60_000, pollMs: 20, backoff: { firstMs: 5, maxMs: 20 } };

/** Starts a runtime with scripted programs, with a client and an observer of its events; all are closed after the test. */
export async function withEvents(
  t: TestContext,
  options: Parameters<typeof scripted>[1] = {},
  eventsOptions: EventsOptions = quick,
) {
  const { runtime, cri } = await scripted(t, options);
  const events = new NodeObserver(cri, eventsOptions);
  cleanup(t, () => events.close());
  return { runtime, cri, events };
}

/** Reads events into a list until the test ends. */
export function record(t: TestContext, events: Events, options: EventReadOptions = {}) {
  const all: NodeEvent[] = [];
  const stream = events.read(options);
  const reading = (async () => {
    for await (const event of stream) all.push(event);
  })();
  reading.catch(() => undefined);
  cleanup(t, () => stream.return?.());
  return {
    all,
    reading,
    of: (id: string) => all.filter((event) => "id" in event && event.id === id).map(({ type }) => type),
    types: () => all.map(({ type }) => type),
    /** The events of the connection. */
    connection: () => all.filter((event) => !("kind" in event)).map(({ type }) => type),
    seen: (type: NodeEvent["type"], count = 1) =>
      until(() => all.filter((event) => event.type === type).length >= count, `${count} ${type}`),
  };
}

/** Returns the exit code of the first stopped event of a container. */
export function exitCodeOf(events: readonly NodeEvent[]): number | undefined {
  for (const event of events)
    if (event.type === "stopped" && event.kind === "container") return event.exit?.exitCode;
  return undefined;
}

const order = ["created", "started", "stopped", "deleted"];

/** Asserts that each step of each object is reported once and in order. */
export function assertMonotone(events: readonly NodeEvent[]): void {
  const reached = new Map<string, number>();
  for (const event of events) {
    if (!("id" in event)) continue;
    const step = order.indexOf(event.type);
    const before = reached.get(event.id) ?? -1;
    assert.ok(step > before, `${event.kind} ${event.id}: ${event.type} after ${order[before]}`);
    if (before < 0) assert.equal(event.type, "created", `${event.kind} ${event.id}`);
    reached.set(event.id, step);
  }
}

/** Waits until the watch equals the lists. */
export async function inStep(cri: Cri, node: NodeWatch): Promise<void> {
  await until(async () => {
    const pods = await cri.lists.podSandboxes().collect();
    const containers = await cri.lists.containers().collect();
    const byId = <T extends { readonly id: string }>(all: Iterable<T>) =>
      [...all].sort((a, b) => (a.id < b.id ? -1 : 1));
    try {
      assert.deepEqual(byId([...node.pods.values()].map(({ message }) => message)), byId(pods));
      assert.deepEqual(byId([...node.containers.values()].map(({ message }) => message)), byId(containers));
      return true;
    } catch {
      return false;
    }
  }, "the watch equals the lists");
}

/** The responses of a stub runtime. */
export interface Answers {
  readonly pods?: () => MessageInitShape<typeof PodSandboxSchema>[];
  readonly containers?: () => MessageInitShape<typeof ContainerSchema>[];
  /** Called before each list; it may delay or throw. */
  readonly listing?: () => Promise<void> | void;
  /** Called before one container is looked up. */
  readonly lookUp?: () => Promise<void> | void;
  readonly status?: (id: string) => MessageInitShape<typeof ContainerStatusResponseSchema>;
}

type Parts = ConstructorParameters<typeof NodeObserver>[0];

/** Creates the clients of a stub runtime, with the methods that an observer uses. */
export function partsOf(
  answers: Answers,
  getContainerEvents?: (request: unknown, options?: { signal?: AbortSignal }) => unknown,
): Parts {
  const pods = () => (answers.pods?.() ?? []).map((pod) => create(PodSandboxSchema, pod));
  const containers = () => (answers.containers?.() ?? []).map((one) => create(ContainerSchema, one));
  const runtime = {
    getContainerEvents,
    version: async () => ({}),
    listPodSandbox: async ({ filter }: { filter: { id: string } }) => ({
      items: pods().filter(({ id }) => id === filter.id),
    }),
    listContainers: async ({ filter }: { filter: { id: string } }) => {
      await answers.lookUp?.();
      return { containers: containers().filter(({ id }) => id === filter.id) };
    },
    containerStatus: async ({ containerId }: { containerId: string }) =>
      create(ContainerStatusResponseSchema, answers.status?.(containerId) ?? {}),
  };
  const lists = {
    podSandboxes: () => ({ collect: async () => pods() }),
    containers: () => ({
      collect: async () => {
        await answers.listing?.();
        return containers();
      },
    }),
  };
  return { runtime, lists } as unknown as Parts;
}

/** Creates an observer of a stub runtime whose event streams the test controls. */
export function stub(
  streams: (round: number, signal: AbortSignal) => AsyncIterable<ContainerEventResponse>,
  answers: Answers = {},
  options: EventsOptions = quick,
) {
  const opened: number[] = [];
  const parts = partsOf(answers, (_, { signal = new AbortController().signal } = {}) => {
    opened.push(performance.now());
    return streams(opened.length - 1, signal);
  });
  return { opened, events: new NodeObserver(parts, options) };
}

/** Creates an event message. */
export function event(init: MessageInitShape<typeof ContainerEventResponseSchema>): ContainerEventResponse {
  return create(ContainerEventResponseSchema, init);
}

/** Waits until the signal fires. */
export async function silence(signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => onAbort(signal, resolve));
}

/** Fails the test unless the promise settles within five seconds. */
export const soon = <T>(work: Promise<T>, what?: string): Promise<T> => within(5_000, work, what);
