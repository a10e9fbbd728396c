import type { DescMessage, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import {
  LinuxContainerResourcesSchema,
  NamespaceOptionSchema,
  type PodSandboxConfigSchema,
  Protocol,
  SecurityProfile_ProfileType,
} from "../../gen/runtime/v1/api_pb.js";
import { isCriError } from "../core/index.js";
import { fromGoJson } from "../crictl/index.js";
import { member, parseJson } from "./verbose-info.js";

/** The prefix of CRI-O's annotations. */
const prefix = "io.kubernetes.cri-o.";

/** The fields that CRI-O's annotations do not contain. CreateContainer on CRI-O takes none of them from the pod's config. */
export const missingFromRuntimeSpec = [
  "dnsConfig",
  "linux.securityContext.selinuxOptions",
  "linux.securityContext.apparmor",
  "linux.securityContext.runAsUser",
  "linux.securityContext.runAsGroup",
  "linux.securityContext.supplementalGroups",
  "linux.securityContext.readonlyRootfs",
];

/**
 * Reads the config of a pod as far as CRI-O keeps it in its runtime spec, which the verbose status contains: in annotations, except for
 * the sysctls, which include those of CRI-O's own configuration. Undefined for other runtimes.
 */
export function configInRuntimeSpec(
  info: string | undefined,
  podSandboxId: string,
): MessageInitShape<typeof PodSandboxConfigSchema> | undefined {
  const spec = member(parseJson(info), "runtimeSpec");
  const annotation = (name: string): string | undefined => {
    const value = member(member(spec, "annotations"), prefix + name);
    return typeof value === "string" ? value : undefined;
  };
  const logPath = annotation("LogPath");
  const namespaceOptions = parsed(NamespaceOptionSchema, annotation("NamespaceOptions"));
  const cgroupParent = annotation("CgroupParent");
  if (logPath === undefined || cgroupParent === undefined || !namespaceOptions) return undefined;
  const hostname = annotation("HostName") ?? "";
  const resources = parsed(LinuxContainerResourcesSchema, annotation("PodLinuxResources"));
  const overhead = parsed(LinuxContainerResourcesSchema, annotation("PodLinuxOverhead"));
  const seccomp = seccompOf(annotation("SeccompProfilePath"));
  return {
    // Without a hostname in the config, CRI-O takes the beginning of the id.
    hostname: podSandboxId.startsWith(hostname) ? "" : hostname,
    logDirectory: logDirectoryOf(logPath, podSandboxId),
    portMappings: portMappingsOf(annotation("PortMappings")),
    linux: {
      cgroupParent,
      sysctls: textsOf(member(member(spec, "linux"), "sysctl")),
      ...(resources ? { resources } : {}),
      ...(overhead ? { overhead } : {}),
      securityContext: {
        namespaceOptions,
        privileged: annotation("PrivilegedRuntime") === "true",
        ...(seccomp ? { seccomp } : {}),
      },
    },
  };
}

/** Returns the directory of the pod's own log. A pod without a log directory has one of CRI-O, which its id names. */
function logDirectoryOf(logPath: string, podSandboxId: string): string {
  const directory = logPath.slice(0, logPath.lastIndexOf("/"));
  return directory.endsWith(`/${podSandboxId}`) ? "" : directory;
}

/** Reads mappings in the form of Go structs without JSON names: `[{ "HostPort": 80, "ContainerPort": 80, "Protocol": "TCP" }]`. */
function portMappingsOf(text: string | undefined) {
  const all = parseJson(text);
  return (Array.isArray(all) ? all : []).map((one: unknown) => {
    const fields = Object.fromEntries(
      Object.entries(one ?? {}).map(([name, value]): [string, unknown] => [name.toLowerCase(), value]),
    );
    return {
      hostPort: Number(fields.hostport ?? 0),
      containerPort: Number(fields.containerport ?? 0),
      hostIp: String(fields.hostip ?? ""),
      protocol: Protocol[String(fields.protocol).toUpperCase() as keyof typeof Protocol] ?? Protocol.TCP,
    };
  });
}

/** Reads the profile that CRI-O used: a name of the enum or of Kubernetes' old annotation, or the path of a file. */
function seccompOf(text: string | undefined) {
  if (!text) return undefined;
  if (/^(?:runtime\/default|docker\/default|RuntimeDefault)$/.test(text))
    return { profileType: SecurityProfile_ProfileType.RuntimeDefault };
  if (/^unconfined$/i.test(text)) return { profileType: SecurityProfile_ProfileType.Unconfined };
  const localhostRef = text.replace(/^localhost\//, "");
  return { profileType: SecurityProfile_ProfileType.Localhost, localhostRef };
}

function textsOf(value: unknown): Record<string, string> {
  if (typeof value !== "object" || value === null) return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}

/** Reads a message; undefined for none, and for one that this version does not understand. */
function parsed<D extends DescMessage>(schema: D, text: string | undefined): MessageShape<D> | undefined {
  if (!text || text === "null") return undefined;
  try {
    return fromGoJson(schema, text, { unknownKeys: "ignore" });
  } catch (error) {
    if (isCriError(error)) return undefined;
    throw error;
  }
}
