import type { ContainerEventResponse } from "../../gen/runtime/v1/api_pb.js";
import type { FeedDown } from "./feed.js";

/** A task of a tracker. */
export type Task =
  | { readonly kind: "event"; readonly event: ContainerEventResponse }
  | { readonly kind: "up" }
  | { readonly kind: "down"; readonly why: FeedDown }
  | { readonly kind: "relist" };

/**
 * The tasks of a tracker, run one at a time and in order: no event overtakes another, and no list is older than the known state. It
 * also has the timer of the next relist.
 */
export class TaskQueue {
  readonly #run: (task: Task) => Promise<void> | void;
  #queue: Task[] = [];
  #events = 0;
  #isRunning = false;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = 0;

  /** `run` must not reject. */
  constructor(run: (task: Task) => Promise<void> | void) {
    this.#run = run;
  }

  /** The number of queued events. */
  get events(): number {
    return this.#events;
  }

  /** Returns whether a task of this kind is queued; the running one does not count. */
  has(kind: Task["kind"]): boolean {
    return this.#queue.some((task) => task.kind === kind);
  }

  push(task: Task): void {
    this.#queue.push(task);
    if (task.kind === "event") this.#events++;
    if (!this.#isRunning) void this.#runAll();
  }

  dropEvents(): void {
    this.#queue = this.#queue.filter(({ kind }) => kind !== "event");
    this.#events = 0;
  }

  /** Queues a relist behind the other tasks, unless one is queued. */
  relistNow(): void {
    this.#clearTimer();
    if (!this.has("relist")) this.push({ kind: "relist" });
  }

  /** Queues a relist after `ms` milliseconds, or earlier if one is due earlier. */
  relistAfter(ms: number): void {
    const at = performance.now() + ms;
    if (this.#timer && this.#timerAt <= at) return;
    this.#clearTimer();
    this.#timerAt = at;
    this.#timer = setTimeout(() => this.relistNow(), ms);
  }

  /** Drops all queued tasks and the timer. */
  clear(): void {
    this.#clearTimer();
    this.#queue = [];
    this.#events = 0;
  }

  #clearTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  async #runAll(): Promise<void> {
    this.#isRunning = true;
    for (let task = this.#queue.shift(); task; task = this.#queue.shift()) {
      if (task.kind === "event") this.#events--;
      await this.#run(task);
    }
    this.#isRunning = false;
  }
}
