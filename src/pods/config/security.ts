// The security contexts of sandboxes and containers: users, profiles, capabilities, hidden paths.
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type LinuxContainerSecurityContextSchema,
  type LinuxSandboxSecurityContextSchema,
  SecurityProfile_ProfileType as ProfileType,
  SupplementalGroupsPolicy,
} from "../../../gen/runtime/v1/api_pb.js";
import { closestMatch } from "../../core/index.js";
import { didYouMean, Fields, readInteger, type StringRule } from "./fields.js";
import { kubernetesNames } from "./kubernetes-names.js";
import type { Namespaces } from "./sandbox-fields.js";
import type { ContainerSpec } from "./spec-container.js";
import type { PodSpec } from "./spec-pod.js";
import type { ContainerSecuritySpec, PodSecuritySpec, SelinuxSpec } from "./spec-security.js";
import { containerPath, hostPath } from "./string-rules.js";

type SecurityFields = Fields<PodSecuritySpec | ContainerSecuritySpec>;

/** Reads LinuxSandboxSecurityContext. Always sets the namespaces and a seccomp profile. */
export function readSandboxSecurity(
  fields: Fields<PodSpec>,
  namespaceOptions: Namespaces,
): MessageInitShape<typeof LinuxSandboxSecurityContextSchema> {
  const security = fields.nested<PodSecuritySpec>("security");
  const context = {
    namespaceOptions,
    ...readShared(security),
    runAsUser: readId(security, "user"),
    runAsGroup: readGroup(security),
    apparmor: readApparmor(security),
  };
  security.rejectUnknown(kubernetesNames.podSecurity);
  return context;
}

/** Reads LinuxContainerSecurityContext. Always sets the namespaces, a seccomp profile, and the hidden paths. */
export function readContainerSecurity(
  fields: Fields<ContainerSpec>,
  namespaceOptions: Namespaces,
  podIsPrivileged: boolean,
): MessageInitShape<typeof LinuxContainerSecurityContextSchema> {
  const security = fields.nested<ContainerSecuritySpec>("security");
  const byName = typeof security.raw("user") === "string";
  const apparmor = readApparmor(security);
  const context = {
    namespaceOptions,
    ...readShared(security),
    ...readProcMount(security),
    runAsUser: byName ? undefined : readId(security, "user"),
    runAsUsername: byName ? (security.string("user", userName) ?? "") : "",
    runAsGroup: readGroup(security),
    capabilities: readCapabilities(security),
    apparmor,
    apparmorProfile: apparmor === undefined ? "" : deprecatedApparmorName(apparmor),
    noNewPrivs: security.has("allowPrivilegeEscalation") && !security.boolean("allowPrivilegeEscalation"),
  };
  if (context.privileged && !podIsPrivileged)
    security.addProblem(
      "privileged",
      "requires a privileged pod: set security.privileged in the pod's spec, too",
    );
  if (context.privileged && context.noNewPrivs)
    security.addProblem("allowPrivilegeEscalation", "must not be false in a privileged container");
  security.rejectUnknown(kubernetesNames.containerSecurity);
  return context;
}

const groupsPolicies = { Merge: SupplementalGroupsPolicy.Merge, Strict: SupplementalGroupsPolicy.Strict };

function readShared(security: SecurityFields) {
  return {
    supplementalGroups: security.list("supplementalGroups", (value, path) => {
      const id = readInteger(value, path, security.violations, { min: 0, max: maxId });
      return id === undefined ? undefined : BigInt(id);
    }),
    supplementalGroupsPolicy:
      security.choice("supplementalGroupsPolicy", groupsPolicies) ?? SupplementalGroupsPolicy.Merge,
    selinuxOptions: readSelinux(security),
    privileged: security.boolean("privileged"),
    readonlyRootfs: security.boolean("readOnlyRootFilesystem"),
    seccomp: readSeccomp(security),
  };
}

/** Kubernetes' limit of user and group ids. */
const maxId = 2 ** 31 - 1;

function readId(security: SecurityFields, key: "user" | "group") {
  const id = security.integer(key, 0, maxId);
  return id === undefined ? undefined : { value: BigInt(id) };
}

function readGroup(security: SecurityFields) {
  const group = readId(security, "group");
  if (security.has("group") && !security.has("user"))
    security.addProblem("group", "requires user: CRI does not allow a group alone");
  return group;
}

/** Rejects the form `user:group`: the group has a field of its own. */
function userName(name: string): string | undefined {
  return /^[^\s:]+$/.test(name)
    ? undefined
    : "must be a user id, or a user name without whitespace and colons";
}

function readSelinux(security: SecurityFields) {
  const selinux = security.nested<SelinuxSpec>("selinux");
  const [user = "", role = "", type = "", level = ""] = (["user", "role", "type", "level"] as const).map(
    (key) => selinux.string(key),
  );
  selinux.rejectUnknown();
  return security.has("selinux") ? { user, role, type, level } : undefined;
}

/** The fields of CRI's SecurityProfile. */
interface Profile {
  readonly profileType: ProfileType;
  readonly localhostRef: string;
}

const profileTypes = { RuntimeDefault: ProfileType.RuntimeDefault, Unconfined: ProfileType.Unconfined };

