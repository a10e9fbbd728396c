// An independent check that configs confine a Pod at least as its manifest says. It uses nothing of the code that makes the configs.
import assert from "node:assert/strict";
import type { Container, Pod, PodConfigs } from "../../src/kubernetes/index.js";

/** The numbers of CRI's enums, written down here on purpose. */
const mode = { pod: 0, container: 1, node: 2, target: 3 };
const profile = { RuntimeDefault: 0, Unconfined: 1, Localhost: 2 } as const;
const propagation = { None: 0, HostToContainer: 1, Bidirectional: 2 } as const;

const masked =
  "/proc/asound /proc/acpi /proc/interrupts /proc/kcore /proc/keys /proc/latency_stats /proc/timer_list /proc/timer_stats /proc/sched_debug /proc/scsi /sys/firmware /sys/devices/virtual/powercap".split(
    " ",
  );
const readOnly = "/proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger".split(" ");

/** What the runtime and the node are, for what manifests leave open. */
export interface ConfinementFacts {
  readonly podFolder: string;
  readonly seccompDefault: boolean;
  readonly thermalThrottlePaths: readonly string[];
  readonly strictlyReadOnly: boolean;
}

/** Throws when one of the configs is less confined than the manifest says. */
export function assertConfined(pod: Pod, configs: PodConfigs, facts: ConfinementFacts): void {
  const containers = allContainers(pod);
  assert.deepEqual(
    new Set(configs.containers.map(({ name }) => name)),
    new Set(containers.map(({ name }) => name)),
  );
  const sandbox = configs.sandbox.linux?.securityContext;
  const anyPrivileged = containers.some(({ securityContext }) => securityContext?.privileged === true);
  assert.equal(sandbox?.privileged, anyPrivileged, "sandbox: privileged");
  assert.equal(sandbox?.seccomp?.profileType, profile.RuntimeDefault, "sandbox: seccomp");
  assertNamespaces(pod, sandbox?.namespaceOptions, "sandbox", undefined);
  assert.deepEqual(sandbox?.supplementalGroups.map(Number), groupsOf(pod), "sandbox: groups");
  const podUser = pod.spec?.securityContext?.runAsUser;
  assert.equal(
    sandbox?.runAsUser?.value,
    podUser === undefined ? undefined : BigInt(podUser),
    "sandbox: user",
  );
  for (const { name, value } of pod.spec?.securityContext?.sysctls ?? [])
    assert.equal(configs.sandbox.linux?.sysctls[name], value, `sysctl ${name}`);
  for (const container of containers) assertContainer(pod, container, configs, facts);
}

function allContainers({ spec }: Pod): readonly (Container & { readonly targetContainerName?: string })[] {
  return [...(spec?.initContainers ?? []), ...(spec?.containers ?? []), ...(spec?.ephemeralContainers ?? [])];
}

/** Reports whether `runAsNonRoot` forbids this container, whose image runs as root. */
export function mustNotRun(pod: Pod): boolean {
  return allContainers(pod).some(({ securityContext: own = {} }) => {
    const ofPod = pod.spec?.securityContext ?? {};
    const nonRoot = own.runAsNonRoot ?? ofPod.runAsNonRoot;
    return nonRoot === true && !(own.runAsUser ?? ofPod.runAsUser);
  });
}

function groupsOf({ spec }: Pod): number[] {
  const { fsGroup, supplementalGroups = [] } = spec?.securityContext ?? {};
  return [...(fsGroup === undefined ? [] : [fsGroup]), ...supplementalGroups];
}

type Namespaces = NonNullable<
  NonNullable<NonNullable<PodConfigs["sandbox"]["linux"]>["securityContext"]>["namespaceOptions"]
>;

