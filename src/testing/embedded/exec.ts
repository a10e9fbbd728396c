import { ContainerState } from "../../../gen/runtime/v1/api_pb.js";
import { criError, onAbort } from "../../core/index.js";
import type { DriverContainer, DriverProcess, ProcessSpec } from "./driver.js";
import { collectOutputs } from "./exec-output.js";
import type { MainProcess } from "./main-process.js";
import type { Container } from "./objects.js";
import type { RuntimeState } from "./runtime-state.js";

/** Returns the main process of a running container. Throws `wrong_state` for any other container. */
export function runningProcess({ errors }: RuntimeState, container: Container): MainProcess {
  if (container.isRunning && container.main) return container.main;
  throw errors.wrongState(`container is in ${container.stateName} state`);
}

/** Starts a command in a container, with the environment and working directory of the container's main process. */
export async function startCommand(
  { driver, errors }: RuntimeState,
  container: Container,
  args: readonly string[],
  options: Pick<ProcessSpec, "tty" | "stdin" | "size">,
  place: DriverContainer = container.driverContainer,
): Promise<DriverProcess> {
  // The message is that of runc.
  if (args.length === 0) throw errors.invalidRequest("cmd", "args must not be empty", args);
  const { env, workingDir } = container.process;
  return driver.start(place, { args, env, workingDir, ...options });
}

/** CRI `ExecSyncResponse`. */
export interface ExecSyncResult {
  readonly exitCode: number;
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
}

/**
 * CRI ExecSync. A `timeoutMs` of 0 sets no timeout. Kills the command at the timeout, and when the client cancels the call.
 */
export async function execSync(
  state: RuntimeState,
  container: Container,
  command: readonly string[],
  timeoutMs: number,
  signal: AbortSignal,
): Promise<ExecSyncResult> {
  if (container.state === ContainerState.CONTAINER_CREATED && state.profile.execInCreated === "runs")
    return execInCreated(state, container, command, timeoutMs, signal);
  runningProcess(state, container);
  const process = await startCommand(state, container, command, noInput);
  return resultOf(state, process, timeoutMs, signal);
}

const noInput = { tty: false, stdin: false };

/** Runs a command in a copy of a container, because the first process that a driver starts in a container is its main process. */
async function execInCreated(
  state: RuntimeState,
  container: Container,
  command: readonly string[],
  timeoutMs: number,
  signal: AbortSignal,
): Promise<ExecSyncResult> {
  const copy = { ...container.driverContainer, id: state.ids.next() };
  await state.driver.create(copy);
  try {
    const process = await startCommand(state, container, command, noInput, copy);
    return await resultOf(state, process, timeoutMs, signal);
  } finally {
    await state.driver.remove(copy);
  }
}

/** Waits for a command, and kills it at the timeout and when the signal fires. */
async function resultOf(
  state: RuntimeState,
  process: DriverProcess,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<ExecSyncResult> {
  const kill = () => process.kill("SIGKILL");
  const removeCallback = onAbort(signal, kill);
  const done = new AbortController();
  let isTimedOut = false;
  if (timeoutMs > 0)
    state.clock.sleep(timeoutMs, done.signal).then(
      () => {
        isTimedOut = true;
        kill();
      },
      () => undefined,
    );
  try {
    const outputs = await collectOutputs(state.profile, process, kill);
    const { exitCode } = await process.exit;
    if (isTimedOut) return timeoutResult(state, timeoutMs);
    return { exitCode, ...outputs() };
  } finally {
    done.abort();
    removeCallback();
  }
}

/** Returns what the profile's runtime responds after a timeout, or throws `exec_timeout`. */
function timeoutResult({ profile }: RuntimeState, timeoutMs: number): ExecSyncResult {
  if (profile.execTimeout === "exit code -1")
    return { exitCode: -1, stdout: new Uint8Array(), stderr: Buffer.from("command timed out") };
  throw criError("exec_timeout", `timeout ${timeoutMs / 1000}s exceeded: context deadline exceeded`);
}
