import { posix } from "node:path";
import { MountPropagation } from "../../../gen/runtime/v1/api_pb.js";
import type { Volume, VolumeMount } from "../api/index.js";
import { hostsFilePath, subPathMountPath, terminationLogPath } from "../node/pod-paths.js";
import { StartError } from "../start-error.js";
import type { ContainerFiles, SubPathPlan } from "./container-files.js";
import { type Environment, expandSubPath } from "./environment.js";
import { podHostname } from "./hostname.js";
import { hostsFileText } from "./hosts-file.js";
import { imageForPull } from "./image-name.js";
import type { IdRange, Namespaces } from "./namespaces.js";
import type { NodeFacts } from "./node-facts.js";
import { podAddresses } from "./pod-fields.js";
import type { PodInputs } from "./pod-inputs.js";
import type { ContainerView, PodView } from "./pod-view.js";
import { runtimeHandlerOf } from "./runtime-handler.js";
import { isPodsOwnVolume, isReadOnlyVolume, volumeHostPath } from "./volume-sources.js";

/** CRI's Mount. */
interface Mount {
  readonly containerPath: string;
  readonly hostPath?: string;
  readonly readonly?: boolean;
  readonly selinuxRelabel?: boolean;
  readonly propagation?: MountPropagation;
  readonly recursiveReadOnly?: boolean;
  readonly image?: { readonly image: string; readonly userSpecifiedImage: string };
  readonly imageSubPath?: string;
  readonly uidMappings?: IdRange[];
  readonly gidMappings?: IdRange[];
}

const hostsPath = "/etc/hosts";

/** What the mounts of a container depend on. */
interface MountContext {
  readonly view: PodView;
  readonly one: ContainerView;
  readonly node: NodeFacts;
  readonly inputs: PodInputs;
  readonly environment: Environment;
}

/**
 * Returns the mounts of a container: its volumes, /etc/hosts and the termination log; and the files that have to exist for them. All of
 * them have the id mappings of the pod's user namespace.
 */
export function containerMounts(
  context: MountContext,
  restartCount: number,
  { usernsOptions }: Namespaces,
): { readonly mounts: Mount[]; readonly files: ContainerFiles } {
  const { view, one, node } = context;
  const labelled = new Set<string>();
  const subPaths: SubPathPlan[] = [];
  const mounts = one.container.volumeMounts.map((mount, index) => {
    const field = `${one.path}.volumeMounts[${index}]`;
    const volume = view.spec.volumes.find(({ name }) => name === mount.name);
    if (volume === undefined)
      throw fail(`${field}.name`, `the pod has no volume ${JSON.stringify(mount.name)}`);
    const containerPath = mount.mountPath.startsWith("/") ? mount.mountPath : `/${mount.mountPath}`;
    const subPath = subPathOf(mount, field, context.environment);
    if (volume.image) return imageMount(containerPath, volume, subPath, field, context);
    const relabel = node.selinux && isPodsOwnVolume(volume) && !labelled.has(volume.name);
    if (relabel) labelled.add(volume.name);
    return {
      containerPath,
      hostPath: hostPathOf(volume, subPath, index, field, context, subPaths),
      readonly: mount.readOnly === true || isReadOnlyVolume(volume),
      recursiveReadOnly: isRecursive(mount, field, context),
      propagation: propagationOf(mount, field),
      selinuxRelabel: relabel,
    };
  });
  const hosts = hostsFile(context);
  const terminationLog = terminationLogOf(context, restartCount);
  return {
    mounts: [
      ...mounts,
      ...(hosts
        ? [{ containerPath: hostsPath, hostPath: hosts.hostPath, selinuxRelabel: node.selinux }]
        : []),
      ...(terminationLog === undefined
        ? []
        : [
            {
              containerPath: one.container.terminationMessagePath,
              hostPath: terminationLog,
              selinuxRelabel: node.selinux,
            },
          ]),
    ].map((mount) => ({ ...mount, uidMappings: usernsOptions.uids, gidMappings: usernsOptions.gids })),
    files: { subPaths, hosts, terminationLog },
  };
}

function fail(field: string, why: string): StartError {
  return new StartError("CreateContainerConfigError", `${field}: ${why}`);
}

