import { clone } from "@bufbuild/protobuf";
import type {
  ContainerConfig,
  CreateContainerRequest,
  Mount,
  PodSandboxConfig,
} from "../../gen/runtime/v1/api_pb.js";
import {
  CreateContainerRequestSchema,
  MountPropagation,
  NamespaceMode,
} from "../../gen/runtime/v1/api_pb.js";
import type { Violations } from "../core/index.js";

// The preflight checks, which the table of RPCs refers to. They refuse requests that CRI forbids or that are known to crash a runtime.
// A request that one runtime accepts and another rejects is not checked: that is the runtime's decision.

interface SandboxRequest {
  readonly podSandboxId: string;
}
interface ContainerRequest {
  readonly containerId: string;
}
interface CommandRequest {
  readonly cmd: readonly string[];
}
interface StreamsRequest {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}
interface ImageRequest {
  readonly image?: { readonly image: string } | undefined;
}

/** Checks nothing: the RPC only reads, or accepts every request. */
export function anyRequest(): void {}

/** Checks the sandbox id of a request that changes something. */
export function sandboxId({ podSandboxId }: SandboxRequest, violations: Violations): void {
  checkId(podSandboxId, "podSandboxId", violations);
}

/** Checks the container id of a request that changes something. */
export function containerId({ containerId }: ContainerRequest, violations: Violations): void {
  checkId(containerId, "containerId", violations);
}

export function runSandbox(request: { config?: PodSandboxConfig | undefined }, violations: Violations): void {
  checkSandboxConfig(request.config, "config", violations);
}

export function newContainer(request: CreateContainerRequest, violations: Violations): void {
  sandboxId(request, violations);
  checkContainerConfig(request.config, "config", violations);
  // containerd 1.6, 1.7 and 2.1 crash with a nil pointer if it, or its metadata, is missing.
  checkSandboxConfig(request.sandboxConfig, "sandboxConfig", violations);
}

export function commandToRun(
  request: ContainerRequest & CommandRequest & { readonly timeout: bigint },
  violations: Violations,
): void {
  containerId(request, violations);
  checkCommand(request, violations);
  const { timeout } = request;
  violations.check(timeout >= 0n, "timeout", "must be 0 (no timeout) or more seconds", timeout);
}

export function commandToStream(
  request: ContainerRequest & CommandRequest & StreamsRequest,
  violations: Violations,
): void {
  containerId(request, violations);
  checkCommand(request, violations);
  checkStreams(request, violations);
}

export function attachment(request: ContainerRequest & StreamsRequest, violations: Violations): void {
  containerId(request, violations);
  checkStreams(request, violations);
}

export function ports(
  request: SandboxRequest & { readonly port: readonly number[] },
  violations: Violations,
): void {
  sandboxId(request, violations);
  for (const [index, port] of request.port.entries())
    violations.check(port >= 1 && port <= 65_535, `port[${index}]`, "must be from 1 to 65535", port);
}

export function containerCheckpoint(
  request: ContainerRequest & { readonly location: string },
  violations: Violations,
): void {
  containerId(request, violations);
  checkPath(request.location, "location", violations);
}

export function podCheckpoint(
  request: SandboxRequest & { readonly outputPath: string },
  violations: Violations,
): void {
  sandboxId(request, violations);
  checkPath(request.outputPath, "outputPath", violations);
}

export function podRestore(
  request: { readonly checkpointPath: string; readonly config?: PodSandboxConfig | undefined },
  violations: Violations,
): void {
  checkPath(request.checkpointPath, "checkpointPath", violations);
  checkSandboxConfig(request.config, "config", violations);
}

export function namedImage({ image }: ImageRequest, violations: Violations): void {
  checkPresent(image?.image ?? "", "image.image", "the image", violations);
}

/**
 * Fills in an empty `image.user_specified_image`: CRI-O checks image signatures against it and, where a signature policy is set,
 * refuses to create a container without it. Copies the message instead of changing the caller's.
 */
export function withUserSpecifiedImage(request: CreateContainerRequest): CreateContainerRequest {
  const image = request.config?.image;
  if (image?.userSpecifiedImage !== "") return request;
  const copy = clone(CreateContainerRequestSchema, request);
  if (copy.config?.image) copy.config.image.userSpecifiedImage = image.image;
  return copy;
}

function checkPresent(value: string, path: string, what: string, violations: Violations): boolean {
  return violations.check(value !== "", path, `${what} is missing`);
}

/** containerd, CRI-O and cri-dockerd create ids of 64 hex digits; fewer hex digits are a prefix. */
const idPrefix = /^[0-9a-f]{1,63}$/;

