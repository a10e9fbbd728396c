import {
  SecurityProfile_ProfileType as ProfileType,
  SupplementalGroupsPolicy,
} from "../../../gen/runtime/v1/api_pb.js";
import { defaultMaskedPaths, defaultReadonlyPaths, deprecatedApparmorName } from "../../pods/index.js";
import type { AppArmorProfile, Container, SELinuxOptions, SeccompProfile } from "../api/index.js";
import { StartError } from "../start-error.js";
import type { Namespaces } from "./namespaces.js";
import type { NodeFacts } from "./node-facts.js";
import type { ImageFacts } from "./pod-inputs.js";
import { type ContainerView, containersOf, type PodView } from "./pod-view.js";

type Reason = "CreateContainerConfigError" | "FailedCreatePodSandBox";

/** Returns LinuxSandboxSecurityContext. The seccomp profile is RuntimeDefault whatever the pod's is: only the pause process has it. */
export function sandboxSecurity(view: PodView, namespaceOptions: Namespaces, node: NodeFacts) {
  const { runAsUser, runAsGroup, seLinuxOptions } = view.spec.securityContext;
  return {
    namespaceOptions,
    privileged: containersOf(view.spec).some(
      ({ container }) => container.securityContext?.privileged === true,
    ),
    seccomp: { profileType: ProfileType.RuntimeDefault, localhostRef: "" },
    runAsUser: int64(runAsUser),
    // Runtimes reject a group without a user.
    runAsGroup: runAsUser === undefined ? undefined : int64(runAsGroup),
    selinuxOptions: selinuxOf(seLinuxOptions),
    ...supplementalGroups(view, node, "FailedCreatePodSandBox"),
  };
}

/**
 * Returns LinuxContainerSecurityContext: the container's fields, then the pod's, then the image's user. A seccomp profile and the
 * hidden paths are always set, since runtimes take an absent profile for Unconfined and hide nothing by default.
 *
 * @param image undefined when the image is unknown: then the container runs as root unless the Pod names a user
 * @throws StartError when `runAsNonRoot` forbids the user, or a profile or a policy cannot be sent
 */
export function containerSecurity(
  view: PodView,
  one: ContainerView,
  namespaceOptions: Namespaces,
  node: NodeFacts,
  image: ImageFacts | undefined,
) {
  const own = one.container.securityContext ?? {};
  const ofPod = view.spec.securityContext;
  const runAsUser = own.runAsUser ?? ofPod.runAsUser;
  if (own.runAsNonRoot ?? ofPod.runAsNonRoot) checkNonRoot(view, one, runAsUser, image);
  const apparmor = apparmorOf(view, one.container, one.path);
  return {
    namespaceOptions,
    ...userOf(runAsUser, image),
    runAsGroup: int64(own.runAsGroup ?? ofPod.runAsGroup),
    ...supplementalGroups(view, node, "CreateContainerConfigError"),
    selinuxOptions: selinuxOf(own.seLinuxOptions ?? ofPod.seLinuxOptions),
    capabilities: own.capabilities && {
      addCapabilities: [...(own.capabilities.add ?? [])],
      dropCapabilities: [...(own.capabilities.drop ?? [])],
    },
    privileged: own.privileged === true,
    readonlyRootfs: own.readOnlyRootFilesystem === true,
    noNewPrivs: own.allowPrivilegeEscalation === false,
    seccomp: seccompOf(view, one, node),
    apparmor,
    apparmorProfile: apparmor === undefined ? "" : deprecatedApparmorName(apparmor),
    ...hiddenPaths(one, node),
  };
}

/** Returns the user: that of the Pod, the number or name of the image's user, or 0. */
function userOf(runAsUser: number | undefined, image: ImageFacts | undefined) {
  if (runAsUser !== undefined) return { runAsUser: int64(runAsUser), runAsUsername: "" };
  if (image?.uid !== undefined) return { runAsUser: { value: image.uid }, runAsUsername: "" };
  if (image?.username) return { runAsUser: undefined, runAsUsername: image.username };
  return { runAsUser: { value: 0n }, runAsUsername: "" };
}

/** The texts are those of the kubelet. */
function checkNonRoot(
  { name, namespace, uid }: PodView,
  { container, path }: ContainerView,
  runAsUser: number | undefined,
  image: ImageFacts | undefined,
): void {
  const where = `(pod: "${name}_${namespace}(${uid})", container: ${container.name})`;
  const fail = (why: string) =>
    new StartError("CreateContainerConfigError", `${why} ${where}`, {
      hint: `Set runAsUser in ${path}.securityContext to another user than root, or change runAsNonRoot`,
    });
  if (runAsUser === 0) throw fail("container's runAsUser breaks non-root policy");
  if (runAsUser !== undefined) return;
  if (image?.uid === undefined && image?.username)
    throw fail(
      `container has runAsNonRoot and image has non-numeric user (${image.username}), cannot verify user is non-root`,
    );
  if ((image?.uid ?? 0n) === 0n) throw fail("container has runAsNonRoot and image will run as root");
}

const groupsPolicies: Readonly<Record<string, SupplementalGroupsPolicy>> = {
  Merge: SupplementalGroupsPolicy.Merge,
  Strict: SupplementalGroupsPolicy.Strict,
};

