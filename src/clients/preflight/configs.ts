import type { ContainerConfig, Mount, PodSandboxConfig } from "../../../gen/runtime/v1/api_pb.js";
import { MountPropagation, NamespaceMode } from "../../../gen/runtime/v1/api_pb.js";
import { absolutePath, climbs, type Findings } from "./checks.js";

/** A sandbox's config, wherever it is asked for. Its metadata missing crashes containerd in CreateContainer. */
export function sandboxConfig(config: PodSandboxConfig | undefined, path: string, findings: Findings): void {
  if (!findings.expect(config !== undefined, path, "the sandbox's config is missing") || !config) return;
  const { metadata, logDirectory } = config;
  if (
    findings.expect(metadata !== undefined, `${path}.metadata`, "the sandbox's metadata is missing") &&
    metadata
  ) {
    findings.filled(metadata.name, `${path}.metadata.name`, "the pod's name");
    findings.filled(metadata.namespace, `${path}.metadata.namespace`, "the pod's namespace");
  }
  if (logDirectory !== "") absolutePath(logDirectory, `${path}.logDirectory`, findings);
}

/** A container's config. */
export function containerConfig(config: ContainerConfig | undefined, path: string, findings: Findings): void {
  if (!findings.expect(config !== undefined, path, "the container's config is missing") || !config) return;
  const { metadata, image, logPath, mounts, linux } = config;
  if (
    findings.expect(metadata !== undefined, `${path}.metadata`, "the container's metadata is missing") &&
    metadata
  )
    findings.filled(metadata.name, `${path}.metadata.name`, "the container's name");
  findings.filled(image?.image ?? "", `${path}.image.image`, "the image");
  findings.expect(
    !/^([\\/]|[a-z]:)/i.test(logPath),
    `${path}.logPath`,
    "must be relative to logDirectory",
    logPath,
  );
  findings.expect(
    !climbs(logPath),
    `${path}.logPath`,
    'must not leave logDirectory with a ".." step',
    logPath,
  );
  for (const [index, mount] of mounts.entries()) mountRules(mount, `${path}.mounts[${index}]`, findings);

  const security = linux?.securityContext;
  const user = security?.runAsUser !== undefined || (security?.runAsUsername ?? "") !== "";
  const group = security?.runAsGroup;
  const where = `${path}.linux.securityContext`;
  findings.expect(
    group === undefined || user,
    `${where}.runAsGroup`,
    "needs runAsUser or runAsUsername beside it",
    group?.value,
  );
  const namespaces = security?.namespaceOptions;
  if (namespaces?.pid === NamespaceMode.TARGET)
    findings.filled(
      namespaces.targetId,
      `${where}.namespaceOptions.targetId`,
      "the target of NamespaceMode.TARGET",
    );
}

function mountRules(mount: Mount, path: string, findings: Findings): void {
  findings.filled(mount.containerPath, `${path}.containerPath`, "the mount's place in the container");
  const image = mount.image !== undefined && mount.image.image !== "";
  findings.expect(
    !(image && mount.hostPath !== ""),
    `${path}.hostPath`,
    "must be empty when image is set",
    mount.hostPath,
  );
  if (!mount.recursiveReadOnly) return;
  findings.expect(
    mount.readonly,
    `${path}.readonly`,
    "must be true when recursiveReadOnly is",
    mount.readonly,
  );
  findings.expect(
    mount.propagation === MountPropagation.PROPAGATION_PRIVATE,
    `${path}.propagation`,
    "must be PROPAGATION_PRIVATE when recursiveReadOnly is set",
    mount.propagation,
  );
}
