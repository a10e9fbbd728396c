// What the embedded runtime does with each field of each request. A new field of the schema does not compile until it has a row here;
// `test/testing/embedded/fields.test.ts` finds new messages.
import type { DescField, DescMessage, Message } from "@bufbuild/protobuf";
import type * as v1 from "../../../gen/runtime/v1/api_pb.js";
import { ContainerConfigSchema, PodSandboxConfigSchema } from "../../../gen/runtime/v1/api_pb.js";

/**
 * - `done`: it has its effect.
 * - `checked`: it has its effect as far as it is possible without isolation; other values are refused, in the words of the runtime.
 * - `no effect`: it needs isolation, another host or a real image, so it is only stored, and reported where CRI reports it.
 * - `refused`: any value but the default is refused, unless the runtime that the profile imitates ignores the field.
 * - `unimplemented`: the RPC is.
 */
export type Handling = "done" | "checked" | "no effect" | "unimplemented" | { readonly refused: string };

type FieldName<M> = Exclude<keyof M, "$typeName" | "$unknown">;

/** The rows of one message. */
type Rows<M> = { readonly [Name in FieldName<M>]-?: Handling };

function rows<M>(ofFields: Rows<M>): Readonly<Record<string, Handling>> {
  return ofFields;
}

const windows = { refused: "is for Windows nodes, and this runtime is one for Linux" };
const options = { refused: "is not supported: RuntimeFeatures.mount_options is false" };

