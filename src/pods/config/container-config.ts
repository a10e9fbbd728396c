import { clone, create } from "@bufbuild/protobuf";
import {
  type ContainerConfig,
  ContainerConfigSchema,
  NamespaceMode,
  type NamespaceOption,
  NamespaceOptionSchema,
  type PodSandboxConfig,
  WindowsContainerConfigSchema,
} from "../../../gen/runtime/v1/api_pb.js";
import { invalidOption, kubernetesLabels } from "../../core/index.js";
import { readCdiDevices, readDevices } from "./devices.js";
import { readEnv } from "./env.js";
import { Fields, specName } from "./fields.js";
import { imageName } from "./image-names.js";
import { dnsLabel } from "./kubernetes-names.js";
import { readAnnotations, readLabels } from "./labels.js";
import { readLogPath } from "./log-paths.js";
import { type IdMappings, readMounts } from "./mounts.js";
import { containerPath } from "./paths.js";
import { collecting, type Report } from "./report.js";
import { readResources } from "./resource-fields.js";
import { readContainerSecurity } from "./security.js";
import type { ContainerSpec } from "./spec-container.js";
import { readStopSignal } from "./stop-signal.js";
import { readWindows } from "./windows.js";

const maxAttempt = 2 ** 32 - 1;
const pullPolicies = { Always: true, IfNotPresent: true, Never: true };

/** What {@link containerConfig} needs besides the spec. */
export interface ContainerConfigOptions {
  /** The config of the pod, as `sandboxConfig()` made it: names, namespaces, log directory and privileges follow from it. */
  readonly pod: PodSandboxConfig;
  /**
   * The id of the image on the node, as PullImage and ImageStatus tell it: ImageSpec.image.
   * @default the spec's image
   */
  readonly imageId?: string | undefined;
}

/**
 * The whole ContainerConfig of a container, for CreateContainer. `pullPolicy` is not a part of it: it is for whoever has the
 * image pulled.
 *
 * It reads nothing but what it is given, and leaves that as it is.
 *
 * @throws CriError `invalid_argument: invalid_spec`; its `problems` are all that is wrong, by paths of the spec
 */
export function containerConfig(spec: ContainerSpec, options: ContainerConfigOptions): ContainerConfig {
  const { pod, imageId } = options;
  if (!pod?.metadata) throw invalidOption("pod", pod, "must be a PodSandboxConfig with metadata");
  if (imageId !== undefined && (typeof imageId !== "string" || imageId === ""))
    throw invalidOption("imageId", imageId, "must be the id of an image");
  return collecting(specName("container", spec), (report) => read(spec, pod, imageId, report));
}

function read(
  spec: ContainerSpec,
  pod: PodSandboxConfig,
  imageId: string | undefined,
  report: Report,
): ContainerConfig {
  const fields = new Fields<ContainerSpec>(spec, "", report);
  const name = fields.required("name", "the container's name", dnsLabel);
  const attempt = fields.whole("attempt", 0, maxAttempt) ?? 0;
  const image = fields.required("image", "a name or an id", imageName);
  fields.choice("pullPolicy", pullPolicies);
  const podSecurity = pod.linux?.securityContext;
  // A pod without them has what their zero values say.
  const podNamespaces = podSecurity?.namespaceOptions ?? create(NamespaceOptionSchema);
  const stdin = fields.flag("stdin");
  const stdinOnce = fields.flag("stdinOnce");
  if (stdinOnce && !stdin) fields.wrong("stdinOnce", "must not be true without stdin: true");
  const config = create(ContainerConfigSchema, {
    metadata: { name, attempt },
    image: { image: imageId ?? image, userSpecifiedImage: image },
    command: fields.texts("command"),
    args: fields.texts("args"),
    workingDir: fields.text("workingDir", (path) => (path === "" ? undefined : containerPath(path))) ?? "",
    envs: readEnv(fields),
    mounts: readMounts(fields, mappingsOf(podNamespaces)),
    devices: readDevices(fields),
    CDIDevices: readCdiDevices(fields),
    labels: readLabels(fields, {
      [kubernetesLabels.containerName]: name,
      [kubernetesLabels.podName]: pod.metadata?.name ?? "",
      [kubernetesLabels.podNamespace]: pod.metadata?.namespace ?? "",
      [kubernetesLabels.podUid]: pod.metadata?.uid ?? "",
    }),
    annotations: readAnnotations(fields),
    logPath: readLogPath(fields, pod, name, attempt),
    stdin,
    stdinOnce,
    tty: fields.flag("tty"),
    stopSignal: readStopSignal(fields),
    linux: {
      resources: readResources(fields.raw("resources"), "resources", report),
      securityContext: readContainerSecurity(
        fields,
        readTarget(fields, podNamespaces),
        podSecurity?.privileged === true,
      ),
    },
    windows: readWindows(fields, WindowsContainerConfigSchema),
  });
  fields.end();
  return config;
}

/** The pod's namespaces; with a target, its processes. In a pod that shares them all, as with the kubelet, that says nothing. */
function readTarget(fields: Fields<ContainerSpec>, ofPod: NamespaceOption): NamespaceOption {
  const namespaces = clone(NamespaceOptionSchema, ofPod);
  const targetId = fields.text("targetContainerId", (id) => (id === "" ? "must not be empty" : undefined));
  if (targetId === undefined || namespaces.pid !== NamespaceMode.CONTAINER) return namespaces;
  return Object.assign(namespaces, { pid: NamespaceMode.TARGET, targetId });
}

/** Files of a mount belong to whom the pod's users are mapped to. */
function mappingsOf({ usernsOptions }: NamespaceOption): IdMappings {
  if (usernsOptions?.mode !== NamespaceMode.POD) return { uidMappings: [], gidMappings: [] };
  return { uidMappings: usernsOptions.uids, gidMappings: usernsOptions.gids };
}
