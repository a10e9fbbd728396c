// The fields of a container spec that become fields of ContainerConfig: environment, mounts, devices, stop signal.
import { posix, win32 } from "node:path";
import { clone, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type DeviceSchema,
  type IDMapping,
  IDMappingSchema,
  type KeyValueSchema,
  MountPropagation,
  type MountSchema,
  Signal,
} from "../../../gen/runtime/v1/api_pb.js";
import { closestMatch, isBytes } from "../../core/index.js";
import { didYouMean, Fields, problemOf } from "./fields.js";
import { kubernetesNames } from "./kubernetes-names.js";
import type { ContainerSpec, DeviceSpec, MountSpec } from "./spec-container.js";
import { containerPath, hostPath, imageName, relativePath } from "./string-rules.js";

/** Reads the environment in its order. Copies bytes, so that the config does not change with the caller's buffers. */
export function readEnv(fields: Fields<ContainerSpec>): MessageInitShape<typeof KeyValueSchema>[] {
  const { violations } = fields;
  const encoder = new TextEncoder();
  const read = fields.entries(
    "env",
    (name, value, path) => {
      const nameProblem = problemOf(name, variableName);
      if (nameProblem !== undefined)
        violations.addValue(path, `has an invalid name: it ${nameProblem}`, name);
      // No message shows the value: it may be a secret.
      const reject = (message: string) => violations.addProblem({ path, message, value });
      if (isBytes(value)) {
        if (value.includes(0)) reject("must not contain a NUL byte");
        return Uint8Array.from(value);
      }
      if (typeof value !== "string") {
        reject(`must be a string or a Uint8Array, got ${typeof value}`);
        return undefined;
      }
      const problem = problemOf(value, () => undefined);
      if (problem !== undefined) reject(problem);
      return encoder.encode(value);
    },
    '{ NAME: "value" }',
  );
  return read.map(([key, value]) => ({ key, value }));
}

function variableName(name: string): string | undefined {
  return name === "" || name.includes("=") ? 'must not be empty or contain "="' : undefined;
}

const propagations = {
  None: MountPropagation.PROPAGATION_PRIVATE,
  HostToContainer: MountPropagation.PROPAGATION_HOST_TO_CONTAINER,
  Bidirectional: MountPropagation.PROPAGATION_BIDIRECTIONAL,
};

/** The id mappings of a pod's user namespace. Its mounts have the same ones. */
export interface IdMappings {
  readonly uidMappings: IDMapping[];
  readonly gidMappings: IDMapping[];
}

type Mount = MessageInitShape<typeof MountSchema>;

/** Reads the mounts in their order. Reports two mounts at one mount point. */
export function readMounts(fields: Fields<ContainerSpec>, mappings: IdMappings): Mount[] {
  const mountPoints = new Map<string, string>();
  return fields.list("mounts", (value, path): Mount => {
    const mount = new Fields<MountSpec>(value, path, fields.violations);
    const target = mount.requiredString("containerPath", "the mount point in the container", mountPoint);
    const place = target === "" ? "" : canonicalPath(target);
    const earlier = mountPoints.get(place);
    if (earlier !== undefined) mount.addProblem("containerPath", `is already the mount point of ${earlier}`);
    else if (target !== "") mountPoints.set(place, path);
    const source = mount.has("image") ? imageMount(mount) : hostMount(mount);
    mount.rejectUnknown(kubernetesNames.mount);
    return { containerPath: target, ...source, ...copyOf(mappings) };
  });
}

/** Copies the messages for each mount, so that changes of one config do not reach the pod's. */
function copyOf({ uidMappings, gidMappings }: IdMappings): IdMappings {
  const copy = (mapping: IDMapping) => clone(IDMappingSchema, mapping);
  return { uidMappings: uidMappings.map(copy), gidMappings: gidMappings.map(copy) };
}

function hostMount(mount: Fields<MountSpec>): Mount {
  if (mount.has("subPath")) mount.addProblem("subPath", "requires image");
  const recursiveReadOnly = mount.boolean("recursiveReadOnly");
  const readonly = mount.boolean("readOnly");
  const propagation = mount.choice("propagation", propagations) ?? MountPropagation.PROPAGATION_PRIVATE;
  if (recursiveReadOnly && !readonly) mount.addProblem("recursiveReadOnly", "requires readOnly: true");
  if (recursiveReadOnly && propagation !== MountPropagation.PROPAGATION_PRIVATE)
    mount.addProblem("propagation", 'must be "None" with recursiveReadOnly');
  return {
    hostPath: mount.requiredString("hostPath", "the path on the host; or set image", hostPath),
    readonly,
    recursiveReadOnly,
    propagation,
    selinuxRelabel: mount.boolean("selinuxRelabel"),
    mountOptions: mount.strings("mountOptions", mountOption),
  };
}

