import { clone, create } from "@bufbuild/protobuf";
import {
  type ContainerConfig,
  ContainerConfigSchema,
  NamespaceMode,
  type NamespaceOption,
  NamespaceOptionSchema,
  type PodSandboxConfig,
  PodSandboxConfigSchema,
  WindowsContainerConfigSchema,
} from "../../../gen/runtime/v1/api_pb.js";
import { kubernetesLabels, OptionTable, option, type Violations } from "../../core/index.js";
import {
  type IdMappings,
  readCdiDevices,
  readDevices,
  readEnv,
  readMounts,
  readStopSignal,
} from "./container-fields.js";
import { Fields, invalidSpecOf, validated } from "./fields.js";
import { kubernetesNames } from "./kubernetes-names.js";
import { readResources } from "./resources.js";
import { readContainerSecurity } from "./security.js";
import {
  defaultLogRoot,
  type PodIdentity,
  podLogDirectory,
  readAnnotations,
  readLabels,
  readLogPath,
  readWindows,
} from "./shared-fields.js";
import type { ContainerSpec } from "./spec-container.js";
import { containerPath, dnsLabel, imageName } from "./string-rules.js";

const maxAttempt = 2 ** 32 - 1;
const pullPolicies = { Always: true, IfNotPresent: true, Never: true };

/** The options of {@link containerConfig}. */
export interface ContainerConfigOptions {
  /** The pod's config from `sandboxConfig()`. It determines labels, namespaces, the log directory, and whether privileges are allowed. */
  readonly pod: PodSandboxConfig;
  /**
   * The image's id on the node, from PullImage or ImageStatus: ImageSpec.image.
   * @default the spec's image
   */
  readonly imageId?: string | undefined;
}

const containerConfigTable = new OptionTable<ContainerConfigOptions>({
  pod: option.required((value) => (value?.metadata ? undefined : "must be a PodSandboxConfig with metadata")),
  imageId: option.nonEmptyString,
});

/**
 * Returns the complete ContainerConfig of a container, for CreateContainer. `pullPolicy` is not part of it: the caller pulls the
 * image.
 *
 * A pure function: it reads only its arguments and does not change them.
 *
 * @throws CriError `invalid_argument: invalid_spec`; `problems` lists every invalid field by its path in the spec
 */
export function containerConfig(spec: ContainerSpec, options: ContainerConfigOptions): ContainerConfig {
  containerConfigTable.check("containerConfig", options);
  const { pod, imageId } = options;
  return validated(invalidSpecOf("container", spec), (violations) => read(spec, pod, imageId, violations));
}

/** Throws `invalid_spec` for a spec that is invalid in every pod of this identity: its config may not be known yet. */
export function checkContainerSpec(spec: ContainerSpec, { name, namespace, uid }: PodIdentity): void {
  const pod = create(PodSandboxConfigSchema, {
    metadata: { name, namespace, uid },
    logDirectory: podLogDirectory(defaultLogRoot, { name, namespace, uid }),
    linux: { securityContext: { privileged: true } },
  });
  containerConfig(spec, { pod });
}

function read(
  spec: ContainerSpec,
  pod: PodSandboxConfig,
  imageId: string | undefined,
  violations: Violations,
): ContainerConfig {
  const fields = new Fields<ContainerSpec>(spec, "", violations);
  const name = fields.requiredString("name", "the container's name", dnsLabel);
  const attempt = fields.integer("attempt", 0, maxAttempt) ?? 0;
  const image = fields.requiredString("image", "an image reference or id", imageName);
  // Not part of the config, but a known field.
  fields.choice("pullPolicy", pullPolicies);
  const podSecurity = pod.linux?.securityContext;
  // Without namespace options, CRI's zero values apply to the pod.
  const podNamespaces = podSecurity?.namespaceOptions ?? create(NamespaceOptionSchema);
  const stdin = fields.boolean("stdin");
  const stdinOnce = fields.boolean("stdinOnce");
  if (stdinOnce && !stdin) fields.addProblem("stdinOnce", "requires stdin: true");
  const config = create(ContainerConfigSchema, {
    metadata: { name, attempt },
    image: { image: imageId ?? image, userSpecifiedImage: image },
    command: fields.strings("command"),
    args: fields.strings("args"),
    workingDir: fields.string("workingDir", (path) => (path === "" ? undefined : containerPath(path))) ?? "",
    envs: readEnv(fields),
    mounts: readMounts(fields, idMappingsOf(podNamespaces)),
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
    tty: fields.boolean("tty"),
    stopSignal: readStopSignal(fields),
    linux: {
      resources: readResources(fields.raw("resources"), "resources", violations),
      securityContext: readContainerSecurity(
        fields,
        readNamespaceOptions(fields, podNamespaces),
        podSecurity?.privileged === true,
      ),
    },
    windows: readWindows(fields, WindowsContainerConfigSchema),
  });
  fields.rejectUnknown(kubernetesNames.container);
  return config;
}

/** Returns the pod's namespaces, with a target's PID namespace if one is given. Like the kubelet, ignores a target in a shared one. */
function readNamespaceOptions(fields: Fields<ContainerSpec>, ofPod: NamespaceOption): NamespaceOption {
  const namespaces = clone(NamespaceOptionSchema, ofPod);
  const targetId = fields.string("targetContainerId", (id) => (id === "" ? "must not be empty" : undefined));
  if (targetId === undefined || namespaces.pid !== NamespaceMode.CONTAINER) return namespaces;
  return Object.assign(namespaces, { pid: NamespaceMode.TARGET, targetId });
}

/** Returns the id mappings that mounts need in the pod's user namespace; none without one. */
function idMappingsOf({ usernsOptions }: NamespaceOption): IdMappings {
  if (usernsOptions?.mode !== NamespaceMode.POD) return { uidMappings: [], gidMappings: [] };
  return { uidMappings: usernsOptions.uids, gidMappings: usernsOptions.gids };
}
