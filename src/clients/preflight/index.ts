import { clone } from "@bufbuild/protobuf";
import { type CreateContainerRequest, CreateContainerRequestSchema } from "../../../gen/runtime/v1/api_pb.js";
import { CriError } from "../../core/index.js";
import type { RpcName, RpcRequest } from "../../transport/index.js";
import { absolutePath, Findings, wholeId } from "./checks.js";
import { containerConfig, sandboxConfig } from "./configs.js";
import { commandLine, streams } from "./streams.js";

type Rule<N extends RpcName> = (request: RpcRequest<N>, findings: Findings) => void;

/** Reads have no rules: a wrong one costs an error of the runtime, and changes nothing. */
const read = () => undefined;
/** Changes something, and takes any request: empty means "leave it". */
const anything = () => undefined;
const sandbox = ({ podSandboxId }: { readonly podSandboxId: string }, findings: Findings) =>
  wholeId(podSandboxId, "podSandboxId", findings);
const container = ({ containerId }: { readonly containerId: string }, findings: Findings) =>
  wholeId(containerId, "containerId", findings);

/**
 * What CRI forbids, and what is known to crash a daemon, RPC by RPC. Rules are kept to that: what one runtime takes
 * and another refuses is for the runtime to say. A new RPC in the schema does not compile until it has a line here.
 */
const rules: { readonly [N in RpcName]: Rule<N> } = {
  version: read,
  status: read,
  runtimeConfig: read,
  updateRuntimeConfig: anything,

  runPodSandbox: ({ config }, findings) => sandboxConfig(config, "config", findings),
  stopPodSandbox: sandbox,
  removePodSandbox: sandbox,
  podSandboxStatus: read,
  listPodSandbox: read,
  streamPodSandboxes: read,
  updatePodSandboxResources: sandbox,

  createContainer: (request, findings) => {
    sandbox(request, findings);
    containerConfig(request.config, "config", findings);
    // Without it, or without its metadata, containerd 1.6, 1.7 and 2.1 die of a nil pointer.
    sandboxConfig(request.sandboxConfig, "sandboxConfig", findings);
  },
  startContainer: container,
  stopContainer: container,
  removeContainer: container,
  listContainers: read,
  streamContainers: read,
  containerStatus: read,
  updateContainerResources: container,
  reopenContainerLog: container,

  execSync: (request, findings) => {
    container(request, findings);
    commandLine(request.cmd, findings);
    findings.expect(request.timeout >= 0n, "timeout", "must be 0 (none) or more seconds", request.timeout);
  },
  exec: (request, findings) => {
    container(request, findings);
    commandLine(request.cmd, findings);
    streams(request, findings);
  },
  attach: (request, findings) => {
    container(request, findings);
    streams(request, findings);
  },
  portForward: (request, findings) => {
    sandbox(request, findings);
    for (const [index, port] of request.port.entries())
      findings.expect(port >= 1 && port <= 65_535, `port[${index}]`, "must be from 1 to 65535", port);
  },

  containerStats: read,
  listContainerStats: read,
  streamContainerStats: read,
  podSandboxStats: read,
  listPodSandboxStats: read,
  streamPodSandboxStats: read,
  listMetricDescriptors: read,
  listPodSandboxMetrics: read,
  streamPodSandboxMetrics: read,

  checkpointContainer: (request, findings) => {
    container(request, findings);
    absolutePath(request.location, "location", findings);
  },
  checkpointPod: (request, findings) => {
    sandbox(request, findings);
    absolutePath(request.outputPath, "outputPath", findings);
  },
  restorePod: (request, findings) => {
    absolutePath(request.checkpointPath, "checkpointPath", findings);
    sandboxConfig(request.config, "config", findings);
  },
  getContainerEvents: read,

  listImages: read,
  streamImages: read,
  imageStatus: read,
  pullImage: ({ image }, findings) => void findings.filled(image?.image ?? "", "image.image", "the image"),
  removeImage: ({ image }, findings) => void findings.filled(image?.image ?? "", "image.image", "the image"),
  imageFsInfo: read,
};

/**
 * Refuses a request that must not reach a daemon: throws `invalid_request` with every problem and its field path.
 */
export function preflight<N extends RpcName>(name: N, request: RpcRequest<N>): void {
  const findings = new Findings();
  const rule: Rule<N> = rules[name];
  rule(request, findings);
  const { problems } = findings;
  if (problems.length === 0) return;
  throw new CriError({
    code: "invalid_argument",
    reason: "invalid_request",
    text: `refused before sending: ${problems.map(({ path, message }) => `${path}: ${message}`).join("; ")}`,
    problems,
  });
}

/**
 * Fills in `image.user_specified_image` where it is empty: CRI-O checks image signatures against it, and refuses to
 * create a container without it where a signature policy is set. The caller's message is left as it is.
 */
export function withUserSpecifiedImage(request: CreateContainerRequest): CreateContainerRequest {
  const image = request.config?.image;
  if (image?.userSpecifiedImage !== "") return request;
  const filled = clone(CreateContainerRequestSchema, request);
  if (filled.config?.image) filled.config.image.userSpecifiedImage = image.image;
  return filled;
}
