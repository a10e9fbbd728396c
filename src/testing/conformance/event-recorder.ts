import { type ContainerEventResponse, ContainerEventType } from "../../../gen/runtime/v1/api_pb.js";
import { isCriError } from "../../core/index.js";
import type { ConformanceContext } from "./context.js";

const names = new Map<number, string>(
  Object.entries(ContainerEventType).map(([name, value]) => [
    value,
    name.split("_")[1]?.toLowerCase() ?? name,
  ]),
);

/** The number of older, oversized events to skip. */
const maxReopened = 20;

/** Reads the events of a runtime without pause: a stalled subscriber may block the runtime. */
export class EventRecorder {
  readonly #context: ConformanceContext;
  readonly #events: ContainerEventResponse[] = [];
  readonly #stop = new AbortController();
  #failure: unknown;

  private constructor(context: ConformanceContext) {
    this.#context = context;
    void this.#read();
  }

  /** Subscribes; resolves when the first event has arrived. */
  static async open(context: ConformanceContext): Promise<EventRecorder> {
    const recorder = new EventRecorder(context);
    context.defer(() => recorder.close());
    // A runtime does not confirm a subscription, and may lose the first event after another subscriber disconnected.
    for (let tries = 0; tries < 20 && !recorder.#failure; tries++) {
      const container = await context.create(context.commands.run);
      const { id } = container;
      await container.remove();
      try {
        await context.eventually(
          "an event arrives",
          () => recorder.#failed() || recorder.of(id).length > 0,
          300,
        );
        break;
      } catch (error) {
        if (context.signal.aborted || tries === 19) throw error;
      }
    }
    if (recorder.#failure) throw recorder.#failure;
    return recorder;
  }

  /** Returns the events of one sandbox or container in order of arrival. */
  of(id: string): ContainerEventResponse[] {
    return this.#events.filter(({ containerId }) => containerId === id);
  }

  /** Returns the kinds of these events: `created`, `started`, `stopped`, `deleted`. */
  kinds(id: string): string[] {
    return this.of(id).map(
      ({ containerEventType }) => names.get(containerEventType) ?? `${containerEventType}`,
    );
  }

  /** Waits for an event of this kind and returns it. */
  async expect(id: string, kind: string): Promise<ContainerEventResponse> {
    return this.#context.eventually(`the event "${kind}" arrives (received: ${this.kinds(id)})`, () => {
      if (this.#failure) throw this.#failure;
      return this.of(id)[this.kinds(id).indexOf(kind)];
    });
  }

  /** Stops reading. */
  close(): void {
    this.#stop.abort(new Error("the recorder was closed"));
  }

  #failed(): boolean {
    return this.#failure !== undefined;
  }

  async #read(again = maxReopened): Promise<void> {
    const { signal } = this.#stop;
    try {
      for await (const event of this.#context.runtime.getContainerEvents({}, { signal }))
        this.#events.push(event);
      this.#failure ??= new Error("the event stream ended");
    } catch (error) {
      if (signal.aborted) return;
      // A runtime queues unread events and fails with an old event that exceeds its own message limit.
      if (again > 0 && isCriError(error) && error.code === "resource_exhausted") return this.#read(again - 1);
      this.#failure = error;
    }
  }
}
