import { type ContainerEventResponse, ContainerEventType } from "../../../gen/runtime/v1/api_pb.js";
import { isCriError } from "../../core/index.js";
import type { ConformanceContext } from "./context.js";

const names = new Map<number, string>(
  Object.entries(ContainerEventType).map(([name, value]) => [
    value,
    name.split("_")[1]?.toLowerCase() ?? name,
  ]),
);

/** How many events from before may be too large to be sent. */
const maxReopened = 20;

/** Reads the events of a runtime, always and at once: a reader that stalls may freeze the runtime. */
export class EventRecorder {
  readonly #context: ConformanceContext;
  readonly #events: ContainerEventResponse[] = [];
  readonly #stop = new AbortController();
  #failure: unknown;

  private constructor(context: ConformanceContext) {
    this.#context = context;
    void this.#read();
  }

  /** Subscribes; resolves when events arrive. */
  static async open(context: ConformanceContext): Promise<EventRecorder> {
    const recorder = new EventRecorder(context);
    context.defer(() => recorder.close());
    // Nothing tells when a subscription is in force, and runtimes lose the first event after a reader has left.
    for (let tries = 0; tries < 20 && !recorder.#failure; tries++) {
      const { id } = await context.create(context.commands.run);
      await context.runtime.removeContainer({ containerId: id });
      try {
        await context.eventually(
          "an event comes",
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

  /** All events of one sandbox or container, as they came. */
  of(id: string): ContainerEventResponse[] {
    return this.#events.filter(({ containerId }) => containerId === id);
  }

  /** What happened to one sandbox or container: `created`, `started`, `stopped`, `deleted`. */
  kinds(id: string): string[] {
    return this.of(id).map(
      ({ containerEventType }) => names.get(containerEventType) ?? `${containerEventType}`,
    );
  }

  /** Waits until this has happened to a sandbox or container, and gives the event. */
  async sees(id: string, kind: string): Promise<ContainerEventResponse> {
    return this.#context.eventually(`the event "${kind}" comes (there are: ${this.kinds(id)})`, () => {
      if (this.#failure) throw this.#failure;
      return this.of(id)[this.kinds(id).indexOf(kind)];
    });
  }

  /** Stops reading. */
  close(): void {
    this.#stop.abort(new Error("no more events are wanted"));
  }

  #failed(): boolean {
    return this.#failure !== undefined;
  }

  async #read(again = maxReopened): Promise<void> {
    const { signal } = this.#stop;
    try {
      for await (const event of this.#context.runtime.getContainerEvents({}, { signal }))
        this.#events.push(event);
      this.#failure ??= new Error("the stream of events ended");
    } catch (error) {
      if (signal.aborted) return;
      // A runtime keeps what nobody read, and fails over an event from before that is larger than it may send.
      if (again > 0 && isCriError(error) && error.code === "resource_exhausted") return this.#read(again - 1);
      this.#failure = error;
    }
  }
}