/** Reads the seccomp profile. Always sets one: containerd and CRI-O run a container without one unconfined. */
function readSeccomp(security: SecurityFields): Profile {
  const runtimeDefault = { profileType: ProfileType.RuntimeDefault, localhostRef: "" };
  return readProfile(security, "seccomp", hostPath) ?? runtimeDefault;
}

/** Reads the AppArmor profile. Without one the runtime chooses: not every host has AppArmor. */
function readApparmor(security: SecurityFields): Profile | undefined {
  return readProfile(security, "apparmor", apparmorName);
}

/** Returns an AppArmor profile as the value of `apparmor_profile`, the field that older runtimes read. */
export function deprecatedApparmorName({ profileType, localhostRef }: Profile): string {
  if (profileType === ProfileType.Localhost) return `localhost/${localhostRef}`;
  return profileType === ProfileType.Unconfined ? "unconfined" : "runtime/default";
}

function readProfile(
  security: SecurityFields,
  key: "seccomp" | "apparmor",
  rule: StringRule,
): Profile | undefined {
  const value = security.raw(key);
  if (typeof value === "object" && value !== null) {
    const profile = new Fields<{ readonly localhost: string }>(
      value,
      security.pathOf(key),
      security.violations,
    );
    const localhostRef = profile.requiredString("localhost", "the profile on this host", rule);
    profile.rejectUnknown(kubernetesNames.profile);
    return { profileType: ProfileType.Localhost, localhostRef };
  }
  const profileType = security.choice(key, profileTypes, " or { localhost }");
  return profileType === undefined ? undefined : { profileType, localhostRef: "" };
}

function apparmorName(name: string): string | undefined {
  return /^\S+$/.test(name) ? undefined : "must be a profile name without whitespace";
}

const linuxCapabilities: ReadonlySet<string> = new Set(
  `AUDIT_CONTROL AUDIT_READ AUDIT_WRITE BLOCK_SUSPEND BPF CHECKPOINT_RESTORE CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID
  IPC_LOCK IPC_OWNER KILL LEASE LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE MKNOD NET_ADMIN NET_BIND_SERVICE NET_BROADCAST NET_RAW
  PERFMON SETFCAP SETGID SETPCAP SETUID SYSLOG SYS_ADMIN SYS_BOOT SYS_CHROOT SYS_MODULE SYS_NICE SYS_PACCT SYS_PTRACE SYS_RAWIO
  SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG WAKE_ALARM`.split(/\s+/),
);

/**
 * Reads Capability. Sends names without `CAP_`, which containerd adds itself. Reports names that Linux does not have, since runtimes
 * ignore them silently.
 */
function readCapabilities(security: Fields<ContainerSecuritySpec>) {
  const capabilities = security.nested<NonNullable<ContainerSecuritySpec["capabilities"]>>("capabilities");
  const read = (key: "add" | "drop" | "ambient") =>
    capabilities.strings(key, key === "ambient" ? capability : capabilityOrAll).map(withoutPrefix);
  const lists = {
    addCapabilities: read("add"),
    dropCapabilities: read("drop"),
    addAmbientCapabilities: read("ambient"),
  };
  capabilities.rejectUnknown();
  return security.has("capabilities") ? lists : undefined;
}

function withoutPrefix(name: string): string {
  return name.toUpperCase().replace(/^CAP_/, "");
}

function capabilityOrAll(name: string): string | undefined {
  return withoutPrefix(name) === "ALL" ? undefined : capability(name);
}

function capability(name: string): string | undefined {
  if (linuxCapabilities.has(withoutPrefix(name))) return undefined;
  const meant = closestMatch(withoutPrefix(name), linuxCapabilities);
  return `must be a Linux capability such as NET_ADMIN${meant === undefined ? "" : didYouMean(meant)}`;
}

/** The kubelet's list of hidden paths, without those of single CPUs, which depend on the host. */
export const defaultMaskedPaths: readonly string[] = [
  "/proc/asound",
  "/proc/acpi",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/sys/firmware",
  "/sys/devices/virtual/powercap",
];

/** The kubelet's list of read-only paths. */
export const defaultReadonlyPaths: readonly string[] = [
  "/proc/bus",
  "/proc/fs",
  "/proc/irq",
  "/proc/sys",
  "/proc/sysrq-trigger",
];

/** Reads masked_paths and readonly_paths. Always sets them: runtimes hide nothing by default. */
function readProcMount(security: Fields<ContainerSecuritySpec>): {
  readonly maskedPaths: string[];
  readonly readonlyPaths: string[];
} {
  const value = security.raw("procMount");
  if (typeof value === "object" && value !== null) {
    const lists = new Fields<{ readonly maskedPaths: unknown; readonly readOnlyPaths: unknown }>(
      value,
      security.pathOf("procMount"),
      security.violations,
    );
    for (const key of ["maskedPaths", "readOnlyPaths"] as const)
      if (!lists.has(key)) lists.addMissing(key, "an array of paths, which may be empty");
    const given = {
      maskedPaths: lists.strings("maskedPaths", containerPath),
      readonlyPaths: lists.strings("readOnlyPaths", containerPath),
    };
    lists.rejectUnknown();
    return given;
  }
  const isUnmasked = { Default: false, Unmasked: true };
  if (security.choice("procMount", isUnmasked, " or { maskedPaths, readOnlyPaths }"))
    return { maskedPaths: [], readonlyPaths: [] };
  return { maskedPaths: [...defaultMaskedPaths], readonlyPaths: [...defaultReadonlyPaths] };
}
