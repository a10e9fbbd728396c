/** A seccomp or AppArmor profile: the runtime's default, none, or one of this host. SecurityProfile. */
export type ProfileSpec =
  | "RuntimeDefault"
  | "Unconfined"
  | {
      /** A profile of this host: the path of a seccomp profile, or the name of a loaded AppArmor profile. */
      readonly localhost: string;
    };

/** SELinuxOption. */
export interface SelinuxSpec {
  /** The user. */
  readonly user?: string | undefined;
  /** The role. */
  readonly role?: string | undefined;
  /** The type, such as `container_t`. */
  readonly type?: string | undefined;
  /** The level, such as `s0:c1,c2`. */
  readonly level?: string | undefined;
}

/** The user of the processes: an id, optionally with a group; a name from the image; or, when omitted, the image's user. */
export type UserSpec =
  | {
      /** run_as_user. */
      readonly user: number;
      /** run_as_group. CRI requires a user with it. */
      readonly group?: number | undefined;
    }
  | {
      /** run_as_username, a user of the image's /etc/passwd. */
      readonly user: string;
      /** run_as_group. */
      readonly group?: number | undefined;
    }
  | { readonly user?: undefined; readonly group?: undefined };

/** The fields that pods and containers have. @inline */
interface SharedSecurity {
  /** supplemental_groups. */
  readonly supplementalGroups?: readonly number[] | undefined;
  /**
   * Whether the groups of the user in the image are added (`Merge`) or ignored (`Strict`): supplemental_groups_policy.
   * @default "Merge"
   */
  readonly supplementalGroupsPolicy?: "Merge" | "Strict" | undefined;
  /** selinux_options. */
  readonly selinux?: SelinuxSpec | undefined;
  /**
   * Whether the root filesystem is read-only: readonly_rootfs.
   * @default false
   */
  readonly readOnlyRootFilesystem?: boolean | undefined;
  /**
   * The seccomp profile: seccomp. `localhost` is the path of a profile on this host.
   * @default "RuntimeDefault". An unset field of CRI would mean unconfined on containerd and CRI-O
   */
  readonly seccomp?: ProfileSpec | undefined;
  /**
   * The AppArmor profile: apparmor, and the deprecated apparmor_profile, which older runtimes read. `localhost` is the name of a loaded
   * profile.
   * @default not set: the runtime chooses
   */
  readonly apparmor?: ProfileSpec | undefined;
}

/** The security context of a pod's sandbox: LinuxSandboxSecurityContext. CRI has no user by name here. */
export type PodSecuritySpec = SharedSecurity &
  Exclude<UserSpec, { readonly user: string }> & {
    /**
     * Whether containers of the pod may be privileged: LinuxSandboxSecurityContext.privileged.
     * @default false
     */
    readonly privileged?: boolean | undefined;
  };

/** The privileges of a container. @inline */
type PrivilegeSpec =
  | {
      /**
       * Whether the container gets all devices and capabilities of the host: privileged. Requires a privileged pod.
       * @default false
       */
      readonly privileged?: boolean | undefined;
      readonly allowPrivilegeEscalation?: true | undefined;
    }
  | {
      readonly privileged?: false | undefined;
      /**
       * Whether a process can gain privileges, as through a setuid program; false sets no_new_privs. Cannot be combined with
       * `privileged`.
       * @default true, as in Kubernetes
       */
      readonly allowPrivilegeEscalation?: boolean | undefined;
    };

/** The security context of a container: LinuxContainerSecurityContext. */
export type ContainerSecuritySpec = SharedSecurity &
  UserSpec &
  PrivilegeSpec & {
    /** Linux capabilities, such as `NET_ADMIN` or `ALL`, with or without `CAP_`: capabilities. */
    readonly capabilities?:
      | {
          /** add_capabilities, beside the runtime's default ones. @default none */
          readonly add?: readonly string[] | undefined;
          /** drop_capabilities. @default none */
          readonly drop?: readonly string[] | undefined;
          /** add_ambient_capabilities, which processes of other users than root keep. @default none */
          readonly ambient?: readonly string[] | undefined;
        }
      | undefined;
    /**
     * The hidden and read-only paths: masked_paths and readonly_paths. `"Default"` stands for the kubelet's lists, `"Unmasked"` for
     * empty ones.
     * @default "Default"
     */
    readonly procMount?:
      | "Default"
      | "Unmasked"
      | {
          /** The paths that the container cannot see. */
          readonly maskedPaths: readonly string[];
          /** The paths that the container cannot change. */
          readonly readOnlyPaths: readonly string[];
        }
      | undefined;
  };
