// The engine's events of containers, as they come. The stream ends when the engine does.
import type { EngineEvent } from "./api.js";
import type { Engine } from "./client.js";
import { lines } from "./lines.js";

/** An event with its exact time: nanoseconds since 1970. */
export interface TimedEvent {
  readonly event: EngineEvent;
  readonly time: bigint;
}

/** Yields the events of containers that have a label. Calls `onOpen` when the engine has subscribed the stream. */
export async function* containerEvents(
  engine: Engine,
  label: string,
  onOpen: () => Promise<void>,
  signal: AbortSignal,
): AsyncGenerator<TimedEvent> {
  const filters = JSON.stringify({
    type: ["container"],
    label: [label],
    event: ["create", "start", "die", "destroy"],
  });
  const response = await engine.stream("GET", "/events", { query: { filters }, signal, timeoutMs: 10_000 });
  await onOpen();
  for await (const line of lines(response)) {
    // A number of JavaScript has no nanoseconds.
    const [, time = "0"] = /"timeNano":(\d+)/.exec(line) ?? [];
    yield { event: JSON.parse(line) as EngineEvent, time: BigInt(time) };
  }
}
