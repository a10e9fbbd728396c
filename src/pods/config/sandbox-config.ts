import { createHash, randomUUID } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import {
  NamespaceMode,
  type PodSandboxConfig,
  PodSandboxConfigSchema,
  WindowsPodSandboxConfigSchema,
} from "../../../gen/runtime/v1/api_pb.js";
import { checkArgument, kubernetesLabels, OptionTable, option, type Violations } from "../../core/index.js";
import { Fields, invalidSpecOf, validated } from "./fields.js";
import { kubernetesNames } from "./kubernetes-names.js";
import { readResources } from "./resources.js";
import {
  cgroupPath,
  readDns,
  readHostname,
  readNamespaces,
  readPorts,
  readSysctls,
} from "./sandbox-fields.js";
import { readSandboxSecurity } from "./security.js";
import {
  defaultLogRoot,
  readAnnotations,
  readLabels,
  readLogDirectory,
  readWindows,
} from "./shared-fields.js";
import type { PodSpec } from "./spec-pod.js";
import { dnsLabel, dnsSubdomain, hostPath, uidRule } from "./string-rules.js";

const maxAttempt = 2 ** 32 - 1;

/** The options of {@link sandboxConfig}. */
export interface SandboxConfigOptions {
  /**
   * The directory of the log directories of all pods, absolute.
   * @default "/var/log/pods"
   */
  readonly logRoot?: string | undefined;
}

const sandboxConfigTable = new OptionTable<SandboxConfigOptions>({
  logRoot: (value) => (typeof value === "string" ? hostPath(value) : "must be a string"),
});

/**
 * Returns the complete PodSandboxConfig of a pod, for RunPodSandbox and for each CreateContainer in the pod. Keep it: runtimes require
 * the same config again, and without a `uid` in the spec each call generates another one. `runtimeHandler` is not part of it; pass
 * that to RunPodSandboxRequest.
 *
 * A pure function: it reads only its arguments and does not change them.
 *
 * @throws CriError `invalid_argument: invalid_spec`; `problems` lists every invalid field by its path in the spec
 */
export function sandboxConfig(spec: PodSpec, options: SandboxConfigOptions = {}): PodSandboxConfig {
  sandboxConfigTable.check("sandboxConfig", options);
  const { logRoot = defaultLogRoot } = options;
  return validated(invalidSpecOf("pod", spec), (violations) => read(spec, logRoot, violations));
}

function read(spec: PodSpec, logRoot: string, violations: Violations): PodSandboxConfig {
  const fields = new Fields<PodSpec>(spec, "", violations);
  const name = fields.requiredString("name", "the pod's name", dnsSubdomain);
  const namespace = fields.string("namespace", dnsLabel) ?? "default";
  const uid = fields.string("uid", uidRule) ?? randomUUID();
  const namespaces = readNamespaces(fields);
  const hostNetwork = namespaces.network === NamespaceMode.NODE;
  // Not part of the config, but a known field.
  fields.string("runtimeHandler");
  const config = create(PodSandboxConfigSchema, {
    metadata: { name, namespace, uid, attempt: fields.integer("attempt", 0, maxAttempt) ?? 0 },
    hostname: readHostname(fields, name, hostNetwork),
    logDirectory: readLogDirectory(fields, { name, namespace, uid }, logRoot),
    dnsConfig: readDns(fields),
    portMappings: readPorts(fields, hostNetwork),
    labels: readLabels(fields, {
      [kubernetesLabels.podName]: name,
      [kubernetesLabels.podNamespace]: namespace,
      [kubernetesLabels.podUid]: uid,
    }),
    annotations: readAnnotations(fields),
    linux: {
      cgroupParent: fields.string("cgroupParent", cgroupPath) ?? "",
      sysctls: readSysctls(fields, { network: hostNetwork, ipc: namespaces.ipc === NamespaceMode.NODE }),
      securityContext: readSandboxSecurity(fields, namespaces),
      // A pod's requests may exceed its limits: a container without a limit adds only to the requests.
      resources: readResources(fields.raw("resources"), "resources", violations, { sums: true }),
      overhead: readResources(fields.raw("overhead"), "overhead", violations),
    },
    windows: readWindows(fields, WindowsPodSandboxConfigSchema),
  });
  fields.rejectUnknown(kubernetesNames.pod);
  return config;
}

/**
 * Returns a uid that depends only on a pod's namespace and name: a UUID of version 8 (RFC 9562) from their SHA-256. `ensure` finds a
 * pod again by it.
 */
export function podUid(namespace: string, name: string): string {
  checkArgument("podUid", "namespace", namespace, option.string);
  checkArgument("podUid", "name", name, option.string);
  return uuidOfHash(createHash("sha256").update(`cri-sdk pod uid\0${namespace}\0${name}`).digest());
}

/** Formats the first 16 bytes of a hash as a UUID of version 8 (RFC 9562). */
export function uuidOfHash(hash: Uint8Array): string {
  const bytes = Buffer.from(hash.subarray(0, 16));
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
