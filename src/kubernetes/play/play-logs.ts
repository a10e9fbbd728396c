import { cancelOnReturn, criError, OptionTable, option } from "../../core/index.js";
import { type LogEntry, type ReadLogsOptions, readLogs, readLogsTable } from "../../logs/index.js";
import type { ObservedContainer, ObservedPod } from "../worker/observed.js";
import type { PlayStream } from "./history.js";

/** Options of {@link PlayedPod.logs}. */
export interface PlayLogsOptions extends Omit<ReadLogsOptions, "running" | "from" | "wait"> {
  /** The name of the container. @default the annotation `kubectl.kubernetes.io/default-container`, or the first of `spec.containers` */
  readonly container?: string | undefined;
  /** Reads the log of the instance before the current one. @default false */
  readonly previous?: boolean | undefined;
}

const { running: _running, from: _from, wait: _wait, ...checks } = readLogsTable.checks;

/** The options of {@link PlayLogsOptions}. */
export const playLogsTable = new OptionTable<PlayLogsOptions>({
  ...checks,
  container: option.nonEmptyString,
  previous: option.boolean,
});

/** What reading logs needs of a pod. */
export interface LogSource {
  /** What the runtime reported last, and again after each change until the pod ends. */
  readonly observations: () => AsyncIterable<ObservedPod>;
  /** Whether an instance still runs. */
  readonly isRunning: (containerId: string) => boolean;
}

/**
 * Reads the log of a container by its name. With `follow`, waits for its first instance, and continues with the log of the next instance
 * when one ends, until the pod ends.
 */
export function readPlayLogs(
  name: string,
  { previous = false, container: _container, follow = false, ...options }: PlayLogsOptions,
  source: LogSource,
): PlayStream<LogEntry> {
  return cancelOnReturn((signal) => {
    const read: Read = ({ id, logPath }, more = {}) =>
      readLogs(logPath, { ...options, ...more, signal, running: () => source.isRunning(id) });
    return follow && !previous ? followInstances(name, source, read) : readOne(name, previous, source, read);
  }, options.signal);
}

type Read = (instance: ObservedContainer, more?: ReadLogsOptions) => AsyncIterable<LogEntry>;

async function* readOne(
  name: string,
  previous: boolean,
  source: LogSource,
  read: Read,
): AsyncGenerator<LogEntry> {
  for await (const observed of source.observations()) {
    const instance = instancesOf(observed, name)[previous ? 1 : 0];
    if (instance !== undefined) yield* read(instance);
    else {
      const what = previous ? "previous instance" : "instance";
      throw criError("log_missing", `container ${JSON.stringify(name)} has no ${what} yet`);
    }
    return;
  }
}

async function* followInstances(name: string, source: LogSource, read: Read): AsyncGenerator<LogEntry> {
  let last: ObservedContainer | undefined;
  for await (const observed of source.observations()) {
    const all = instancesOf(observed, name).filter(({ state }) => state !== "created");
    const lastNanos = last?.createdAtNanos;
    // The newest at first; then those that were created since, the oldest first.
    const next =
      lastNanos === undefined
        ? all.slice(0, 1)
        : all.filter(({ createdAtNanos }) => createdAtNanos > lastNanos).reverse();
    for (const instance of next) {
      // Of later instances, everything is new.
      const isLater = last !== undefined;
      yield* read(instance, { follow: true, wait: true, ...(isLater && { tail: undefined }) });
      last = instance;
    }
  }
}

/** Returns the instances of a container, the newest first. */
function instancesOf({ containers }: ObservedPod, name: string): readonly ObservedContainer[] {
  return containers.filter((one) => one.name === name && one.logPath !== "");
}
