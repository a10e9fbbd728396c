// Whether this runtime can honor a config: what a real runtime refuses is refused in its words, and so is what needs isolation.
import { accessSync, constants, statSync } from "node:fs";
import {
  type ContainerConfig,
  type LinuxContainerSecurityContext,
  type LinuxSandboxSecurityContext,
  type Mount,
  MountPropagation,
  NamespaceMode,
  type PodSandboxConfig,
  type SecurityProfile,
  SecurityProfile_ProfileType,
  SupplementalGroupsPolicy,
  type UserNamespace,
} from "../../../gen/runtime/v1/api_pb.js";
import { criError } from "../../core/index.js";
import type { RefusalPlace } from "./errors.js";
import { refusedFields } from "./fields.js";
import type { Sandbox } from "./objects.js";
import type { IgnoredField } from "./profile.js";
import type { RuntimeState } from "./runtime-state.js";
import { enumName, type Step } from "./words.js";

/** Throws `invalid_request` for the config of a sandbox that this runtime cannot honor. */
export function checkSandboxConfig(state: RuntimeState, config: PodSandboxConfig, id: string): void {
  const refuse = refusals(state, id);
  refuseFields(state, refuse, "config", config);
  const { linux } = config;
  const path = "config.linux";
  const context = linux?.securityContext;
  const onHostNetwork = context?.namespaceOptions?.network === NamespaceMode.NODE;
  for (const [name, value] of Object.entries(linux?.sysctls ?? {}))
    if (!isNamespaced(name, onHostNetwork)) {
      const text = `sysctl ${JSON.stringify(name)} is not in a separate kernel namespace`;
      refuse("sandbox start", `${path}.sysctls`, text, value);
    }
  if (!context) return;
  const contextPath = `${path}.security_context`;
  if (context.runAsGroup && !context.runAsUser)
    refuse(
      "sandbox user",
      `${contextPath}.run_as_group`,
      state.profile.words.groupWithoutUser(context.runAsGroup.value),
      context.runAsGroup.value,
    );
  checkUserNamespace(refuse, "sandbox spec", contextPath, context.namespaceOptions?.usernsOptions);
  checkSeccomp(refuse, "sandbox", contextPath, context);
}

/** Throws `invalid_request` for the config of a container that this runtime cannot honor. */
export function checkContainerConfig(
  state: RuntimeState,
  sandbox: Sandbox,
  config: ContainerConfig,
  id: string,
): void {
  const refuse = refusals(state, id);
  refuseFields(state, refuse, "config", config);
  for (const [index, mount] of config.mounts.entries())
    checkMount(state, refuse, `config.mounts[${index}]`, mount);
  if (config.CDIDevices.length > 0 && !state.profile.ignores.includes("CDI_devices")) {
    const names = config.CDIDevices.map(({ name }) => name).join(", ");
    refuse("devices", "config.CDI_devices", `unresolvable CDI devices ${names}`, names);
  }
  const context = config.linux?.securityContext;
  if (context) checkSecurityContext(state, refuse, sandbox, context);
}

/** Throws an error with the words of a step of the runtime. */
type Refuse = (step: Step, path: string, message: string, value?: unknown) => never;

function refusals({ errors }: RuntimeState, id: string): Refuse {
  return (step, path, message, value) => {
    throw errors.refused(message, { step, path, value, id } satisfies RefusalPlace);
  };
}

/** Refuses the fields that the table of fields refuses whatever their value is, unless the profile's runtime ignores them. */
function refuseFields(
  { profile }: RuntimeState,
  refuse: Refuse,
  path: string,
  config: PodSandboxConfig | ContainerConfig,
): void {
  for (const { path: field, pattern, why, value } of refusedFields(config))
    if (!profile.ignores.some((ignored: IgnoredField) => ignored === pattern))
      refuse("container spec", `${path}.${field}`, why, value);
}