/** How each field is handled, by the names of messages and of fields in TypeScript. */
export const requestFields: Readonly<Record<string, Readonly<Record<string, Handling>>>> = {
  // Sandboxes.
  RunPodSandboxRequest: rows<v1.RunPodSandboxRequest>({ config: "checked", runtimeHandler: "checked" }),
  PodSandboxConfig: rows<v1.PodSandboxConfig>({
    metadata: "checked",
    hostname: "checked",
    logDirectory: "checked",
    dnsConfig: "done",
    portMappings: "checked",
    labels: "done",
    annotations: "done",
    linux: "checked",
    windows,
  }),
  PodSandboxMetadata: rows<v1.PodSandboxMetadata>({
    name: "checked",
    uid: "checked",
    namespace: "checked",
    attempt: "done",
  }),
  DNSConfig: rows<v1.DNSConfig>({ servers: "done", searches: "done", options: "done" }),
  PortMapping: rows<v1.PortMapping>({
    protocol: "checked",
    containerPort: "checked",
    hostPort: "checked",
    hostIp: "checked",
  }),
  LinuxPodSandboxConfig: rows<v1.LinuxPodSandboxConfig>({
    cgroupParent: "no effect",
    securityContext: "checked",
    sysctls: "checked",
    overhead: "no effect",
    resources: "no effect",
  }),
  // The embedded runtime has no sandbox container, whose user, groups and root file system these fields change.
  LinuxSandboxSecurityContext: rows<v1.LinuxSandboxSecurityContext>({
    namespaceOptions: "checked",
    selinuxOptions: "no effect",
    runAsUser: "no effect",
    runAsGroup: "checked",
    readonlyRootfs: "no effect",
    supplementalGroups: "no effect",
    supplementalGroupsPolicy: "no effect",
    privileged: "checked",
    seccomp: "checked",
    apparmor: "no effect",
    seccompProfilePath: "checked",
  }),
  NamespaceOption: rows<v1.NamespaceOption>({
    network: "done",
    pid: "no effect",
    ipc: "no effect",
    targetId: "checked",
    usernsOptions: "checked",
  }),
  UserNamespace: rows<v1.UserNamespace>({ mode: "checked", uids: "checked", gids: "checked" }),
  IDMapping: rows<v1.IDMapping>({ hostId: "checked", containerId: "checked", length: "checked" }),
  SELinuxOption: rows<v1.SELinuxOption>({
    user: "no effect",
    role: "no effect",
    type: "no effect",
    level: "no effect",
  }),
  Int64Value: rows<v1.Int64Value>({ value: "done" }),
  SecurityProfile: rows<v1.SecurityProfile>({ profileType: "checked", localhostRef: "checked" }),
  // Stored, reported and updated; the memory limit also becomes `available_bytes`.
  LinuxContainerResources: rows<v1.LinuxContainerResources>({
    cpuPeriod: "no effect",
    cpuQuota: "no effect",
    cpuShares: "no effect",
    memoryLimitInBytes: "no effect",
    oomScoreAdj: "no effect",
    cpusetCpus: "no effect",
    cpusetMems: "no effect",
    hugepageLimits: "no effect",
    unified: "no effect",
    memorySwapLimitInBytes: "no effect",
  }),
  HugepageLimit: rows<v1.HugepageLimit>({ pageSize: "no effect", limit: "no effect" }),
  WindowsPodSandboxConfig: rows<v1.WindowsPodSandboxConfig>({ securityContext: windows }),
  WindowsSandboxSecurityContext: rows<v1.WindowsSandboxSecurityContext>({
    runAsUsername: windows,
    credentialSpec: windows,
    hostProcess: windows,
    namespaceOptions: windows,
  }),
  WindowsNamespaceOption: rows<v1.WindowsNamespaceOption>({ network: windows }),
  StopPodSandboxRequest: rows<v1.StopPodSandboxRequest>({ podSandboxId: "done" }),
  RemovePodSandboxRequest: rows<v1.RemovePodSandboxRequest>({ podSandboxId: "done" }),
  PodSandboxStatusRequest: rows<v1.PodSandboxStatusRequest>({ podSandboxId: "done", verbose: "done" }),
  ListPodSandboxRequest: rows<v1.ListPodSandboxRequest>({ filter: "done" }),
  PodSandboxFilter: rows<v1.PodSandboxFilter>({ id: "done", state: "done", labelSelector: "done" }),
  PodSandboxStateValue: rows<v1.PodSandboxStateValue>({ state: "done" }),
  StreamPodSandboxesRequest: rows<v1.StreamPodSandboxesRequest>({ filter: "done" }),
  UpdatePodSandboxResourcesRequest: rows<v1.UpdatePodSandboxResourcesRequest>({
    podSandboxId: "done",
    overhead: "no effect",
    resources: "no effect",
  }),
  // Containers.
  CreateContainerRequest: rows<v1.CreateContainerRequest>({
    podSandboxId: "done",
    config: "checked",
    // The config of RunPodSandbox counts.
    sandboxConfig: "no effect",
  }),
  ContainerConfig: rows<v1.ContainerConfig>({
    metadata: "checked",
    image: "checked",
    command: "checked",
    args: "done",
    workingDir: "checked",
    envs: "checked",
    mounts: "checked",
    devices: "checked",
    labels: "done",
    annotations: "done",
    logPath: "done",
    stdin: "done",
    stdinOnce: "done",
    tty: "done",
    linux: "checked",
    windows,
    CDIDevices: "checked",
    stopSignal: "checked",
  }),
  ContainerMetadata: rows<v1.ContainerMetadata>({ name: "checked", attempt: "done" }),
  ImageSpec: rows<v1.ImageSpec>({
    image: "done",
    annotations: "done",
    userSpecifiedImage: "done",
    runtimeHandler: "no effect",
    imageRef: "no effect",
  }),
  KeyValue: rows<v1.KeyValue>({ key: "checked", value: "checked" }),
  // Mounts are links: they cannot be read-only, and all mounts of the host are visible through them.
  Mount: rows<v1.Mount>({
    containerPath: "checked",
    hostPath: "checked",
    readonly: "checked",
    selinuxRelabel: "no effect",
    propagation: "checked",
    uidMappings: "checked",
    gidMappings: "checked",
    recursiveReadOnly: "checked",
    image: "checked",
    imageSubPath: "checked",
    mountOptions: options,
  }),
  Device: rows<v1.Device>({ containerPath: "checked", hostPath: "checked", permissions: "no effect" }),
  CDIDevice: rows<v1.CDIDevice>({ name: "checked" }),
  LinuxContainerConfig: rows<v1.LinuxContainerConfig>({ resources: "no effect", securityContext: "checked" }),
  LinuxContainerSecurityContext: rows<v1.LinuxContainerSecurityContext>({
    capabilities: "no effect",
    privileged: "checked",
    namespaceOptions: "checked",
    selinuxOptions: "no effect",
    runAsUser: "checked",
    runAsGroup: "checked",
    runAsUsername: "checked",
    readonlyRootfs: "no effect",
    supplementalGroups: "checked",
    supplementalGroupsPolicy: "checked",
    noNewPrivs: "no effect",
    maskedPaths: "no effect",
    readonlyPaths: "no effect",
    seccomp: "checked",
    apparmor: "checked",
    apparmorProfile: "checked",
    seccompProfilePath: "checked",
  }),
  Capability: rows<v1.Capability>({
    addCapabilities: "no effect",
    dropCapabilities: "no effect",
    addAmbientCapabilities: "no effect",
  }),
  WindowsContainerConfig: rows<v1.WindowsContainerConfig>({ resources: windows, securityContext: windows }),
  WindowsContainerResources: rows<v1.WindowsContainerResources>({
    cpuShares: windows,
    cpuCount: windows,
    cpuMaximum: windows,
    memoryLimitInBytes: windows,
    rootfsSizeInBytes: windows,
    affinityCpus: windows,
  }),
  WindowsCpuGroupAffinity: rows<v1.WindowsCpuGroupAffinity>({ cpuMask: windows, cpuGroup: windows }),
  WindowsContainerSecurityContext: rows<v1.WindowsContainerSecurityContext>({
    runAsUsername: windows,
    credentialSpec: windows,
    hostProcess: windows,
  }),
  StartContainerRequest: rows<v1.StartContainerRequest>({ containerId: "done" }),
  StopContainerRequest: rows<v1.StopContainerRequest>({ containerId: "done", timeout: "done" }),
  RemoveContainerRequest: rows<v1.RemoveContainerRequest>({ containerId: "done" }),
  ListContainersRequest: rows<v1.ListContainersRequest>({ filter: "done" }),
  ContainerFilter: rows<v1.ContainerFilter>({
    id: "done",
    state: "done",
    podSandboxId: "done",
    labelSelector: "done",
  }),
  ContainerStateValue: rows<v1.ContainerStateValue>({ state: "done" }),
  StreamContainersRequest: rows<v1.StreamContainersRequest>({ filter: "done" }),
  ContainerStatusRequest: rows<v1.ContainerStatusRequest>({ containerId: "done", verbose: "done" }),
  UpdateContainerResourcesRequest: rows<v1.UpdateContainerResourcesRequest>({
    containerId: "done",
    linux: "no effect",
    windows,
    annotations: "done",
  }),
  ReopenContainerLogRequest: rows<v1.ReopenContainerLogRequest>({ containerId: "done" }),
  // Sessions.
  ExecSyncRequest: rows<v1.ExecSyncRequest>({ containerId: "done", cmd: "checked", timeout: "done" }),
  ExecRequest: rows<v1.ExecRequest>({
    containerId: "done",
    cmd: "checked",
    tty: "done",
    stdin: "done",
    stdout: "done",
    stderr: "checked",
  }),
  AttachRequest: rows<v1.AttachRequest>({
    containerId: "done",
    stdin: "done",
    tty: "done",
    stdout: "done",
    stderr: "checked",
  }),
  // A port is named again when a connection is made, and only then it counts, as in real runtimes.
  PortForwardRequest: rows<v1.PortForwardRequest>({ podSandboxId: "done", port: "no effect" }),
  // Statistics and events.
  ContainerStatsRequest: rows<v1.ContainerStatsRequest>({ containerId: "done" }),
  ListContainerStatsRequest: rows<v1.ListContainerStatsRequest>({ filter: "done" }),
  ContainerStatsFilter: rows<v1.ContainerStatsFilter>({
    id: "done",
    podSandboxId: "done",
    labelSelector: "done",
  }),
  StreamContainerStatsRequest: rows<v1.StreamContainerStatsRequest>({ filter: "done" }),
  PodSandboxStatsRequest: rows<v1.PodSandboxStatsRequest>({ podSandboxId: "done" }),
  ListPodSandboxStatsRequest: rows<v1.ListPodSandboxStatsRequest>({ filter: "done" }),
  PodSandboxStatsFilter: rows<v1.PodSandboxStatsFilter>({ id: "done", labelSelector: "done" }),
  StreamPodSandboxStatsRequest: rows<v1.StreamPodSandboxStatsRequest>({ filter: "done" }),
  ListMetricDescriptorsRequest: rows<v1.ListMetricDescriptorsRequest>({}),
  ListPodSandboxMetricsRequest: rows<v1.ListPodSandboxMetricsRequest>({}),
  StreamPodSandboxMetricsRequest: rows<v1.StreamPodSandboxMetricsRequest>({}),
  GetEventsRequest: rows<v1.GetEventsRequest>({}),
  // The runtime itself.
  VersionRequest: rows<v1.VersionRequest>({ version: "no effect" }),
  StatusRequest: rows<v1.StatusRequest>({ verbose: "done" }),
  UpdateRuntimeConfigRequest: rows<v1.UpdateRuntimeConfigRequest>({ runtimeConfig: "no effect" }),
  RuntimeConfig: rows<v1.RuntimeConfig>({ networkConfig: "no effect" }),
  // Reported by the verbose Status; the addresses of pods are loopback addresses.
  NetworkConfig: rows<v1.NetworkConfig>({ podCidr: "no effect" }),
  RuntimeConfigRequest: rows<v1.RuntimeConfigRequest>({}),
  CheckpointContainerRequest: rows<v1.CheckpointContainerRequest>({
    containerId: "unimplemented",
    location: "unimplemented",
    timeout: "unimplemented",
  }),
  CheckpointPodRequest: rows<v1.CheckpointPodRequest>({
    podSandboxId: "unimplemented",
    outputPath: "unimplemented",
    containerIds: "unimplemented",
    options: "unimplemented",
  }),
  RestorePodRequest: rows<v1.RestorePodRequest>({
    checkpointPath: "unimplemented",
    config: "unimplemented",
    runtimeHandler: "unimplemented",
    options: "unimplemented",
    containerConfigs: "unimplemented",
  }),
  // Images.
  ListImagesRequest: rows<v1.ListImagesRequest>({ filter: "done" }),
  ImageFilter: rows<v1.ImageFilter>({ image: "done" }),
  StreamImagesRequest: rows<v1.StreamImagesRequest>({ filter: "done" }),
  ImageStatusRequest: rows<v1.ImageStatusRequest>({ image: "done", verbose: "done" }),
  PullImageRequest: rows<v1.PullImageRequest>({ image: "done", auth: "done", sandboxConfig: "no effect" }),
  // As in containerd, a registry token is never used.
  AuthConfig: rows<v1.AuthConfig>({
    username: "done",
    password: "done",
    auth: "done",
    serverAddress: "done",
    identityToken: "done",
    registryToken: "no effect",
  }),
  RemoveImageRequest: rows<v1.RemoveImageRequest>({ image: "done" }),
  ImageFsInfoRequest: rows<v1.ImageFsInfoRequest>({}),
};

