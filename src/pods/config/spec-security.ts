/** A seccomp or AppArmor profile: the runtime's own, none, or one of this host. SecurityProfile. */
export type ProfileSpec = "RuntimeDefault" | "Unconfined" | { readonly localhost: string };

/** SELinuxOption. */
export interface SelinuxSpec {
  readonly user?: string | undefined;
  readonly role?: string | undefined;
  readonly type?: string | undefined;
  readonly level?: string | undefined;
}

/** Whom processes run as: an id, with a group or without; a name that the image knows; or whom the image says. */
export type UserSpec =
  | {
      /** run_as_user. */
      readonly user: number;
      /** run_as_group; CRI wants a user beside it. */
      readonly group?: number | undefined;
    }
  | {
      /** run_as_username, a user of the image's /etc/passwd. */
      readonly user: string;
      /** run_as_group. */
      readonly group?: number | undefined;
    }
  | { readonly user?: undefined; readonly group?: undefined };

interface SharedSecurity {
  /** supplemental_groups. */
  readonly supplementalGroups?: readonly number[] | undefined;
  /**
   * Whether the image's groups of the user count, too: supplemental_groups_policy.
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
   * The seccomp profile; `localhost` is the path of a file on this host: seccomp.
   * @default "RuntimeDefault". CRI's "not said" means unconfined on containerd and CRI-O
   */
  readonly seccomp?: ProfileSpec | undefined;
  /**
   * The AppArmor profile; `localhost` is the name of one that is loaded: apparmor, and the deprecated apparmor_profile that
   * older runtimes read.
   * @default none is said: the runtime's choice
   */
  readonly apparmor?: ProfileSpec | undefined;
}

/** Who a pod runs as, and what it may: LinuxSandboxSecurityContext. CRI has no user by name here. */
export type PodSecuritySpec = SharedSecurity &
  Exclude<UserSpec, { readonly user: string }> & {
    /**
     * Whether containers of the pod may be privileged: privileged.
     * @default false
     */
    readonly privileged?: boolean | undefined;
  };

type PrivilegeSpec =
  | {
      /**
       * All of the host's devices and capabilities: privileged. Needs a privileged pod.
       * @default false
       */
      readonly privileged?: boolean | undefined;
      readonly allowPrivilegeEscalation?: true | undefined;
    }
  | {
      readonly privileged?: false | undefined;
      /**
       * False forbids that a process gains rights by a setuid program: no_new_privs. Not together with `privileged`.
       * @default true, as the kubelet's
       */
      readonly allowPrivilegeEscalation?: boolean | undefined;
    };

/** Who a container runs as, and what it may: LinuxContainerSecurityContext. */
export type ContainerSecuritySpec = SharedSecurity &
  UserSpec &
  PrivilegeSpec & {
    /** Linux capabilities, `NET_ADMIN` or `ALL`, with `CAP_` or without: capabilities. */
    readonly capabilities?:
      | {
          readonly add?: readonly string[] | undefined;
          readonly drop?: readonly string[] | undefined;
          readonly ambient?: readonly string[] | undefined;
        }
      | undefined;
    /**
     * Which paths are hidden and which are read-only: masked_paths and readonly_paths. `"Default"` are the kubelet's lists;
     * `"Unmasked"` leaves all of /proc open.
     * @default "Default"
     */
    readonly procMount?:
      | "Default"
      | "Unmasked"
      | { readonly maskedPaths: readonly string[]; readonly readOnlyPaths: readonly string[] }
      | undefined;
  };
