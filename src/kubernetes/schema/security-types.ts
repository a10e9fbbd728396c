import type {
  AppArmorProfile,
  Capabilities,
  PodSecurityContext,
  SELinuxOptions,
  SeccompProfile,
  SecurityContext,
  Sysctl,
  WindowsSecurityContextOptions,
} from "../api/index.js";
import { boolean, int64, listOf, objectOf, required, string } from "./value-types.js";

const appArmorProfile = objectOf<AppArmorProfile>("AppArmorProfile", {
  localhostProfile: string,
  type: required(string),
});

const seccompProfile = objectOf<SeccompProfile>("SeccompProfile", {
  localhostProfile: string,
  type: required(string),
});

const seLinuxOptions = objectOf<SELinuxOptions>("SELinuxOptions", {
  level: string,
  role: string,
  type: string,
  user: string,
});

const windowsOptions = objectOf<WindowsSecurityContextOptions>("WindowsSecurityContextOptions", {
  gmsaCredentialSpec: string,
  gmsaCredentialSpecName: string,
  hostProcess: boolean,
  runAsUserName: string,
});

export const securityContext = objectOf<SecurityContext>("SecurityContext", {
  allowPrivilegeEscalation: boolean,
  appArmorProfile,
  capabilities: objectOf<Capabilities>("Capabilities", { add: listOf(string), drop: listOf(string) }),
  privileged: boolean,
  procMount: string,
  readOnlyRootFilesystem: boolean,
  runAsGroup: int64,
  runAsNonRoot: boolean,
  runAsUser: int64,
  seLinuxOptions,
  seccompProfile,
  windowsOptions,
});

export const podSecurityContext = objectOf<PodSecurityContext>("PodSecurityContext", {
  appArmorProfile,
  fsGroup: int64,
  fsGroupChangePolicy: string,
  runAsGroup: int64,
  runAsNonRoot: boolean,
  runAsUser: int64,
  seLinuxChangePolicy: string,
  seLinuxOptions,
  seccompProfile,
  supplementalGroups: listOf(int64),
  supplementalGroupsPolicy: string,
  sysctls: listOf(objectOf<Sysctl>("Sysctl", { name: required(string), value: required(string) })),
  windowsOptions,
});
