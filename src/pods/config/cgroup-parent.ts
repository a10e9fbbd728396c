import { OptionTable, option, type Violations } from "../../core/index.js";
import { validated } from "./fields.js";
import { checkQosClass, type QosClass } from "./pod-resources.js";

/** The options of {@link cgroupParent}. */
export interface CgroupParentOptions {
  /** The pod's uid, as in PodSandboxMetadata.uid. */
  readonly uid: string;
  /** The runtime's cgroup driver: RuntimeConfigResponse.linux.cgroup_driver. */
  readonly driver: "cgroupfs" | "systemd";
  /**
   * The pod's QoS class. Burstable and BestEffort pods are below a cgroup of their class.
   * @default "Guaranteed", which has no cgroup of its own
   */
  readonly qos?: QosClass | undefined;
  /**
   * The names of the cgroups above, from the root; without `.slice` for systemd. The kubelet's are its cgroup root and `kubepods`.
   * @default ["kubepods"]
   */
  readonly root?: readonly string[] | undefined;
}

// The names and words are checked where they are read.
const cgroupParentTable = new OptionTable<CgroupParentOptions>({
  uid: option.required(option.any),
  driver: option.required(option.any),
  qos: option.any,
  root: (value) => (Array.isArray(value) ? undefined : "must be an array"),
});

/** The limit of Linux filesystems. */
const maxNameLength = 255;
/** The characters that both cgroups and systemd units allow. */
const cgroupName = /^[A-Za-z0-9_:.-]+$/;

/**
 * Returns the cgroup of a pod as the kubelet names it, for LinuxPodSandboxConfig.cgroup_parent: `/kubepods/burstable/pod<uid>` for
 * cgroupfs; `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod<uid>.slice` for systemd, with `_` for each `-` in a
 * name. Runtimes create a missing cgroup without limits. The caller has to remove it.
 *
 * @throws CriError `invalid_argument: invalid_spec`
 */
export function cgroupParent(options: CgroupParentOptions): string {
  cgroupParentTable.check("cgroupParent", options);
  return validated("invalid options of cgroupParent()", (violations) => {
    const { uid, driver, qos = "Guaranteed", root = ["kubepods"] } = options;
    checkQosClass(qos, "qos", violations);
    checkName(uid, "uid", violations);
    for (const [i, above] of root.entries()) {
      checkName(above, `root[${i}]`, violations);
      if (driver === "systemd" && /\.slice$/.test(above))
        violations.addValue(`root[${i}]`, 'must not end with ".slice"', above);
    }
    violations.check(
      driver === "cgroupfs" || driver === "systemd",
      "driver",
      'must be "cgroupfs" or "systemd"',
      driver,
    );
    if (!violations.isEmpty) return "";
    const level = qos === "Guaranteed" ? [] : [qos.toLowerCase()];
    const names = [...root, ...level, `pod${uid}`];
    if (driver === "cgroupfs") return checkLength(`/${names.join("/")}`, violations);
    const units = names.map((part) => part.replaceAll("-", "_"));
    return checkLength(units.map((_, i) => `/${units.slice(0, i + 1).join("-")}.slice`).join(""), violations);
  });
}

function checkName(given: string, path: string, violations: Violations): void {
  const isName = typeof given === "string" && cgroupName.test(given) && !/^\.+$/.test(given);
  violations.check(isName, path, 'must be a name of letters, digits and "_:.-"', given);
}

function checkLength(path: string, violations: Violations): string {
  const longest = Math.max(...path.split("/").map(({ length }) => length));
  if (longest > maxNameLength)
    violations.add(
      "uid",
      `must be shorter: the cgroup's name would have ${longest} characters, and ${maxNameLength} are allowed`,
    );
  return path;
}
