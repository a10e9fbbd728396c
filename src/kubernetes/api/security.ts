/** Security contexts. */

/** The security context of a container. Its fields take precedence over those of the pod. */
export interface SecurityContext {
  readonly allowPrivilegeEscalation?: boolean;
  readonly appArmorProfile?: AppArmorProfile;
  readonly capabilities?: Capabilities;
  readonly privileged?: boolean;
  /** "Default" or "Unmasked", which needs `hostUsers: false`. @default "Default" */
  readonly procMount?: string;
  readonly readOnlyRootFilesystem?: boolean;
  readonly runAsGroup?: number;
  readonly runAsNonRoot?: boolean;
  /** @default the user of the image */
  readonly runAsUser?: number;
  readonly seLinuxOptions?: SELinuxOptions;
  readonly seccompProfile?: SeccompProfile;
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
  readonly add?: readonly string[];
  readonly drop?: readonly string[];
}

/** An SELinux label. */
export interface SELinuxOptions {
  readonly level?: string;
  readonly role?: string;
  readonly type?: string;
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
  readonly gmsaCredentialSpec?: string;
  readonly gmsaCredentialSpecName?: string;
  readonly hostProcess?: boolean;
  readonly runAsUserName?: string;
}
