import { writeFileSync } from "node:fs";
import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import { ImageService, RuntimeService } from "../../src/v1.js";

type Outcome = "ok" | "Unimplemented" | "error";

/** Notes the best outcome of every RPC on every runtime, and prints it as a table. */
export class Coverage {
  readonly #outcomes = new Map<string, Map<string, Outcome>>();

  interceptor(runtime: string): Interceptor {
    return (next) => async (request) => {
      try {
        const response = await next(request);
        if (!response.stream) this.#note(runtime, request.method.name, "ok");
        return response.stream
          ? { ...response, message: this.#watched(runtime, request.method.name, response.message) }
          : response;
      } catch (error) {
        this.#note(runtime, request.method.name, outcomeOf(error));
        throw error;
      }
    };
  }

  /** The RPCs that nobody called on a runtime. */
  missing(runtime: string): string[] {
    return allRpcs.filter((rpc) => !this.#outcomes.get(runtime)?.has(rpc));
  }

  outcome(runtime: string, rpc: string): Outcome | undefined {
    return this.#outcomes.get(runtime)?.get(rpc);
  }

  /** A Markdown table; also written to `path` where one is given. */
  table(path?: string): string {
    const runtimes = [...this.#outcomes.keys()];
    const row = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
    const lines = [
      row(["RPC", ...runtimes]),
      row(["---", ...runtimes.map(() => "---")]),
      ...allRpcs.map((rpc) =>
        row([rpc, ...runtimes.map((runtime) => this.outcome(runtime, rpc) ?? "not called")]),
      ),
    ];
    const table = `${lines.join("\n")}\n`;
    if (path) writeFileSync(path, table);
    return table;
  }

  async *#watched<T>(runtime: string, rpc: string, messages: AsyncIterable<T>): AsyncGenerator<T> {
    try {
      for await (const message of messages) {
        this.#note(runtime, rpc, "ok");
        yield message;
      }
      this.#note(runtime, rpc, "ok");
    } catch (error) {
      this.#note(runtime, rpc, outcomeOf(error));
      throw error;
    }
  }

  #note(runtime: string, rpc: string, outcome: Outcome): void {
    const outcomes = this.#outcomes.get(runtime) ?? new Map<string, Outcome>();
    this.#outcomes.set(runtime, outcomes);
    // An error on purpose does not hide that the RPC works.
    if (outcomes.get(rpc) !== "ok") outcomes.set(rpc, outcome);
  }
}

const allRpcs = [...RuntimeService.methods, ...ImageService.methods].map(({ name }) => name);

function outcomeOf(error: unknown): Outcome {
  return ConnectError.from(error).code === Code.Unimplemented ? "Unimplemented" : "error";
}
