import type { ContainerEventResponse } from "../../gen/runtime/v1/api_pb.js";
import type { FeedDown } from "./feed.js";

/** What there is to do about a node. */
export type Task =
  | { readonly kind: "event"; readonly event: ContainerEventResponse }
  | { readonly kind: "up" }
  | { readonly kind: "down"; readonly why: FeedDown }
  | { readonly kind: "relist" };

/** Works tasks off, each after the one before: so nothing overtakes, and no list is older than what is known. */
export class Tasks {
  readonly #work: (task: Task) => Promise<void> | void;
  #waiting: Task[] = [];
  #events = 0;
  #working = false;

  /** `work` must not reject. */
  constructor(work: (task: Task) => Promise<void> | void) {
    this.#work = work;
  }

  /** How many events wait. */
  get events(): number {
    return this.#events;
  }

  /** Whether such a task waits; the one under way does not. */
  has(kind: Task["kind"]): boolean {
    return this.#waiting.some((task) => task.kind === kind);
  }

  push(task: Task): void {
    this.#waiting.push(task);
    if (task.kind === "event") this.#events++;
    if (!this.#working) void this.#workOff();
  }

  dropEvents(): void {
    this.#waiting = this.#waiting.filter(({ kind }) => kind !== "event");
    this.#events = 0;
  }

  clear(): void {
    this.#waiting = [];
    this.#events = 0;
  }

  async #workOff(): Promise<void> {
    this.#working = true;
    for (let task = this.#waiting.shift(); task; task = this.#waiting.shift()) {
      if (task.kind === "event") this.#events--;
      await this.#work(task);
    }
    this.#working = false;
  }
}
