import type { ContainerEvent, PodEvent } from "./event-types.js";
import type { NodeContainer, NodeObject, NodePod } from "./objects.js";

interface ChangeOf<T> {
  /** The state before; undefined for a new object. */
  readonly before: T | undefined;
  /** The state after; undefined for a removed object. */
  readonly after: T | undefined;
  /** The time of the steps for which the objects have no time of their own. */
  readonly at: Date;
  readonly source: "event" | "relist";
}

/** A change of the known state. At least one of `before` and `after` is set. */
export type Change = ({ readonly kind: "pod" } & ChangeOf<NodePod>) | ContainerChange;

interface ContainerChange extends ChangeOf<NodeContainer> {
  readonly kind: "container";
  /** The container's pod, if it is known. */
  readonly pod: NodePod | undefined;
}

/** A step in the life of an object: none yet, created, started, stopped. */
type Step = -1 | 0 | 1 | 2;

const stepOfState = { created: 0, unknown: 0, running: 1, ready: 1, exited: 2, notReady: 2 } as const;

/**
 * The events of one reader: translates changes, so that no step is reported twice. A runtime that has just started may list an object
 * in an earlier state than before, or in none.
 */
export class EventTranslator {
  /** The steps that were reported of objects whose state went back. */
  readonly #reported = new Map<string, Step>();

  /** Returns the events of a change, one per step: an object that is found stopped was also created. */
  translate(change: Change): readonly (PodEvent | ContainerEvent)[] {
    const reached = this.#reportedBefore(change);
    return change.kind === "pod" ? podEvents(change, reached) : containerEvents(change, reached);
  }

  /** Forgets what was reported, for a reader that lost events. */
  clear(): void {
    this.#reported.clear();
  }

  #reportedBefore({ before, after }: Change): Step {
    const id = after?.id ?? before?.id ?? "";
    const reached = this.#reported.get(id) ?? stepOf(before);
    if (after && stepOf(after) < reached) this.#reported.set(id, reached);
    else this.#reported.delete(id);
    return reached;
  }
}

function stepOf(object: NodeObject | undefined): Step {
  return object ? stepOfState[object.state] : -1;
}

function podEvents({ before, after, at, source }: ChangeOf<NodePod>, reached: Step): PodEvent[] {
  const pod = after ?? before;
  if (!pod) return [];
  const { id } = pod;
  const events: PodEvent[] = [];
  const add = (type: PodEvent["type"], when = at) =>
    events.push(Object.freeze<PodEvent>({ type, kind: "pod", id, podId: id, pod, at: when, source }));

  if (reached < 0) add("created", pod.createdAt);
  if (reached < 1 && after?.state === "ready") add("started");
  if (reached < 2 && after?.state !== "ready") add("stopped");
  if (!after) add("deleted");
  return events;
}

function containerEvents(
  { before, after, at, source, pod }: ContainerChange,
  reached: Step,
): ContainerEvent[] {
  const container = after ?? before;
  if (!container) return [];
  const { id, podId } = container;
  const common = { kind: "container", id, podId, pod, container, source } as const;
  const events: ContainerEvent[] = [];
  const add = (type: "created" | "started" | "deleted", when = at) =>
    events.push(Object.freeze({ ...common, type, at: when }));

  if (reached < 0) add("created", container.createdAt);
  const exit = after?.exit;
  if (reached < 1 && after?.state === "running") add("started");
  else if (reached < 1 && exit?.startedAt) add("started", exit.startedAt);
  const hasStopped = after ? after.state === "exited" : reached >= 1;
  if (reached < 2 && hasStopped)
    events.push(Object.freeze({ ...common, type: "stopped", exit, at: exit?.finishedAt ?? at }));
  if (!after) add("deleted");
  return events;
}