/** A field of a config with a value that is refused. */
export interface RefusedField {
  /** `mounts[1].mount_options`. */
  readonly path: string;
  /** The same for each element of a list: `mounts[].mount_options`. */
  readonly pattern: string;
  readonly why: string;
  readonly value: unknown;
}

/** Yields the fields of a config that the table refuses, and that have a value. */
export function* refusedFields(
  config: v1.PodSandboxConfig | v1.ContainerConfig,
): Generator<RefusedField, void, undefined> {
  const schema =
    config.$typeName === PodSandboxConfigSchema.typeName ? PodSandboxConfigSchema : ContainerConfigSchema;
  yield* walk(schema, config, "", "");
}

function* walk(
  schema: DescMessage,
  message: Message,
  path: string,
  pattern: string,
): Generator<RefusedField> {
  for (const field of schema.fields) {
    const value = (message as unknown as Readonly<Record<string, unknown>>)[field.localName];
    if (!hasValue(value)) continue;
    const [here, general] = [`${path}${field.name}`, `${pattern}${field.name}`];
    const handling = requestFields[schema.name]?.[field.localName];
    if (typeof handling === "object") yield { path: here, pattern: general, why: handling.refused, value };
    else if (field.message) yield* walkInto(field, value, here, general);
  }
}

function* walkInto(field: DescField, value: unknown, path: string, pattern: string): Generator<RefusedField> {
  if (!field.message) return;
  if (field.fieldKind === "message") yield* walk(field.message, value as Message, `${path}.`, `${pattern}.`);
  if (field.fieldKind === "list")
    for (const [index, item] of (value as readonly Message[]).entries())
      yield* walk(field.message, item, `${path}[${index}].`, `${pattern}[].`);
}

function hasValue(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (typeof value === "object" && value !== null) return true;
  return value !== undefined && value !== "" && value !== 0 && value !== 0n && value !== false;
}
