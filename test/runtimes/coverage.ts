import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import { ImageService, RuntimeService } from "../../src/v1.js";

type Outcome = "ok" | "Unimplemented" | "error";

/** Records the best outcome of each RPC on each runtime and writes the outcomes as tables. */
export class Coverage {
  readonly #outcomes = new Map<string, Map<string, Outcome>>();

  interceptor(runtime: string): Interceptor {
    return (next) => async (request) => {
      try {
        const response = await next(request);
        if (!response.stream) this.#record(runtime, request.method.name, "ok");
        return response.stream
          ? { ...response, message: this.#watched(runtime, request.method.name, response.message) }
          : response;
      } catch (error) {
        this.#record(runtime, request.method.name, outcomeOf(error));
        throw error;
      }
    };
  }

  /** Returns the RPCs that were not called on a runtime. */
  missing(runtime: string): string[] {
    return allRpcs.filter((rpc) => !this.#outcomes.get(runtime)?.has(rpc));
  }

  outcome(runtime: string, rpc: string): Outcome | undefined {
    return this.#outcomes.get(runtime)?.get(rpc);
  }

  /** Writes the outcomes of each runtime as a column of a Markdown table, to a file named after the runtime; without a folder, does nothing. */
  write(folder: string | undefined): void {
    if (!folder) return;
    mkdirSync(folder, { recursive: true });
    for (const runtime of this.#outcomes.keys()) {
      const rows = allRpcs.map((rpc) => [rpc, this.outcome(runtime, rpc) ?? "not called"]);
      const lines = [["RPC", runtime], ["---", "---"], ...rows].map((cells) => `| ${cells.join(" | ")} |`);
      writeFileSync(join(folder, `${runtime}.md`), `${lines.join("\n")}\n`);
    }
  }

  async *#watched<T>(runtime: string, rpc: string, messages: AsyncIterable<T>): AsyncGenerator<T> {
    try {
      for await (const message of messages) {
        this.#record(runtime, rpc, "ok");
        yield message;
      }
      this.#record(runtime, rpc, "ok");
    } catch (error) {
      this.#record(runtime, rpc, outcomeOf(error));
      throw error;
    }
  }

  #record(runtime: string, rpc: string, outcome: Outcome): void {
    const outcomes = this.#outcomes.get(runtime) ?? new Map<string, Outcome>();
    this.#outcomes.set(runtime, outcomes);
    // An expected error in one test must not replace an earlier success.
    if (outcomes.get(rpc) !== "ok") outcomes.set(rpc, outcome);
  }
}

const allRpcs = [...RuntimeService.methods, ...ImageService.methods].map(({ name }) => name);

function outcomeOf(error: unknown): Outcome {
  return ConnectError.from(error).code === Code.Unimplemented ? "Unimplemented" : "error";
}
