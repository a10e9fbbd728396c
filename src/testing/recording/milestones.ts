import { onAbort } from "../../core/index.js";
import { methodNamed } from "./methods.js";
import type { Exchange } from "./read-recording.js";

/** The lines of a recording that a client causes: the beginnings of calls, and the ends of unary ones. */
export class Milestones {
  readonly #lines: readonly number[];
  readonly #reached = new Set<number>();
  readonly #waiting = new Set<() => void>();
  /** The index of the first line that was not reached. */
  #first = 0;

  constructor(exchanges: readonly Exchange[]) {
    this.#lines = exchanges
      .flatMap((exchange) => [exchange.line, outcomeLine(exchange) ?? exchange.line])
      .sort((a, b) => a - b);
  }

  /** Notes that a call has begun, or has got its response. */
  reach(line: number): void {
    this.#reached.add(line);
    for (let next = this.#lines[this.#first]; next !== undefined && this.#reached.has(next); ) {
      this.#first++;
      next = this.#lines[this.#first];
    }
    for (const check of [...this.#waiting]) check();
  }

  /** Resolves when every milestone before a line was reached. Rejects with the signal's reason. */
  before(line: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = () => {
        this.#waiting.delete(check);
        removeCallback();
      };
      const check = () => {
        const next = this.#lines[this.#first];
        if (next !== undefined && next < line) return;
        end();
        resolve();
      };
      this.#waiting.add(check);
      let removeCallback = () => {};
      removeCallback = onAbort(signal, () => {
        end();
        reject(signal.reason);
      });
      check();
    });
  }
}

/** Returns the line of the response or error of a unary call; undefined for a stream, and for a call without an outcome. */
export function outcomeLine({ rpc, steps }: Exchange): number | undefined {
  if (methodNamed(rpc)?.methodKind !== "unary") return undefined;
  return steps.find((step) => "response" in step || "error" in step)?.line;
}
