import type { AppArmorProfile, SeccompProfile } from "../api/index.js";
import type { DefaultedContainer } from "../defaults/index.js";
import type { FieldPath, FieldProblems } from "../schema/index.js";
import { checkGiven, checkId, checkWord } from "./checks.js";
import { checkString } from "./metadata.js";
import { localPath } from "./name-rules.js";
import type { PodContext } from "./pod-context.js";
import { checkSysctls } from "./sysctls.js";

const profileTypes = ["Localhost", "RuntimeDefault", "Unconfined"];

/** Reports what is not valid in the security context of a pod. */
export function checkPodSecurity(context: PodContext, path: FieldPath): void {
  const { spec, problems } = context;
  const { securityContext: own } = spec;
  for (const field of ["runAsUser", "runAsGroup", "fsGroup"] as const)
    checkId(own[field], path.child(field), problems);
  for (const [index, group] of (own.supplementalGroups ?? []).entries())
    checkId(group, path.child("supplementalGroups").index(index), problems);
  checkWord(
    own.fsGroupChangePolicy,
    ["Always", "OnRootMismatch"],
    path.child("fsGroupChangePolicy"),
    problems,
  );
  checkWord(
    own.seLinuxChangePolicy,
    ["MountOption", "Recursive"],
    path.child("seLinuxChangePolicy"),
    problems,
  );
  checkWord(
    own.supplementalGroupsPolicy,
    ["Merge", "Strict"],
    path.child("supplementalGroupsPolicy"),
    problems,
  );
  checkSeccomp(own.seccompProfile, path.child("seccompProfile"), problems);
  checkAppArmor(own.appArmorProfile, path.child("appArmorProfile"), problems);
  checkSysctls(own.sysctls ?? [], path.child("sysctls"), context);
}

/** Reports what is not valid in the security context of a container. */
export function checkSecurity(
  { securityContext: own }: DefaultedContainer,
  path: FieldPath,
  { spec, problems }: PodContext,
): void {
  if (!own) return;
  for (const field of ["runAsUser", "runAsGroup"] as const) checkId(own[field], path.child(field), problems);
  checkSeccomp(own.seccompProfile, path.child("seccompProfile"), problems);
  checkAppArmor(own.appArmorProfile, path.child("appArmorProfile"), problems);
  checkWord(own.procMount, ["Default", "Unmasked"], path.child("procMount"), problems);
  if (own.procMount === "Unmasked" && spec.hostUsers !== false)
    problems.invalid(path.child("procMount"), own.procMount, "requires spec.hostUsers: false");
  if (own.allowPrivilegeEscalation !== false) return;
  const here = path.child("allowPrivilegeEscalation");
  if (own.privileged) problems.invalid(here, false, "must not be false for a privileged container");
  if (own.capabilities?.add?.some((name) => name === "CAP_SYS_ADMIN"))
    problems.invalid(here, false, "must not be false together with the capability CAP_SYS_ADMIN");
}

function checkSeccomp(profile: SeccompProfile | undefined, path: FieldPath, problems: FieldProblems): void {
  const name = checkProfile(profile, path, problems);
  if (name) checkString(name, path.child("localhostProfile"), problems, localPath);
}

/** The longest name of an AppArmor profile. */
const maxProfileName = 4095;

function checkAppArmor(profile: AppArmorProfile | undefined, path: FieldPath, problems: FieldProblems): void {
  const name = checkProfile(profile, path, problems);
  if (!name) return;
  const here = path.child("localhostProfile");
  if (name.trim() !== name) problems.invalid(here, name, "must not start or end with whitespace");
  if (name.length > maxProfileName) problems.tooLong(here, maxProfileName);
}

/** Reports a type that is none, and a name that is missing or superfluous. Returns the name of a localhost profile. */
function checkProfile(
  profile: AppArmorProfile | SeccompProfile | undefined,
  path: FieldPath,
  problems: FieldProblems,
): string | undefined {
  if (!profile) return undefined;
  const { type, localhostProfile } = profile;
  if (checkGiven(type, path.child("type"), problems))
    checkWord(type, profileTypes, path.child("type"), problems);
  const here = path.child("localhostProfile");
  if (type === "Localhost") {
    checkGiven(localhostProfile, here, problems);
    return localhostProfile;
  }
  if (localhostProfile !== undefined)
    problems.invalid(here, localhostProfile, "must be set only for the type Localhost");
  return undefined;
}

const annotationPrefix = "container.apparmor.security.beta.kubernetes.io/";

/** Reports AppArmor profiles in annotations, an older form, that are not valid. */
export function checkAppArmorAnnotations(
  annotations: Readonly<Record<string, string>> | undefined,
  path: FieldPath,
  { spec, problems }: PodContext,
): void {
  const names = [...spec.containers, ...spec.initContainers, ...spec.ephemeralContainers].map(
    ({ name }) => name,
  );
  for (const [key, profile] of Object.entries(annotations ?? {})) {
    if (!key.startsWith(annotationPrefix)) continue;
    const container = key.slice(annotationPrefix.length);
    if (!names.includes(container))
      problems.invalid(path.key(key), container, "must end with the name of a container");
    if (profile !== "" && !/^(?:runtime\/default|unconfined|localhost\/.+)$/s.test(profile))
      problems.invalid(path.key(key), profile, 'must be "runtime/default", "unconfined" or "localhost/NAME"');
  }
}