function assertNamespaces(
  { spec }: Pod,
  namespaces: Namespaces | undefined,
  what: string,
  target: string | undefined,
): void {
  assert.ok(namespaces, `${what}: namespaces`);
  assert.equal(namespaces.network, spec?.hostNetwork === true ? mode.node : mode.pod, `${what}: network`);
  assert.equal(namespaces.ipc, spec?.hostIPC === true ? mode.node : mode.pod, `${what}: ipc`);
  const own = spec?.shareProcessNamespace === true ? mode.pod : mode.container;
  const pid = spec?.hostPID === true ? mode.node : own;
  const isTargeted = target !== undefined && pid === mode.container;
  assert.equal(namespaces.pid, isTargeted ? mode.target : pid, `${what}: pid`);
  const userns = namespaces.usernsOptions;
  assert.equal(userns?.mode, spec?.hostUsers === false ? mode.pod : mode.node, `${what}: users`);
  if (spec?.hostUsers !== false) return;
  for (const ids of [userns?.uids ?? [], userns?.gids ?? []]) {
    assert.equal(ids.length, 1, `${what}: ids`);
    assert.ok(
      ids[0] && ids[0].hostId >= 65_536 && ids[0].containerId === 0 && ids[0].length === 65_536,
      `${what}: ids`,
    );
  }
}

function assertContainer(
  pod: Pod,
  container: Container & { readonly targetContainerName?: string },
  { containers }: PodConfigs,
  facts: ConfinementFacts,
): void {
  const planned = containers.find(({ name }) => name === container.name);
  const linux = planned?.config.linux;
  const context = linux?.securityContext;
  assert.ok(planned && linux && context, container.name);
  const what = (field: string) => `container ${container.name}: ${field}`;
  const own = container.securityContext ?? {};
  const ofPod = pod.spec?.securityContext ?? {};
  assertNamespaces(pod, context.namespaceOptions, container.name, container.targetContainerName);
  assert.equal(context.privileged, own.privileged === true, what("privileged"));
  assert.equal(context.readonlyRootfs, own.readOnlyRootFilesystem === true, what("readonly_rootfs"));
  assert.equal(context.noNewPrivs, own.allowPrivilegeEscalation === false, what("no_new_privs"));
  assert.deepEqual(context.capabilities?.addCapabilities ?? [], own.capabilities?.add ?? [], what("add"));
  assert.deepEqual(context.capabilities?.dropCapabilities ?? [], own.capabilities?.drop ?? [], what("drop"));
  assert.deepEqual(context.capabilities?.addAmbientCapabilities ?? [], [], what("ambient"));
  assertHiddenPaths(own.procMount === "Unmasked", context, facts, what);
  const seccomp = own.seccompProfile ?? ofPod.seccompProfile;
  const unset = facts.seccompDefault ? "RuntimeDefault" : "Unconfined";
  assert.equal(context.seccomp?.profileType, typeOf(seccomp?.type ?? unset), what("seccomp"));
  if (seccomp?.type === "Localhost")
    assert.ok(
      context.seccomp?.localhostRef.endsWith(`/seccomp/${seccomp.localhostProfile}`),
      what("seccomp"),
    );
  const apparmor = own.appArmorProfile ?? ofPod.appArmorProfile;
  assert.equal(context.apparmor?.profileType, apparmor && typeOf(apparmor.type), what("apparmor"));
  if (apparmor?.type === "Localhost")
    assert.equal(context.apparmorProfile, `localhost/${apparmor.localhostProfile}`, what("apparmor"));
  const selinux = own.seLinuxOptions ?? ofPod.seLinuxOptions;
  assert.equal(context.selinuxOptions?.level, selinux && (selinux.level ?? ""), what("selinux"));
  const user = own.runAsUser ?? ofPod.runAsUser;
  assert.equal(context.runAsUser?.value, BigInt(user ?? 0), what("user"));
  assert.equal(context.runAsUsername, "", what("user"));
  if (own.runAsNonRoot ?? ofPod.runAsNonRoot) assert.notEqual(context.runAsUser?.value, 0n, what("non-root"));
  const group = own.runAsGroup ?? ofPod.runAsGroup;
  assert.equal(context.runAsGroup?.value, group === undefined ? undefined : BigInt(group), what("group"));
  assert.deepEqual(context.supplementalGroups.map(Number), groupsOf(pod), what("groups"));
  const isStrict = ofPod.supplementalGroupsPolicy === "Strict";
  assert.equal(context.supplementalGroupsPolicy, isStrict ? 1 : 0, what("policy of groups"));
  assert.deepEqual(planned.config.devices, [], what("devices"));
  assertLimits(pod, container, linux.resources, what);
  assertMounts(pod, container, planned.config.mounts, facts, what);
}