function checkMount({ profile }: RuntimeState, refuse: Refuse, path: string, mount: Mount): void {
  const { words, ignores, features } = profile;
  const isImage = mount.image !== undefined && !ignores.includes("mounts[].image");
  if (isImage) checkImageMount(refuse, path, mount);
  else if (mount.hostPath === "") refuse("container mounts", `${path}.host_path`, words.noMountSource(), "");
  if (mount.containerPath === "")
    refuse("container mounts", `${path}.container_path`, "mount.ContainerPath is empty", "");
  if (mount.uidMappings.length > 0 || mount.gidMappings.length > 0)
    refuse("container mounts", `${path}.uidMappings`, words.idMappedMount(mount.hostPath));
  if (!mount.recursiveReadOnly || ignores.includes("mounts[].recursive_read_only")) return;
  const field = `${path}.recursive_read_only`;
  if (!mount.readonly)
    refuse("container mounts", field, words.writableRecursiveReadOnly(mount.hostPath), true);
  if (mount.propagation !== MountPropagation.PROPAGATION_PRIVATE) {
    const name = enumName(MountPropagation, mount.propagation);
    refuse("container mounts", field, words.sharedRecursiveReadOnly(mount.hostPath, name), name);
  }
  if (!features?.recursiveReadOnlyMounts) {
    const text = `recursive read-only mount support is not available for hostPath ${JSON.stringify(mount.hostPath)}`;
    if (words.steps) refuse("container mounts", field, text, true);
    throw criError("recursive_read_only_unsupported", `RROUnsupported: ${field}: ${text}`);
  }
}

function checkImageMount(
  refuse: Refuse,
  path: string,
  { image, hostPath, readonly, containerPath }: Mount,
): void {
  const shown = `{ containerPath: ${JSON.stringify(containerPath)}, image: ${JSON.stringify(image?.image)} }`;
  if (hostPath !== "")
    refuse(
      "image volume",
      `${path}.host_path`,
      `hostpath must be empty while mount image: ${shown}`,
      hostPath,
    );
  if (image?.image === "") refuse("image volume", `${path}.image`, `image not specified in: ${shown}`, "");
  if (!readonly)
    refuse("image volume", `${path}.readonly`, `readonly must be true while mount image: ${shown}`, false);
}

function checkSecurityContext(
  state: RuntimeState,
  refuse: Refuse,
  sandbox: Sandbox,
  context: LinuxContainerSecurityContext,
): void {
  const { profile, containers } = state;
  const path = "config.linux.security_context";
  const { runAsGroup, runAsUser, runAsUsername, namespaceOptions: namespaces } = context;
  if (runAsGroup && !runAsUser && runAsUsername === "")
    refuse(
      "container user",
      `${path}.run_as_group`,
      profile.words.groupWithoutUser(runAsGroup.value),
      runAsGroup.value,
    );
  if (
    !Object.values(SupplementalGroupsPolicy).some((known) => known === context.supplementalGroupsPolicy) &&
    !profile.ignores.includes("supplemental_groups_policy")
  ) {
    const text = `not implemented in this release: SupplementalGroupsPolicy=${context.supplementalGroupsPolicy}`;
    refuse("container user", `${path}.supplemental_groups_policy`, text, context.supplementalGroupsPolicy);
  }
  if (context.privileged && !sandbox.config.linux?.securityContext?.privileged)
    refuse("container spec", `${path}.privileged`, "no privileged container allowed in sandbox", true);
  checkUserNamespace(refuse, "container spec", path, namespaces?.usernsOptions);
  checkSeccomp(refuse, "container", path, context);
  checkAppArmor(state, refuse, path, context);
  if (namespaces?.pid === NamespaceMode.TARGET) {
    const { targetId } = namespaces;
    const target = targetId === "" ? undefined : containers.find(targetId);
    if (target?.sandbox !== sandbox) {
      const text = `invalid target container: container ${JSON.stringify(targetId)} does not exist in the sandbox`;
      refuse("container spec", `${path}.namespace_options.target_id`, text, targetId);
    }
  }
}

