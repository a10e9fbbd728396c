import { EventEmitter, on } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { CriError, criErrorCodes } from "../../../src/index.js";
import type { CallContext, Services } from "../../../src/server/index.js";

/** Handlers that behave as the request demands, and record how each call ended. */
export interface Scripted {
  readonly services: Services;
  /** The abort reasons of the calls' signals, in order. */
  readonly ends: string[];
  /** The contexts of the calls, in order. */
  readonly contexts: CallContext[];
  /** The current number of event subscribers. */
  subscribers: number;
  /** Sends an event to every subscriber. */
  emit(containerId: string): void;
}

export function scripted(): Scripted {
  const bus = new EventEmitter().setMaxListeners(0);
  const signalled = (signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener("abort", () => resolve(), { once: true });
    });
  const note = ({ signal }: CallContext) => self.ends.push((signal.reason as CriError).reason);
  const self: Scripted = {
    ends: [],
    contexts: [],
    subscribers: 0,
    emit: (containerId) => bus.emit("event", { containerId }),
    services: {
      runtime: {
        version: ({ version }, context) => {
          self.contexts.push(context);
          return { version, runtimeName: "scripted", runtimeVersion: "1", runtimeApiVersion: "v1" };
        },
        // A response as encoded bytes.
        runtimeConfig: () => Buffer.from([0x0a, 0x02, 0x08, 0x01]),
        listContainers: ({ filter }) => ({ containers: [{ id: filter?.id ?? "" }] }),
        // @ts-expect-error not a valid message
        podSandboxStatus: () => ({ status: { createdAt: "now" } }),
        async execSync({ cmd: [what = "", detail = ""] }, context) {
          self.contexts.push(context);
          switch (what) {
            case "fail":
              throw new CriError({
                code: criErrorCodes.find((code) => code === detail) ?? "unknown",
                reason: "runtime_error",
                rawMessage: `why: ${detail} ü 100%\n`,
              });
            case "throw":
              throw new Error(detail);
            case "echo":
              return { stdout: Buffer.alloc(Number(detail), "x") };
            case "cut":
              context.cutConnection();
              await signalled(context.signal);
              note(context);
              return {};
            case "sleep":
              await pause(Number(detail));
              return { exitCode: 7 };
            default:
              await signalled(context.signal);
              note(context);
              return {};
          }
        },
        async *streamContainers({ filter }, context) {
          if (filter?.id === "nothing") return;
          try {
            yield { containers: [{ id: "a" }] };
            yield { containers: [{ id: "b" }] };
            if (filter?.id === "fail")
              throw new CriError({ code: "aborted", reason: "runtime_error", rawMessage: "in the middle" });
            if (filter?.id === "wait") await signalled(context.signal);
          } finally {
            if (context.signal.aborted) note(context);
          }
        },
        streamPodSandboxes() {
          throw new CriError({ code: "not_found", reason: "object_missing", rawMessage: "at once" });
        },
        // Not a generator, and it ignores the signal: the server must call return().
        getContainerEvents(_, context) {
          const source = on(bus, "event");
          let over = false;
          self.subscribers++;
          const iterator: AsyncIterator<{ containerId: string }> = {
            async next() {
              const { done, value } = await source.next();
              return done ? { done, value } : { done: false, value: value[0] };
            },
            async return() {
              if (!over) {
                self.subscribers--;
                note(context);
              }
              over = true;
              await source.return?.();
              return { done: true, value: undefined };
            },
          };
          return { [Symbol.asyncIterator]: () => iterator };
        },
      },
    },
  };
  return self;
}
