import type { RuntimeClient } from "../../clients/index.js";
import { outputLimitBytes } from "./outcome.js";

/** How a command in a container ended. */
export interface CommandEnd {
  readonly exitCode: number;
  /** The first 10 KiB of the standard output followed by the standard error. */
  readonly output: string;
}

/** Runs a command by ExecSync, without a shell. `timeoutSeconds` 0 is no limit. Rejects with the errors of ExecSync. */
export async function runInContainer(
  runtime: Pick<RuntimeClient, "execSync">,
  containerId: string,
  command: readonly string[],
  timeoutSeconds: number,
  signal: AbortSignal,
): Promise<CommandEnd> {
  const request = { containerId, cmd: [...command], timeout: BigInt(timeoutSeconds) };
  const { stdout, stderr, exitCode } = await runtime.execSync(request, { signal });
  const output = Buffer.concat([stdout, stderr]).subarray(0, outputLimitBytes).toString("utf8");
  return { exitCode, output };
}
