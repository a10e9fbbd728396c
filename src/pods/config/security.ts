import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type LinuxContainerSecurityContextSchema,
  type LinuxSandboxSecurityContextSchema,
  SupplementalGroupsPolicy,
} from "../../../gen/runtime/v1/api_pb.js";
import { readCapabilities } from "./capabilities.js";
import { type Fields, readWhole } from "./fields.js";
import { readProcMount } from "./masked-paths.js";
import type { Namespaces } from "./namespaces.js";
import { apparmorText, readApparmor, readSeccomp } from "./profiles.js";
import type { ContainerSpec } from "./spec-container.js";
import type { PodSpec } from "./spec-pod.js";
import type { ContainerSecuritySpec, PodSecuritySpec, SelinuxSpec } from "./spec-security.js";

const policies = { Merge: SupplementalGroupsPolicy.Merge, Strict: SupplementalGroupsPolicy.Strict };
/** Kubernetes' limit of user and group ids. */
const maxId = 2 ** 31 - 1;

/** LinuxSandboxSecurityContext: always there, with its namespaces and a seccomp profile. */
export function readSandboxSecurity(
  fields: Fields<PodSpec>,
  namespaceOptions: Namespaces,
): MessageInitShape<typeof LinuxSandboxSecurityContextSchema> {
  const security = fields.nested<PodSecuritySpec>("security");
  const context = {
    namespaceOptions,
    ...shared(security),
    runAsUser: readId(security, "user"),
    runAsGroup: readGroup(security),
    apparmor: readApparmor(security),
  };
  security.end();
  return context;
}

/** LinuxContainerSecurityContext: always there, with namespaces, a seccomp profile, and the paths that are hidden. */
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
    ...shared(security),
    ...readProcMount(security),
    runAsUser: byName ? undefined : readId(security, "user"),
    runAsUsername: byName ? (security.text("user", userName) ?? "") : "",
    runAsGroup: readGroup(security),
    capabilities: readCapabilities(security),
    apparmor,
    apparmorProfile: apparmor === undefined ? "" : apparmorText(apparmor),
    noNewPrivs: security.has("allowPrivilegeEscalation") && !security.flag("allowPrivilegeEscalation"),
  };
  if (context.privileged && !podIsPrivileged)
    security.wrong(
      "privileged",
      "must not be true in a pod that is not: give the pod security.privileged, too",
    );
  if (context.privileged && context.noNewPrivs)
    security.wrong("allowPrivilegeEscalation", "must not be false in a privileged container");
  security.end();
  return context;
}

function shared(security: Fields<PodSecuritySpec | ContainerSecuritySpec>) {
  return {
    supplementalGroups: security.list("supplementalGroups", (value, path) => {
      const id = readWhole(value, path, security.report, { least: 0, most: maxId });
      return id === undefined ? undefined : BigInt(id);
    }),
    supplementalGroupsPolicy:
      security.choice("supplementalGroupsPolicy", policies) ?? SupplementalGroupsPolicy.Merge,
    selinuxOptions: readSelinux(security),
    privileged: security.flag("privileged"),
    readonlyRootfs: security.flag("readOnlyRootFilesystem"),
    seccomp: readSeccomp(security),
  };
}

function readId(security: Fields<PodSecuritySpec | ContainerSecuritySpec>, key: "user" | "group") {
  const id = security.whole(key, 0, maxId);
  return id === undefined ? undefined : { value: BigInt(id) };
}

function readGroup(security: Fields<PodSecuritySpec | ContainerSecuritySpec>) {
  const group = readId(security, "group");
  if (security.has("group") && !security.has("user"))
    security.wrong("group", "must not be there without a user: CRI takes no group alone");
  return group;
}

/** A group behind a colon would be another way to say `group`. */
function userName(text: string): string | undefined {
  return /^[^\s:]+$/.test(text) ? undefined : "must be an id or a user's name, without spaces and colons";
}

function readSelinux(security: Fields<PodSecuritySpec | ContainerSecuritySpec>) {
  const selinux = security.nested<SelinuxSpec>("selinux");
  const [user = "", role = "", type = "", level = ""] = (["user", "role", "type", "level"] as const).map(
    (key) => selinux.text(key),
  );
  selinux.end();
  return security.has("selinux") ? { user, role, type, level } : undefined;
}
