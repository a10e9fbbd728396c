import { monotonicMs } from "../../../core/index.js";
import type { RouteName } from "../routes.js";

/** The count of the requests of one kind. */
export interface RequestCount {
  /** The first part of the path; "" for unknown ones. */
  readonly path: string;
  readonly method: string;
  readonly code: number;
  readonly count: number;
  /** How long they took together, in seconds. */
  readonly seconds: number;
}

/** The methods with a series of their own; clients choose the others. */
const knownMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]);

/** Counts the requests of the kubelet's API. */
export class RequestCounts {
  readonly #counts = new Map<string, RequestCount>();
  #inFlight = 0;

  /** The number of requests that are being answered. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Returns all counts. */
  all(): Iterable<RequestCount> {
    return this.#counts.values();
  }

  /** Counts a request that begins. Call the result once, with the status, when it ends; a session ends with its upgrade. */
  begin(route: RouteName | undefined, method: string): (code: number) => void {
    const startedAt = monotonicMs();
    this.#inFlight++;
    return (code) => {
      this.#inFlight--;
      this.#add({
        path: route ?? "",
        method: knownMethods.has(method) ? method : "other",
        code,
        count: 1,
        seconds: (monotonicMs() - startedAt) / 1_000,
      });
    };
  }

  #add(one: RequestCount): void {
    const key = `${one.method} ${one.path} ${one.code}`;
    const { count = 0, seconds = 0 } = this.#counts.get(key) ?? {};
    this.#counts.set(key, { ...one, count: count + 1, seconds: seconds + one.seconds });
  }
}
