import { constants } from "node:os";
import { type ContainerConfig, Signal } from "../../../gen/runtime/v1/api_pb.js";
import type { DriverContainer, ProcessSpec } from "./driver.js";
import type { Machine } from "./machine.js";
import type { ContainerImage } from "./objects/container.js";
import type { Sandbox } from "./objects/sandbox.js";

/** The process that a container is created for: command and args replace the image's entrypoint and cmd as in Kubernetes. */
export function processOf(
  { refusals }: Machine,
  config: ContainerConfig,
  image: ContainerImage,
  hostname: string,
): ProcessSpec {
  const command = config.command.length > 0 ? config.command : image.entrypoint;
  const rest = config.args.length > 0 || config.command.length > 0 ? config.args : image.cmd;
  const args = [...command, ...rest];
  if (args.length === 0)
    throw refusals.invalid("config.command", "must not be empty: the image names no program", config.command);
  const env: Record<string, string> = { HOSTNAME: hostname };
  for (const pair of image.env) {
    const [name = "", ...value] = pair.split("=");
    env[name] = value.join("=");
  }
  for (const { key, value } of config.envs) env[key] = Buffer.from(value).toString();
  const workingDir = config.workingDir || image.workingDir;
  return { args, env, workingDir, tty: config.tty, stdin: config.stdin };
}

/** What a driver is told of a container. */
export function placeOf(
  id: string,
  sandbox: Sandbox,
  config: ContainerConfig,
  image: ContainerImage,
): DriverContainer {
  const mounts = config.mounts
    .filter(({ hostPath }) => hostPath !== "")
    .map(({ containerPath, hostPath, readonly }) => ({ containerPath, hostPath, readonly }));
  return { id, pod: sandbox.pod, image: config.image?.image ?? "", mounts, user: userOf(config, image) };
}

function userOf(config: ContainerConfig, image: ContainerImage): string | undefined {
  const { runAsUser, runAsGroup, runAsUsername } = config.linux?.securityContext ?? {};
  if (runAsUser) return runAsGroup ? `${runAsUser.value}:${runAsGroup.value}` : String(runAsUser.value);
  return runAsUsername || image.user || undefined;
}

/** Where the log is: below the sandbox's log directory; "" for none, where one of the two is missing. */
export function logPathOf({ config }: Sandbox, { logPath }: ContainerConfig): string {
  return config.logDirectory && logPath ? `${config.logDirectory}/${logPath}` : "";
}

const signalNames = new Map<number, string>(Object.entries(Signal).map(([name, number]) => [number, name]));

/** The signal that asks the main process to end. Throws for one that this host does not have. */
export function stopSignalOf({ refusals }: Machine, { stopSignal }: ContainerConfig): NodeJS.Signals {
  if (stopSignal === Signal.RUNTIME_DEFAULT) return "SIGTERM";
  const name = signalNames.get(stopSignal) ?? "";
  if (isSignal(name)) return name;
  throw refusals.invalid("config.stop_signal", "must be a signal of this host", name || stopSignal);
}

function isSignal(name: string): name is NodeJS.Signals {
  return name in constants.signals;
}