const hostOnly = ["hostPath", "propagation", "recursiveReadOnly", "selinuxRelabel", "mountOptions"] as const;

function imageMount(mount: Fields<MountSpec>): Mount {
  for (const key of hostOnly) if (mount.has(key)) mount.addProblem(key, "cannot be combined with image");
  if (mount.has("readOnly") && !mount.boolean("readOnly"))
    mount.addProblem("readOnly", "must be true or omitted: an image mount is read-only");
  const image = mount.requiredString("image", "the image to mount", imageName);
  const imageSubPath = mount.string("subPath", relativePath) ?? "";
  return { image: { image, userSpecifiedImage: image }, imageSubPath, readonly: true };
}

function mountPoint(path: string): string | undefined {
  return containerPath(path) ?? (canonicalPath(path) === "/" ? "must not be the root directory" : undefined);
}

/** Returns one spelling of an absolute path, as `/a` for `//a/./`. Windows ignores case and takes both slashes. */
function canonicalPath(path: string): string {
  if (path.startsWith("/")) return posix.resolve(path);
  return win32.resolve(path).toLowerCase();
}

/** Runtimes join mount options with commas. */
function mountOption(option: string): string | undefined {
  return /^[^\s,]+$/.test(option) ? undefined : 'must be a single mount option such as "noexec"';
}

export function readDevices(fields: Fields<ContainerSpec>): MessageInitShape<typeof DeviceSchema>[] {
  return fields.list("devices", (value, path) => {
    const device = new Fields<DeviceSpec>(value, path, fields.violations);
    const source = device.requiredString("hostPath", "the device on the host", hostPath);
    const read = {
      hostPath: source,
      containerPath: device.string("containerPath", containerPath) ?? source,
      permissions: device.string("permissions", devicePermissions) ?? "rwm",
    };
    device.rejectUnknown(kubernetesNames.device);
    return read;
  });
}

function devicePermissions(permissions: string): string | undefined {
  return /^(?!.*(.).*\1)[rwm]+$/.test(permissions)
    ? undefined
    : 'must consist of the letters "r", "w" and "m", each at most once';
}

/** Reads devices by their names of the Container Device Interface. */
export function readCdiDevices(fields: Fields<ContainerSpec>): { readonly name: string }[] {
  return fields.strings("cdiDevices", cdiName).map((name) => ({ name }));
}

function cdiName(name: string): string | undefined {
  return /^[A-Za-z][\w.-]*\/[A-Za-z][\w-]*=[A-Za-z0-9][\w.:-]*$/.test(name)
    ? undefined
    : "must have the form vendor.com/class=name";
}

const signals = new Map<string, Signal>(Object.entries(Signal).filter(([name]) => name.startsWith("SIG")));

/** Returns the signal with this name, such as `SIGTERM` and `SIGRTMIN+3`; undefined for other names. */
export function signalNamed(name: string): Signal | undefined {
  return signals.get(criSignalName(name));
}

function criSignalName(name: string): string {
  return name.replace(/^(SIGRTMIN)\+(\d+)$/, "$1PLUS$2").replace(/^(SIGRTMAX)-(\d+)$/, "$1MINUS$2");
}

/** Reads a signal's name, with or without `SIG`, in any case. CRI spells `+` and `-` as PLUS and MINUS. */
export function readStopSignal(fields: Fields<ContainerSpec>): Signal {
  const given = fields.string("stopSignal");
  if (given === undefined) return Signal.RUNTIME_DEFAULT;
  const upper = given.toUpperCase();
  const name = upper.startsWith("SIG") ? upper : `SIG${upper}`;
  const signal = signalNamed(name);
  if (signal !== undefined) return signal;
  const meant = closestMatch(criSignalName(name), signals.keys())?.replace("PLUS", "+").replace("MINUS", "-");
  const hint = meant === undefined ? "" : didYouMean(meant);
  fields.addProblem("stopSignal", `must be the name of a signal such as SIGINT or SIGRTMIN+3${hint}`);
  return Signal.RUNTIME_DEFAULT;
}
