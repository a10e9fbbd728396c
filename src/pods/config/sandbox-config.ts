import { randomUUID } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import {
  NamespaceMode,
  type PodSandboxConfig,
  PodSandboxConfigSchema,
  WindowsPodSandboxConfigSchema,
} from "../../../gen/runtime/v1/api_pb.js";
import { invalidOption, kubernetesLabels } from "../../core/index.js";
import { cgroupPath } from "./cgroup-path.js";
import { readDns } from "./dns.js";
import { Fields, specName } from "./fields.js";
import { readHostname } from "./hostname.js";
import { dnsLabel, dnsSubdomain, podUidRule } from "./kubernetes-names.js";
import { readAnnotations, readLabels } from "./labels.js";
import { defaultLogRoot, readLogDirectory } from "./log-paths.js";
import { readNamespaces } from "./namespaces.js";
import { hostPath } from "./paths.js";
import { readPorts } from "./ports.js";
import { collecting, type Report } from "./report.js";
import { readResources } from "./resource-fields.js";
import { readSandboxSecurity } from "./security.js";
import type { PodSpec } from "./spec-pod.js";
import { readSysctls } from "./sysctls.js";
import { readWindows } from "./windows.js";

const maxAttempt = 2 ** 32 - 1;

/** What {@link sandboxConfig} needs besides the spec. */
export interface SandboxConfigOptions {
  /**
   * The folder of the log directories of all pods, absolute.
   * @default "/var/log/pods"
   */
  readonly logRoot?: string | undefined;
}

/**
 * The whole PodSandboxConfig of a pod, for RunPodSandbox and for each CreateContainer in it. Keep it: runtimes want the same one
 * again, and a uid that is not in the spec is another one each time. `runtimeHandler` is not a part of it but of
 * RunPodSandboxRequest.
 *
 * It reads nothing but the spec, and leaves it as it is.
 *
 * @throws CriError `invalid_argument: invalid_spec`; its `problems` are all that is wrong, by paths of the spec
 */
export function sandboxConfig(spec: PodSpec, options: SandboxConfigOptions = {}): PodSandboxConfig {
  const { logRoot = defaultLogRoot } = options;
  const wrong = typeof logRoot === "string" ? hostPath(logRoot) : "must be a string";
  if (wrong !== undefined) throw invalidOption("logRoot", logRoot, wrong);
  return collecting(specName("pod", spec), (report) => read(spec, logRoot, report));
}

function read(spec: PodSpec, logRoot: string, report: Report): PodSandboxConfig {
  const fields = new Fields<PodSpec>(spec, "", report);
  const name = fields.required("name", "the pod's name", dnsSubdomain);
  const namespace = fields.text("namespace", dnsLabel) ?? "default";
  const uid = fields.text("uid", podUidRule) ?? randomUUID();
  const namespaces = readNamespaces(fields);
  const hostNetwork = namespaces.network === NamespaceMode.NODE;
  // Who runs the pod gives it to the runtime beside the config.
  fields.text("runtimeHandler");
  const config = create(PodSandboxConfigSchema, {
    metadata: { name, namespace, uid, attempt: fields.whole("attempt", 0, maxAttempt) ?? 0 },
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
      cgroupParent: fields.text("cgroupParent", cgroupPath) ?? "",
      sysctls: readSysctls(fields, { network: hostNetwork, ipc: namespaces.ipc === NamespaceMode.NODE }),
      securityContext: readSandboxSecurity(fields, namespaces),
      // Sums over containers, as podResources() makes them: one without a limit adds to the requests alone.
      resources: readResources(fields.raw("resources"), "resources", report, { sums: true }),
      overhead: readResources(fields.raw("overhead"), "overhead", report),
    },
    windows: readWindows(fields, WindowsPodSandboxConfigSchema),
  });
  fields.end();
  return config;
}