function typeOf(type: string): number {
  assert.ok(type === "RuntimeDefault" || type === "Unconfined" || type === "Localhost");
  return profile[type];
}

function assertHiddenPaths(
  isUnmasked: boolean,
  context: { readonly maskedPaths: readonly string[]; readonly readonlyPaths: readonly string[] },
  { thermalThrottlePaths }: ConfinementFacts,
  what: (field: string) => string,
): void {
  if (isUnmasked) return;
  for (const path of [...masked, ...thermalThrottlePaths])
    assert.ok(context.maskedPaths.includes(path), what(`${path} is not masked`));
  for (const path of readOnly)
    assert.ok(context.readonlyPaths.includes(path), what(`${path} is not read-only`));
}

/** A limit of the manifest is one of the config. */
function assertLimits(
  { spec }: Pod,
  { resources }: Container,
  config: { readonly cpuQuota: bigint; readonly memoryLimitInBytes: bigint } | undefined,
  what: (field: string) => string,
): void {
  const has = (name: "cpu" | "memory") =>
    resources?.limits?.[name] !== undefined || spec?.resources?.limits?.[name] !== undefined;
  assert.equal((config?.cpuQuota ?? 0n) > 0n, has("cpu"), what("CPU limit"));
  assert.equal((config?.memoryLimitInBytes ?? 0n) > 0n, has("memory"), what("memory limit"));
}

type Mounts = PodConfigs["containers"][number]["config"]["mounts"];

function assertMounts(
  { spec }: Pod,
  container: Container,
  mounts: Mounts,
  { podFolder, strictlyReadOnly }: ConfinementFacts,
  what: (field: string) => string,
): void {
  const own = container.volumeMounts ?? [];
  const others = mounts.slice(own.length).map(({ containerPath }) => containerPath);
  const endings = [container.terminationMessagePath ?? "/dev/termination-log", "/etc/hosts"];
  assert.deepEqual(
    others.filter((path) => !endings.includes(path)),
    [],
    what("other mounts"),
  );
  for (const [index, mount] of own.entries()) {
    const config = mounts[index];
    const volume = spec?.volumes?.find(({ name }) => name === mount.name);
    assert.ok(config && volume, what(`mount ${index}`));
    assert.equal(config.containerPath, mount.mountPath, what(`mount ${index}`));
    const isFixed =
      volume.configMap ?? volume.secret ?? volume.downwardAPI ?? volume.projected ?? volume.image;
    if (mount.readOnly === true || isFixed)
      assert.equal(config.readonly, true, what(`mount ${index} is writable`));
    const wanted = mount.mountPropagation ?? "None";
    assert.ok(wanted in propagation);
    assert.equal(
      config.propagation,
      propagation[wanted as keyof typeof propagation],
      what(`mount ${index}: propagation`),
    );
    const isRecursive = mount.recursiveReadOnly === "Enabled" || mount.recursiveReadOnly === "IfPossible";
    assert.equal(
      config.recursiveReadOnly,
      isRecursive && strictlyReadOnly,
      what(`mount ${index}: recursive`),
    );
    const hasPart = mount.subPath !== undefined || mount.subPathExpr !== undefined;
    if (volume.image) assert.equal(config.hostPath, "", what(`mount ${index}`));
    else if (volume.hostPath && !hasPart)
      assert.equal(config.hostPath, volume.hostPath.path, what(`mount ${index}`));
    else assert.ok(config.hostPath.startsWith(`${podFolder}/`), what(`mount ${index} is outside of the pod`));
    assert.ok(!config.hostPath.split("/").includes(".."), what(`mount ${index}`));
  }
  for (const { uidMappings, gidMappings } of mounts)
    for (const mappings of [uidMappings, gidMappings])
      assert.equal(mappings.length, spec?.hostUsers === false ? 1 : 0, what("id mappings"));
}
