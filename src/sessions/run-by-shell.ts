import { bounded } from "../core/index.js";
import { lacksShell } from "./killable.js";
import type { RunOptions, RunResult } from "./options.js";

/** Runs a command, by the container's shell or as it is. */
type Run = (byShell: boolean, options: RunOptions) => Promise<RunResult<string | Buffer>>;

/** Runs a command by the container's shell; in a container that has none, as it is. Both have one deadline. */
export function runByShell(run: Run, options: RunOptions): Promise<RunResult<string | Buffer>> {
  return bounded(options, (signal) => {
    const limited = { ...options, signal, timeoutMs: undefined };
    return run(true, limited).catch((error: unknown) => {
      // Nothing was started, so nothing of the input was taken either.
      if (lacksShell(error)) return run(false, limited);
      throw error;
    });
  });
}
