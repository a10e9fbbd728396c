// What a ContainerConfig means to a driver.
import { posix } from "node:path";
import {
  type ContainerConfig,
  type Mount,
  Signal,
  SupplementalGroupsPolicy,
} from "../../../gen/runtime/v1/api_pb.js";
import { criError, isCriError } from "../../core/index.js";
import type { DriverContainer, DriverMount, ImageFiles, ProcessSpec } from "./driver.js";
import type { RefusalPlace } from "./errors.js";
import type { ContainerImage, Sandbox } from "./objects.js";
import type { RuntimeState } from "./runtime-state.js";
import { isSignal, signalName } from "./signals.js";

/**
 * Returns the main process of a container. `command` and `args` replace the image's entrypoint and cmd as in Kubernetes.
 */
export function processSpecOf(
  { errors }: RuntimeState,
  config: ContainerConfig,
  image: ContainerImage,
  hostname: string,
): ProcessSpec {
  const command = config.command.length > 0 ? config.command : image.entrypoint;
  const rest = config.args.length > 0 || config.command.length > 0 ? config.args : image.cmd;
  const args = [...command, ...rest];
  if (args.length === 0)
    throw errors.invalidRequest(
      "config.command",
      "must not be empty: the image has neither an entrypoint nor a cmd",
      config.command,
    );
  const env: Record<string, string> = { HOSTNAME: hostname };
  for (const variable of image.env) {
    const [name = "", ...value] = variable.split("=");
    env[name] = value.join("=");
  }
  for (const { key, value } of config.envs) env[key] = Buffer.from(value).toString();
  const workingDir = config.workingDir || image.workingDir;
  return { args, env, workingDir, tty: config.tty, stdin: config.stdin };
}

/** Returns a container as drivers know it. Throws `image_missing` and `invalid_request` for mounts of images. */
export function driverContainerOf(
  state: RuntimeState,
  id: string,
  sandbox: Sandbox,
  config: ContainerConfig,
  image: ContainerImage,
): DriverContainer {
  const { supplementalGroups = [], supplementalGroupsPolicy } = config.linux?.securityContext ?? {};
  const ignoresPolicy = state.profile.ignores.includes("supplemental_groups_policy");
  return {
    id,
    pod: sandbox.pod,
    image: config.image?.image ?? "",
    imageFiles: image.files,
    mounts: config.mounts.map((mount, index) => driverMountOf(state, id, mount, `config.mounts[${index}]`)),
    devices: config.devices.map(({ containerPath, hostPath }) => ({ containerPath, hostPath })),
    user: userOf(config, image),
    supplementalGroups: supplementalGroups.map(Number),
    mergeGroups: ignoresPolicy || supplementalGroupsPolicy === SupplementalGroupsPolicy.Merge,
  };
}

function driverMountOf(state: RuntimeState, id: string, mount: Mount, path: string): DriverMount {
  const { containerPath, hostPath, readonly, image, imageSubPath } = mount;
  const { ignores } = state.profile;
  if (!image || ignores.includes("mounts[].image")) return { containerPath, hostPath, readonly };
  const place = { step: "image volume", path: `${path}.image.image`, value: image.image, id } as const;
  const files = filesForMount(state, image.image, place);
  const subPath = ignores.includes("mounts[].image_sub_path") ? "" : imageSubPath;
  const selected = filesBelow(files, subPath);
  if (selected) return { containerPath, hostPath: "", readonly, files: selected };
  const text = `sub path ${JSON.stringify(imageSubPath)} does not exist in image volume ${JSON.stringify(image.image)}`;
  throw state.errors.refused(text, { ...place, path: `${path}.image_sub_path`, value: imageSubPath });
}

function filesForMount(state: RuntimeState, image: string, place: RefusalPlace): ImageFiles {
  try {
    return state.resolveImage(image).files;
  } catch (error) {
    if (!isCriError(error) || error.reason !== "image_missing") throw error;
    throw state.errors.mountImageMissing(state.profile.words.noImageForMount(image), place);
  }
}

/** Selects the files in a folder of an image, with paths relative to it; the file "/" for a path of one file; undefined for none. */
function filesBelow(files: ImageFiles, subPath: string): ImageFiles | undefined {
  const folder = posix.join("/", subPath);
  if (folder === "/") return files;
  const file = files.get(folder);
  if (file) return new Map([["/", file]]);
  const inside = [...files].filter(([path]) => path.startsWith(`${folder}/`));
  if (inside.length === 0 || subPath.split("/").includes("..")) return undefined;
  return new Map(inside.map(([path, content]) => [path.slice(folder.length), content]));
}

/** Returns the user with its group, in the order in which real runtimes choose: by name, by number, that of the image. */
function userOf(config: ContainerConfig, image: ContainerImage): string | undefined {
  const { runAsUser, runAsGroup, runAsUsername } = config.linux?.securityContext ?? {};
  const user = runAsUsername || (runAsUser ? String(runAsUser.value) : "");
  if (user === "") return image.user || undefined;
  return runAsGroup ? `${user}:${runAsGroup.value}` : user;
}

/** Returns the path of the log, below the sandbox's log directory; "" for none. */
export function logPathOf(
  { profile }: RuntimeState,
  id: string,
  { config }: Sandbox,
  { logPath }: ContainerConfig,
): string {
  const path = logPath || (profile.logsWithoutPath ? `${id}.log` : "");
  return config.logDirectory && path ? `${config.logDirectory}/${path}` : "";
}

/**
 * Throws `exec_not_started` for a process that no runtime starts: with a relative working directory, or an environment that no process can
 * have. The texts are those of runc.
 */
export function checkProcess({ args, env, workingDir }: ProcessSpec): void {
  const fail = (why: string) =>
    criError("exec_not_started", `failed to start exec ${JSON.stringify(args[0] ?? "")}: ${why}`);
  if (workingDir !== "" && !workingDir.startsWith("/")) throw fail("Cwd must be an absolute path");
  for (const [name, value] of Object.entries(env)) {
    const variable = JSON.stringify(`${name}=${value}`);
    if (name === "") throw fail(`environment variable name can't be empty: ${variable}`);
    if (`${name}${value}`.includes("\0"))
      throw fail(`environment variable value can't contain null(\\x00): ${variable}`);
  }
}

/**
 * Returns the signal that StopContainer sends first: that of the config, else that of the image, else SIGTERM. Throws `invalid_request` for
 * a signal that this host does not have.
 */
export function stopSignalOf(
  { errors, profile }: RuntimeState,
  { stopSignal }: ContainerConfig,
  image: ContainerImage,
): NodeJS.Signals {
  const isSet = stopSignal !== Signal.RUNTIME_DEFAULT && !profile.ignores.includes("stop_signal");
  const name = isSet ? signalName(stopSignal) : image.stopSignal || "SIGTERM";
  if (isSignal(name)) return name;
  if (!isSet) throw errors.invalidRequest("config.image", "must have a stop signal of this host", name);
  throw errors.invalidRequest("config.stop_signal", "must be a signal of this host", name || stopSignal);
}
