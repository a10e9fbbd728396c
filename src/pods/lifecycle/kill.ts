import { readFileSync } from "node:fs";
import { constants } from "node:os";
import { ContainerState } from "../../../gen/runtime/v1/api_pb.js";
import { type CallOptions, checkArgument, codeOf, criError } from "../../core/index.js";
import type { PodContext } from "../context.js";
import { member, parseJson } from "../verbose-info.js";
import { stopContainer } from "./stop-and-remove.js";

type KillContext = Pick<PodContext, "runtime">;

/**
 * Sends a signal to the main process of a container. SIGKILL is StopContainer without a grace period. CRI has no RPC for other signals:
 * they are sent to the process that the verbose ContainerStatus names, if it is certainly the container's.
 */
export async function killContainer(
  context: KillContext,
  containerId: string,
  signal: NodeJS.Signals,
  options: CallOptions = {},
): Promise<void> {
  checkArgument("container.kill", "signal", signal, (value: unknown) =>
    typeof value === "string" && Object.hasOwn(constants.signals, value)
      ? undefined
      : 'must be the name of a signal, such as "SIGHUP"',
  );
  if (signal === "SIGKILL") return stopContainer(context, containerId, { ...options, gracePeriodMs: 0 });
  const { status, info } = await context.runtime.containerStatus({ containerId, verbose: true }, options);
  if (status?.state !== ContainerState.CONTAINER_RUNNING)
    throw criError("wrong_state", `container ${containerId.slice(0, 13)} is not running`);
  const pid = Number(member(parseJson(info.info), "pid"));
  if (!Number.isInteger(pid) || pid < 2 || !isProcessOf(containerId, pid))
    throw notSent(containerId, signal, "its process is not visible here");
  try {
    process.kill(pid, signal);
  } catch (cause) {
    // It ended in this moment, as after any signal that arrives too late.
    if (codeOf(cause) !== "ESRCH")
      throw notSent(containerId, signal, `this user may not signal process ${pid}`, cause);
  }
}

/**
 * Returns whether a process of this host belongs to a container: real runtimes name its cgroup after the container's id, and the
 * embedded one marks its environment. False for a runtime on another host or in another PID namespace, where the number is another
 * process's.
 */
function isProcessOf(containerId: string, pid: number): boolean {
  return ["cgroup", "environ"].some((file) => {
    try {
      return readFileSync(`/proc/${pid}/${file}`, "latin1").includes(containerId);
    } catch {
      return false;
    }
  });
}

function notSent(containerId: string, signal: string, why: string, cause?: unknown) {
  return criError(
    "signal_not_sent",
    `cannot send ${signal} to container ${containerId.slice(0, 13)}: ${why}`,
    {
      hint: `Run this as root on the runtime's host, or send the signal inside: container.runCommand(["kill", "-s", "${signal.slice(3)}", "1"])`,
      cause,
    },
  );
}
