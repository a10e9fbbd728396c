/** Security contexts. */

/** The security context of a container. Its fields take precedence over those of the pod. */
export interface SecurityContext {
  /** Whether a process may gain more privileges than its parent, for example by setuid. @default true */
  readonly allowPrivilegeEscalation?: boolean;
  /** The AppArmor profile of the container. @default that of the pod, or that of the runtime */
  readonly appArmorProfile?: AppArmorProfile;
  /** The capabilities that the runtime adds to its default set, or drops from it. */
  readonly capabilities?: Capabilities;
  /** Whether the container has all privileges and devices of the node. @default false */
  readonly privileged?: boolean;
  /** "Default" or "Unmasked", which needs `hostUsers: false`. @default "Default" */
  readonly procMount?: string;
  /** Whether the root file system is read-only. @default false */
  readonly readOnlyRootFilesystem?: boolean;
  /** The primary group of the processes. @default that of the pod, or that of the image */
  readonly runAsGroup?: number;
  /** Whether the container does not start if it would run as root. @default that of the pod */
  readonly runAsNonRoot?: boolean;
  /** @default the user of the image */
  readonly runAsUser?: number;
  /** The SELinux label. @default that of the pod */
  readonly seLinuxOptions?: SELinuxOptions;
  /** The seccomp profile. @default that of the pod */
  readonly seccompProfile?: SeccompProfile;
  /** For Windows only. Refused here. */
  readonly windowsOptions?: WindowsSecurityContextOptions;
}

/** An AppArmor profile. */
export interface AppArmorProfile {
  /** With the type "Localhost" only. */
  readonly localhostProfile?: string;
  /** "RuntimeDefault", "Unconfined" or "Localhost". */
  readonly type: string;
}

/** Linux capabilities, without the prefix CAP_, or "ALL". */
export interface Capabilities {
  /** Capabilities to add. */
  readonly add?: readonly string[];
  /** Capabilities to drop. */
  readonly drop?: readonly string[];
}

/** An SELinux label. */
export interface SELinuxOptions {
  /** The level. */
  readonly level?: string;
  /** The role. */
  readonly role?: string;
  /** The type. */
  readonly type?: string;
  /** The user. */
  readonly user?: string;
}

/** A seccomp profile. */
export interface SeccompProfile {
  /** With the type "Localhost" only. */
  readonly localhostProfile?: string;
  /** "RuntimeDefault", "Unconfined" or "Localhost". */
  readonly type: string;
}

/** Options of Windows containers. */
export interface WindowsSecurityContextOptions {
  /** The content of the GMSA credential spec. */
  readonly gmsaCredentialSpec?: string;
  /** The name of the GMSA credential spec. */
  readonly gmsaCredentialSpecName?: string;
  /** Whether the container runs as a process of the host. @default false */
  readonly hostProcess?: boolean;
  /** The user of the first process. */
  readonly runAsUserName?: string;
}
