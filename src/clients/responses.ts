import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { CriError } from "../core/index.js";
import type { RpcMethods, RpcName } from "../transport/index.js";
import { Findings } from "./preflight/checks.js";

type RpcResponse<N extends RpcName> = RpcMethods[N] extends { output: infer O extends DescMessage }
  ? MessageShape<O>
  : never;
type Check<N extends RpcName> = (response: RpcResponse<N>, findings: Findings) => void;

/** CRI promises nothing here that a caller would trip over. */
const anything = () => undefined;

/** What CRI promises in an answer, RPC by RPC. A new RPC in the schema does not compile until it has a line here. */
const checks: { readonly [N in RpcName]: Check<N> } = {
  version: ({ runtimeName, runtimeVersion, runtimeApiVersion }, findings) => {
    findings.filled(runtimeName, "runtimeName", "the runtime's name");
    findings.filled(runtimeVersion, "runtimeVersion", "the runtime's version");
    findings.filled(runtimeApiVersion, "runtimeApiVersion", "the API version");
  },
  status: ({ status }, findings) =>
    void findings.expect(status !== undefined, "status", "the runtime's status is missing"),
  runtimeConfig: anything,
  updateRuntimeConfig: anything,

  runPodSandbox: ({ podSandboxId }, findings) =>
    void findings.filled(podSandboxId, "podSandboxId", "the new id"),
  stopPodSandbox: anything,
  removePodSandbox: anything,
  podSandboxStatus: ({ status }, findings) => {
    if (!findings.expect(status !== undefined, "status", "the sandbox's status is missing") || !status)
      return;
    findings.filled(status.id, "status.id", "the sandbox's id");
    findings.expect(status.metadata !== undefined, "status.metadata", "the sandbox's metadata is missing");
    findings.expect(status.createdAt > 0n, "status.createdAt", "must be a time after 1970", status.createdAt);
  },
  listPodSandbox: ({ items }, findings) => ids(items, "items", findings),
  streamPodSandboxes: ({ podSandboxes }, findings) => ids(podSandboxes, "podSandboxes", findings),
  updatePodSandboxResources: anything,

  createContainer: ({ containerId }, findings) =>
    void findings.filled(containerId, "containerId", "the new id"),
  startContainer: anything,
  stopContainer: anything,
  removeContainer: anything,
  listContainers: ({ containers }, findings) => ids(containers, "containers", findings),
  streamContainers: ({ containers }, findings) => ids(containers, "containers", findings),
  containerStatus: ({ status }, findings) => {
    if (!findings.expect(status !== undefined, "status", "the container's status is missing") || !status)
      return;
    findings.filled(status.id, "status.id", "the container's id");
    findings.expect(status.metadata !== undefined, "status.metadata", "the container's metadata is missing");
    findings.expect(status.createdAt > 0n, "status.createdAt", "must be a time after 1970", status.createdAt);
  },
  updateContainerResources: anything,
  reopenContainerLog: anything,

  execSync: anything,
  exec: ({ url }, findings) => void findings.filled(url, "url", "the streaming URL"),
  attach: ({ url }, findings) => void findings.filled(url, "url", "the streaming URL"),
  portForward: ({ url }, findings) => void findings.filled(url, "url", "the streaming URL"),

  // CRI-O answers for an exited container with no stats at all, and that is for the caller to see.
  containerStats: anything,
  listContainerStats: anything,
  streamContainerStats: anything,
  podSandboxStats: anything,
  listPodSandboxStats: anything,
  streamPodSandboxStats: anything,
  listMetricDescriptors: anything,
  listPodSandboxMetrics: anything,
  streamPodSandboxMetrics: anything,

  checkpointContainer: anything,
  checkpointPod: anything,
  restorePod: ({ podSandboxId }, findings) =>
    void findings.filled(podSandboxId, "podSandboxId", "the new id"),
  getContainerEvents: ({ containerId }, findings) =>
    void findings.filled(containerId, "containerId", "the id of the object"),

  listImages: ({ images }, findings) => ids(images, "images", findings),
  streamImages: ({ images }, findings) => ids(images, "images", findings),
  // No image means that there is none; an image has an id.
  imageStatus: ({ image }, findings) => {
    if (image) findings.filled(image.id, "image.id", "the image's id");
  },
  pullImage: ({ imageRef }, findings) => void findings.filled(imageRef, "imageRef", "the image's id"),
  removeImage: anything,
  imageFsInfo: anything,
};

function ids(items: readonly { readonly id: string }[], path: string, findings: Findings): void {
  // Lists may hold thousands; one item without an id is told, not all.
  const index = items.findIndex(({ id }) => id === "");
  if (index >= 0) findings.filled("", `${path}[${index}].id`, "the id");
}

/** Throws `invalid_response` with every field in which an answer breaks CRI's promises. */
export function checkResponse<N extends RpcName>(name: N, response: RpcResponse<N>): void {
  const findings = new Findings();
  const check: Check<N> = checks[name];
  check(response, findings);
  const { problems } = findings;
  if (problems.length === 0) return;
  throw new CriError({
    code: "internal",
    reason: "invalid_response",
    text: `the answer breaks CRI's promises: ${problems.map(({ path, message }) => `${path}: ${message}`).join("; ")}`,
    problems,
  });
}
