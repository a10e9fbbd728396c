import { checkQosClass, type QosClass } from "./qos.js";
import { collecting, type Report, reportValue } from "./report.js";

/** What {@link cgroupParent} makes a path of. */
export interface CgroupParentOptions {
  /** The pod's uid, as in PodSandboxMetadata.uid. */
  readonly uid: string;
  /** How the runtime makes cgroups: RuntimeConfigResponse.linux.cgroup_driver. */
  readonly driver: "cgroupfs" | "systemd";
  /**
   * The pod's class. Burstable and BestEffort pods have a level of their own.
   * @default "Guaranteed", which has none
   */
  readonly qos?: QosClass | undefined;
  /**
   * The names of the cgroups above, from the root; with systemd without `.slice`. The kubelet's are its cgroup root and `kubepods`.
   * @default ["kubepods"]
   */
  readonly root?: readonly string[] | undefined;
}

/** What a file may be called on every filesystem of Linux. */
const maxNameLength = 255;
/** What both a cgroup and a unit of systemd may be called. */
const name = /^[A-Za-z0-9_:.-]+$/;

/**
 * The cgroup of a pod as the kubelet names it, for LinuxPodSandboxConfig.cgroup_parent: `/kubepods/burstable/pod<uid>` on
 * cgroupfs, `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod<uid>.slice` with systemd, where `-` in a name
 * becomes `_`. Runtimes make it where it is missing, without limits; who made it must remove it.
 *
 * @throws CriError `invalid_argument: invalid_spec`
 */
export function cgroupParent(options: CgroupParentOptions): string {
  return collecting("The cgroup", (report) => {
    const { uid, driver, qos = "Guaranteed", root = ["kubepods"] } = options;
    checkQosClass(qos, "qos", report);
    checkName(uid, "uid", report);
    for (const [i, above] of root.entries()) {
      checkName(above, `root[${i}]`, report);
      if (driver === "systemd" && /\.slice$/.test(above))
        reportValue(report, `root[${i}]`, 'must not end with ".slice"', above);
    }
    const level = qos === "Guaranteed" ? [] : [qos.toLowerCase()];
    const names = [...root, ...level, `pod${uid}`];
    if (driver === "cgroupfs") return checkPath(`/${names.join("/")}`, report);
    if (driver !== "systemd") reportValue(report, "driver", 'must be "cgroupfs" or "systemd"', driver);
    const units = names.map((part) => String(part).replaceAll("-", "_"));
    return checkPath(units.map((_, i) => `/${units.slice(0, i + 1).join("-")}.slice`).join(""), report);
  });
}

function checkName(given: string, path: string, report: Report): void {
  if (typeof given !== "string" || !name.test(given) || /^\.+$/.test(given))
    reportValue(report, path, 'must be a name of letters, digits and "_:.-"', given);
}

function checkPath(path: string, report: Report): string {
  const longest = Math.max(...path.split("/").map(({ length }) => length));
  if (longest > maxNameLength)
    report({
      path: "uid",
      message: `must be shorter: a name of ${longest} characters comes of it, ${maxNameLength} are possible`,
    });
  return path;
}
