import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { NamespaceOptionSchema } from "../../../../gen/runtime/v1/api_pb.js";
import { isBytes, isCriError } from "../../../core/index.js";
import { toGoJson } from "../../../crictl/index.js";
import type { Sandbox } from "../objects.js";

/**
 * Builds the `info` of a verbose response: one entry of JSON, as in containerd, with the config in Go's JSON if there is
 * one.
 */
export function verboseInfo(value: object, config?: string): Record<string, string> {
  const convert = (key: string, inner: unknown) => {
    // Internal properties of protobuf-es messages.
    if (key === "$typeName" || key === "$unknown") return undefined;
    if (typeof inner === "bigint") return String(inner);
    return isBytes(inner) ? Buffer.from(inner).toString() : inner;
  };
  const json = JSON.stringify(value, convert);
  // Inserted as text: as a JavaScript value, its 64-bit numbers would lose digits.
  return { info: config === undefined ? json : `${json.slice(0, -1)},"config":${config}}` };
}

/** Returns the parts of a pod's runtime spec from which clients of CRI-O can learn its config. */
export function crioSpec({ id, config }: Sandbox): object {
  const { logDirectory, portMappings, linux } = config;
  const { namespaceOptions, privileged = false, seccomp } = linux?.securityContext ?? {};
  const profiles = ["RuntimeDefault", "Unconfined", `localhost/${seccomp?.localhostRef}`];
  const annotations = {
    HostName: config.hostname || id.slice(0, 12),
    LogPath: `${logDirectory || `/var/log/crio/pods/${id}`}/${id}.log`,
    CgroupParent: linux?.cgroupParent ?? "",
    NamespaceOptions: namespaceOptions ? (goConfig(NamespaceOptionSchema, namespaceOptions) ?? "{}") : "{}",
    PortMappings: JSON.stringify(
      portMappings
        .filter(({ hostPort }) => hostPort > 0)
        .map(({ hostPort, containerPort, hostIp, protocol }) => ({
          HostPort: hostPort,
          ContainerPort: containerPort,
          Protocol: ["TCP", "UDP", "SCTP"][protocol],
          HostIP: hostIp,
        })),
    ),
    PrivilegedRuntime: String(privileged),
    SeccompProfilePath: seccomp ? profiles[seccomp.profileType] : "Unconfined",
  };
  const named = Object.entries(annotations).map(([name, value]) => [`io.kubernetes.cri-o.${name}`, value]);
  return { annotations: Object.fromEntries(named), linux: { sysctl: linux?.sysctls ?? {} } };
}

/** Converts a config to JSON as containerd does; undefined for one whose variables cannot be represented in JSON. */
export function goConfig<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
): string | undefined {
  try {
    return toGoJson(schema, message);
  } catch (error) {
    if (isCriError(error)) return undefined;
    throw error;
  }
}
