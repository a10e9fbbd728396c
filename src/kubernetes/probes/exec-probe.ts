import type { RuntimeClient } from "../../clients/index.js";
import { isCriError } from "../../core/index.js";
import type { ExecAction } from "../api/index.js";
import { expandVariables } from "../config/expansion.js";
import { runInContainer } from "./command-output.js";
import type { ProbeOutcome, ProbeTarget } from "./outcome.js";

/**
 * Makes an `exec` probe: exit code 0 is a success; any other, and a command that outlasts the timeout, is a failure. `$(NAME)` in the
 * command is replaced by the value of a variable in `env`; a variable with `valueFrom` is empty here, as in the kubelet.
 *
 * Rejects with the errors of ExecSync, such as `exec_not_started`.
 */
export async function execProbe(
  runtime: Pick<RuntimeClient, "execSync">,
  { command = [] }: ExecAction,
  { container, containerId }: ProbeTarget,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<ProbeOutcome> {
  const values = new Map(container.env?.map(({ name, value = "" }) => [name, value]));
  const expanded = command.map((argument) => expandVariables(argument, (name) => values.get(name)));
  const timeoutSeconds = Math.ceil(timeoutMs / 1_000);
  try {
    const { exitCode, output } = await runInContainer(runtime, containerId, expanded, timeoutSeconds, signal);
    return { result: exitCode === 0 ? "success" : "failure", output };
  } catch (error) {
    const isTimeout = isCriError(error) && (error.reason === "exec_timeout" || error.reason === "deadline");
    if (!isTimeout || signal.aborted) throw error;
    const text = JSON.stringify(expanded.join(" "));
    return { result: "failure", output: `command timed out: ${text} timed out after ${timeoutSeconds}s` };
  }
}
