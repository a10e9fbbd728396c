import type { ContainerEvent, PodEvent } from "./event-types.js";
import type { NodeContainer, NodePod } from "./objects.js";

interface Changed<T> {
  /** What was known; undefined for what is new. */
  readonly before: T | undefined;
  /** What is known now; undefined for what is gone. */
  readonly after: T | undefined;
  /** When, for what the objects do not say themselves. */
  readonly at: Date;
  readonly source: "event" | "relist";
}

/** One step of what is known. At least one of `before` and `after` is there. */
export type Change =
  | ({ readonly kind: "pod" } & Changed<NodePod>)
  | ({ readonly kind: "container" } & Changed<NodeContainer>);

/** How far something has come: not there yet, created, started, stopped. */
export type Step = -1 | 0 | 1 | 2;

/** What a change means, step by step, beyond what was reached: who was found stopped has been created before. */
export function eventsOf(change: Change, reached: Step): readonly (PodEvent | ContainerEvent)[] {
  return change.kind === "pod" ? podEvents(change, reached) : containerEvents(change, reached);
}

function podEvents({ before, after, at, source }: Changed<NodePod>, reached: Step): PodEvent[] {
  const pod = after ?? before;
  if (!pod) return [];
  const tell = (type: PodEvent["type"], when = at): PodEvent => {
    const { id } = pod;
    return Object.freeze<PodEvent>({ type, kind: "pod", id, podId: id, pod, at: when, source });
  };
  const events: PodEvent[] = [];
  if (reached < 0) events.push(tell("created", pod.createdAt));
  if (reached < 1 && after?.state === "ready") events.push(tell("started"));
  if (reached < 2 && after?.state !== "ready") events.push(tell("stopped"));
  if (!after) events.push(tell("deleted"));
  return events;
}

function containerEvents(
  { before, after, at, source }: Changed<NodeContainer>,
  reached: Step,
): ContainerEvent[] {
  const container = after ?? before;
  if (!container) return [];
  const { id, podId } = container;
  const told = { kind: "container", id, podId, container, source } as const;
  const events: ContainerEvent[] = [];
  const tell = (type: "created" | "started" | "deleted", when = at) =>
    events.push(Object.freeze({ ...told, type, at: when }));

  if (reached < 0) tell("created", container.createdAt);
  const exit = after?.exit;
  if (reached < 1 && after?.state === "running") tell("started");
  else if (reached < 1 && exit?.startedAt) tell("started", exit.startedAt);
  const ended = after ? after.state === "exited" : reached >= 1;
  if (reached < 2 && ended)
    events.push(Object.freeze({ ...told, type: "stopped", exit, at: exit?.finishedAt ?? at }));
  if (!after) tell("deleted");
  return events;
}