/**
 * Refuses prefixes of ids: runtimes accept any unique prefix, even one character, and a call that changes something would then act
 * on whichever object it matches.
 */
function checkId(id: string, path: string, violations: Violations): void {
  if (!checkPresent(id, path, "the id", violations)) return;
  const message =
    "must be the whole id on a call that changes something; resolve a prefix with a List filter first";
  violations.check(!idPrefix.test(id), path, message, id);
}

/** Checks the path of a file or directory on the node. */
function checkPath(value: string, path: string, violations: Violations): void {
  const isWindows = /^[a-z]:[\\/]/i.test(value) || value.startsWith("\\\\");
  violations.check(value.startsWith("/") || isWindows, path, "must be an absolute path", value);
  violations.check(!hasParentSegment(value), path, 'must not contain a ".." segment', value);
}

/** Reports whether a path has a `..` segment, with slashes or backslashes. */
function hasParentSegment(value: string): boolean {
  return value.split(/[\\/]/).includes("..");
}

function checkCommand({ cmd }: CommandRequest, violations: Violations): void {
  violations.check(cmd.length > 0 && cmd[0] !== "", "cmd", "the command is missing");
}

/** CRI requires at least one stream, and forbids stderr with a terminal, which has a single output. */
function checkStreams({ stdin, stdout, stderr, tty }: StreamsRequest, violations: Violations): void {
  violations.check(stdin || stdout || stderr, "stdin", "one of stdin, stdout and stderr must be true");
  violations.check(
    !(tty && stderr),
    "stderr",
    "must be false when tty is true: a terminal has a single output",
    stderr,
  );
}

function checkSandboxConfig(
  config: PodSandboxConfig | undefined,
  path: string,
  violations: Violations,
): void {
  if (!config) {
    violations.add(path, "the sandbox's config is missing");
    return;
  }
  const { metadata, logDirectory } = config;
  if (metadata) {
    checkPresent(metadata.name, `${path}.metadata.name`, "the pod's name", violations);
    checkPresent(metadata.namespace, `${path}.metadata.namespace`, "the pod's namespace", violations);
  } else violations.add(`${path}.metadata`, "the sandbox's metadata is missing");
  if (logDirectory !== "") checkPath(logDirectory, `${path}.logDirectory`, violations);
}

function checkContainerConfig(
  config: ContainerConfig | undefined,
  path: string,
  violations: Violations,
): void {
  if (!config) {
    violations.add(path, "the container's config is missing");
    return;
  }
  const { metadata, image, logPath, mounts, linux } = config;
  if (metadata) checkPresent(metadata.name, `${path}.metadata.name`, "the container's name", violations);
  else violations.add(`${path}.metadata`, "the container's metadata is missing");
  checkPresent(image?.image ?? "", `${path}.image.image`, "the image", violations);
  const isAbsolute = /^([\\/]|[a-z]:)/i.test(logPath);
  violations.check(!isAbsolute, `${path}.logPath`, "must be relative to logDirectory", logPath);
  violations.check(
    !hasParentSegment(logPath),
    `${path}.logPath`,
    'must not leave logDirectory with a ".." segment',
    logPath,
  );
  for (const [index, mount] of mounts.entries()) checkMount(mount, `${path}.mounts[${index}]`, violations);

  const security = linux?.securityContext;
  const securityPath = `${path}.linux.securityContext`;
  const hasUser = security?.runAsUser !== undefined || (security?.runAsUsername ?? "") !== "";
  const group = security?.runAsGroup;
  violations.check(
    group === undefined || hasUser,
    `${securityPath}.runAsGroup`,
    "requires runAsUser or runAsUsername",
    group?.value,
  );
  const namespaces = security?.namespaceOptions;
  if (namespaces?.pid === NamespaceMode.TARGET)
    checkPresent(
      namespaces.targetId,
      `${securityPath}.namespaceOptions.targetId`,
      "the target container of NamespaceMode.TARGET",
      violations,
    );
}

function checkMount(mount: Mount, path: string, violations: Violations): void {
  checkPresent(mount.containerPath, `${path}.containerPath`, "the path in the container", violations);
  const hasImage = mount.image !== undefined && mount.image.image !== "";
  violations.check(
    !(hasImage && mount.hostPath !== ""),
    `${path}.hostPath`,
    "must be empty when image is set",
    mount.hostPath,
  );
  if (!mount.recursiveReadOnly) return;
  const when = "when recursiveReadOnly is true";
  violations.check(mount.readonly, `${path}.readonly`, `must be true ${when}`, mount.readonly);
  violations.check(
    mount.propagation === MountPropagation.PROPAGATION_PRIVATE,
    `${path}.propagation`,
    `must be PROPAGATION_PRIVATE ${when}`,
    mount.propagation,
  );
}