/** A user namespace cannot be made without isolation; the host's own is the only one. */
function checkUserNamespace(
  refuse: Refuse,
  step: Step,
  context: string,
  options: UserNamespace | undefined,
): void {
  if (!options) return;
  const path = `${context}.namespace_options.userns_options`;
  const { mode, uids, gids } = options;
  const name = JSON.stringify(enumName(NamespaceMode, mode));
  const fail = (text: string) => refuse(step, path, `user namespace configuration: ${text}`, name);
  if (mode === NamespaceMode.NODE) {
    if (uids.length + gids.length > 0)
      fail(
        `can't use user namespace mode ${name} with mappings. Got ${uids.length} UID mappings and ${gids.length} GID mappings`,
      );
    return;
  }
  if (mode !== NamespaceMode.POD) fail(`unsupported user namespace mode: ${name}`);
  if (uids.length === 0 || gids.length === 0)
    fail(`can't use user namespace mode ${name} without UID and GID mappings`);
  fail("the runtime handler does not support user namespaces");
}

function checkSeccomp(
  refuse: Refuse,
  kind: "sandbox" | "container",
  path: string,
  { seccomp, seccompProfilePath }: LinuxSandboxSecurityContext | LinuxContainerSecurityContext,
): void {
  const file = seccomp ? localhostProfile(seccomp) : /^localhost\/(.*)$/s.exec(seccompProfilePath)?.[1];
  if (seccomp && !Object.values(SecurityProfile_ProfileType).some((known) => known === seccomp.profileType))
    refuse(`${kind} seccomp`, `${path}.seccomp`, "seccomp unknown ProfileType", seccomp.profileType);
  const known = ["", "unconfined", "runtime/default", "docker/default"];
  if (!seccomp && file === undefined && !known.includes(seccompProfilePath)) {
    const text = `invalid profile ${JSON.stringify(seccompProfilePath)}`;
    refuse(`${kind} seccomp`, `${path}.seccomp_profile_path`, text, seccompProfilePath);
  }
  if (file === undefined) return;
  try {
    accessSync(file, constants.R_OK);
    if (statSync(file).isFile()) return;
  } catch {
    // Reported below.
  }
  const text = `cannot load seccomp profile ${JSON.stringify(file)}: open ${file}: no such file or directory`;
  refuse(`${kind} profile`, `${path}.seccomp`, text, file);
}

function localhostProfile({ profileType, localhostRef }: SecurityProfile): string | undefined {
  return profileType === SecurityProfile_ProfileType.Localhost ? localhostRef : undefined;
}

/** As on a host without AppArmor. */
function checkAppArmor(
  { profile }: RuntimeState,
  refuse: Refuse,
  path: string,
  { apparmor, apparmorProfile, privileged }: LinuxContainerSecurityContext,
): void {
  const kind = apparmor
    ? apparmor.profileType
    : ["", "unconfined"].includes(apparmorProfile)
      ? SecurityProfile_ProfileType.Unconfined
      : apparmorProfile === "runtime/default"
        ? SecurityProfile_ProfileType.RuntimeDefault
        : SecurityProfile_ProfileType.Localhost;
  const { Unconfined, RuntimeDefault } = SecurityProfile_ProfileType;
  const isAccepted =
    profile.appArmor === "ignored" || (profile.appArmor === "only the default" && kind === RuntimeDefault);
  if (privileged || kind === Unconfined || isAccepted) return;
  const value = apparmor ? enumName(SecurityProfile_ProfileType, kind) : apparmorProfile;
  refuse("container apparmor", `${path}.apparmor`, "apparmor is not supported", value);
}

/** Whether a kernel parameter belongs to a namespace that a pod can have of its own. */
function isNamespaced(name: string, onHostNetwork: boolean): boolean {
  const path = name.replaceAll("/", ".");
  if (path.startsWith("net.")) return !onHostNetwork;
  return /^(?:kernel\.(?:shm\w+|msg\w+|sem)|fs\.mqueue\..+)$/.test(path);
}