function supplementalGroups(view: PodView, node: NodeFacts, reason: Reason) {
  const { fsGroup, supplementalGroups = [], supplementalGroupsPolicy = "Merge" } = view.spec.securityContext;
  const fail = (why: string) =>
    new StartError(reason, `spec.securityContext.supplementalGroupsPolicy: ${why}`);
  const policy = Object.hasOwn(groupsPolicies, supplementalGroupsPolicy)
    ? groupsPolicies[supplementalGroupsPolicy]
    : undefined;
  if (policy === undefined)
    throw fail(`must be "Merge" or "Strict", got ${JSON.stringify(supplementalGroupsPolicy)}`);
  if (policy === SupplementalGroupsPolicy.Strict && !node.runtimeFeatures.supplementalGroupsPolicy)
    throw fail('the runtime does not support "Strict"');
  return {
    supplementalGroups: [...(fsGroup === undefined ? [] : [fsGroup]), ...supplementalGroups].map(BigInt),
    supplementalGroupsPolicy: policy,
  };
}

/** The profile types that seccomp and AppArmor share. */
const profileTypes: Readonly<Record<string, ProfileType>> = {
  RuntimeDefault: ProfileType.RuntimeDefault,
  Unconfined: ProfileType.Unconfined,
  Localhost: ProfileType.Localhost,
};

/** CRI's SecurityProfile. */
interface Profile {
  readonly profileType: ProfileType;
  readonly localhostRef: string;
}

function seccompOf(view: PodView, { container, path }: ContainerView, node: NodeFacts): Profile {
  const own = container.securityContext?.seccompProfile;
  const given = own ?? view.spec.securityContext.seccompProfile;
  const field = `${own ? path : "spec"}.securityContext.seccompProfile`;
  if (given === undefined) {
    const profileType = node.seccompDefault ? ProfileType.RuntimeDefault : ProfileType.Unconfined;
    return { profileType, localhostRef: "" };
  }
  return profileOf(given, field, (name, fail) => {
    if (!name.startsWith("/") && !name.split("/").includes("..")) return `${node.rootDir}/seccomp/${name}`;
    throw fail("localhostProfile", `must be a relative path without "..", got ${JSON.stringify(name)}`);
  });
}

/** Returns the AppArmor profile; undefined without one: then the runtime chooses. The older form is an annotation of the pod. */
function apparmorOf(view: PodView, container: Container, path: string): Profile | undefined {
  const own = container.securityContext?.appArmorProfile;
  if (own) return profileOf(own, `${path}.securityContext.appArmorProfile`, (name) => name);
  const key = `container.apparmor.security.beta.kubernetes.io/${container.name}`;
  const annotation = view.annotations[key];
  if (annotation !== undefined) return annotatedApparmor(annotation, `metadata.annotations[${key}]`);
  const ofPod = view.spec.securityContext.appArmorProfile;
  return ofPod && profileOf(ofPod, "spec.securityContext.appArmorProfile", (name) => name);
}

function annotatedApparmor(value: string, path: string): Profile | undefined {
  if (value === "runtime/default") return { profileType: ProfileType.RuntimeDefault, localhostRef: "" };
  if (value === "unconfined") return { profileType: ProfileType.Unconfined, localhostRef: "" };
  const name = /^localhost\/(.+)$/.exec(value)?.[1];
  if (name !== undefined) return { profileType: ProfileType.Localhost, localhostRef: name };
  throw new StartError(
    "CreateContainerConfigError",
    `${path}: must be "runtime/default", "unconfined" or "localhost/<profile>", got ${JSON.stringify(value)}`,
  );
}

/** Creates the error about a field of a profile. */
type Fail = (field: string, why: string) => StartError;

function profileOf(
  { type, localhostProfile = "" }: SeccompProfile | AppArmorProfile,
  path: string,
  refOf: (name: string, fail: Fail) => string,
): Profile {
  const fail: Fail = (field, why) => new StartError("CreateContainerConfigError", `${path}.${field}: ${why}`);
  const profileType = Object.hasOwn(profileTypes, type) ? profileTypes[type] : undefined;
  if (profileType === undefined)
    throw fail("type", `must be "RuntimeDefault", "Unconfined" or "Localhost", got ${JSON.stringify(type)}`);
  if (profileType !== ProfileType.Localhost) return { profileType, localhostRef: "" };
  const name = localhostProfile.trim();
  if (name === "") throw fail("localhostProfile", "is required with type Localhost");
  return { profileType, localhostRef: refOf(name, fail) };
}

/** Returns masked_paths and readonly_paths; empty lists, which hide nothing, with `procMount: Unmasked` only. */
function hiddenPaths({ container, path }: ContainerView, { thermalThrottlePaths }: NodeFacts) {
  const procMount = container.securityContext?.procMount;
  if (procMount === "Unmasked") return { maskedPaths: [], readonlyPaths: [] };
  if (procMount !== undefined && procMount !== "" && procMount !== "Default")
    throw new StartError(
      "CreateContainerConfigError",
      `${path}.securityContext.procMount: must be "Default" or "Unmasked", got ${JSON.stringify(procMount)}`,
    );
  return {
    maskedPaths: [...defaultMaskedPaths, ...thermalThrottlePaths],
    readonlyPaths: [...defaultReadonlyPaths],
  };
}

function selinuxOf(options: SELinuxOptions | undefined) {
  if (options === undefined) return undefined;
  const { user = "", role = "", type = "", level = "" } = options;
  return { user, role, type, level };
}

function int64(value: number | undefined): { readonly value: bigint } | undefined {
  return value === undefined ? undefined : { value: BigInt(value) };
}