/** Returns the part of the volume that is mounted, "" for all of it. */
function subPathOf(mount: VolumeMount, field: string, environment: Environment): string {
  const at = `${field}.${mount.subPathExpr ? "subPathExpr" : "subPath"}`;
  const subPath = mount.subPathExpr
    ? expandSubPath(environment, mount.subPathExpr, at)
    : (mount.subPath ?? "");
  if (subPath.startsWith("/") || subPath.split("/").includes(".."))
    throw fail(at, `must be a relative path without "..", got ${JSON.stringify(subPath)}`);
  return subPath;
}

function hostPathOf(
  volume: Volume,
  subPath: string,
  index: number,
  field: string,
  { view, one, node }: MountContext,
  plans: SubPathPlan[],
): string {
  const volumePath = volumeHostPath(view, node, volume);
  if (subPath === "") return volumePath;
  const hostPath = subPathMountPath(node.rootDir, view.uid, volume.name, one.container.name, index);
  plans.push({ field: `${field}.subPath`, volumePath, subPath, hostPath });
  return hostPath;
}

function imageMount(
  containerPath: string,
  { image = {}, name }: Volume,
  imageSubPath: string,
  field: string,
  { inputs }: MountContext,
): Mount {
  const reference = image.reference ?? "";
  if (reference === "")
    throw fail(`${field}.name`, `the image volume ${JSON.stringify(name)} has no reference`);
  const id = inputs.images?.[reference]?.id ?? imageForPull(reference, `${field}.name`);
  return { containerPath, image: { image: id, userSpecifiedImage: reference }, imageSubPath, readonly: true };
}

function isRecursive(
  { readOnly, recursiveReadOnly = "Disabled", mountPropagation = "None" }: VolumeMount,
  field: string,
  { view, node, inputs }: MountContext,
): boolean {
  if (recursiveReadOnly === "Disabled") return false;
  const at = `${field}.recursiveReadOnly`;
  if (!readOnly) throw fail(at, "requires readOnly: true");
  if (mountPropagation !== "None") throw fail(at, 'requires mountPropagation: "None"');
  const handler = runtimeHandlerOf(view, inputs);
  const isSupported = node.runtimeHandlers[handler]?.recursiveReadOnlyMounts === true;
  if (recursiveReadOnly === "IfPossible") return isSupported;
  if (recursiveReadOnly !== "Enabled")
    throw fail(at, `must be "Disabled", "IfPossible" or "Enabled", got ${JSON.stringify(recursiveReadOnly)}`);
  if (!isSupported)
    throw fail(
      at,
      `the runtime handler ${JSON.stringify(handler)} does not support recursive read-only mounts`,
    );
  return true;
}

const propagations: Readonly<Record<string, MountPropagation>> = {
  None: MountPropagation.PROPAGATION_PRIVATE,
  HostToContainer: MountPropagation.PROPAGATION_HOST_TO_CONTAINER,
  Bidirectional: MountPropagation.PROPAGATION_BIDIRECTIONAL,
};

function propagationOf({ mountPropagation = "None" }: VolumeMount, field: string): MountPropagation {
  const mode = Object.hasOwn(propagations, mountPropagation) ? propagations[mountPropagation] : undefined;
  if (mode !== undefined) return mode;
  throw fail(
    `${field}.mountPropagation`,
    `must be "None", "HostToContainer" or "Bidirectional", got ${JSON.stringify(mountPropagation)}`,
  );
}

/** Returns the pod's /etc/hosts, unless a volume is mounted there, or the pod has no address yet. */
function hostsFile({ view, one, node, inputs }: MountContext): ContainerFiles["hosts"] {
  const isTaken = one.container.volumeMounts.some(
    ({ mountPath }) => posix.resolve("/", mountPath) === hostsPath,
  );
  const podIPs = podAddresses(view, node, inputs);
  const hostNetwork = view.spec.hostNetwork === true;
  if (isTaken || (podIPs.length === 0 && !hostNetwork)) return undefined;
  const content = hostsFileText({
    podIPs,
    hostname: podHostname(view, node),
    hostAliases: view.spec.hostAliases ?? [],
    nodeHostsFile: hostNetwork ? node.hostsFile : undefined,
  });
  return { hostPath: hostsFilePath(node.rootDir, view.uid), content };
}

/** Returns the file of the termination message. Each instance of the container has its own, named by the restart count. */
function terminationLogOf({ view, one, node }: MountContext, restartCount: number): string | undefined {
  const { name, terminationMessagePath } = one.container;
  if (terminationMessagePath === "") return undefined;
  const instance = restartCount.toString(16).padStart(8, "0");
  return terminationLogPath(node.rootDir, view.uid, name, instance);
}
