import type { CriError, CriErrorCode, CriErrorReason } from "../core/index.js";
import type { RpcName } from "../transport/index.js";

/** How one kind of runtime error is recognized, and what it becomes. A rule applies when all its conditions hold. */
interface ErrorRule {
  readonly codes?: readonly CriErrorCode[];
  readonly methods?: readonly RpcName[];
  readonly text?: RegExp;
  /** The code that replaces the runtime's own. */
  readonly code: CriErrorCode;
  /** `runtime_error` leaves the error unchanged and skips the later rules. */
  readonly reason: CriErrorReason;
  readonly hint?: string;
}

const pull: readonly RpcName[] = ["pullImage"];
/** RPCs that depend on the state of a sandbox or a container. */
const stateRpcs: readonly RpcName[] = [
  ...(["createContainer", "startContainer", "updateContainerResources", "reopenContainerLog"] as const),
  ...(["execSync", "exec", "attach", "portForward", "containerStats", "podSandboxStats"] as const),
];

/**
 * Failed pulls, by the texts of image libraries about registries, networks and the node's disk. A refusal and a "not found" are
 * retried with other credentials, so no other failure may be mistaken for one.
 */
const pullRules: readonly ErrorRule[] = [
  // Failures of the node itself, some of which end with "permission denied" or "not found".
  {
    methods: pull,
    text: /failed to extract layer|extraction snapshot|parent snapshot|executable file not found|no space left on device/,
    code: "unknown",
    reason: "runtime_error",
  },
  // Before the refusals: "failed to fetch anonymous token: ... no such host" is a network failure, not a wrong password.
  {
    methods: pull,
    text: /connection refused|no such host|i\/o timeout|handshake timeout|Client\.Timeout|network is unreachable|no route to host|connection reset|server misbehaving|failure in name resolution|\bEOF$|toomanyrequests|too many requests|\b429 |unexpected status.* 5\d\d|HTTP status: 5\d\d/i,
    code: "unavailable",
    reason: "registry_unavailable",
  },
  {
    methods: pull,
    text: /x509:|\btls: |HTTP response to HTTPS client/,
    code: "unavailable",
    reason: "registry_unavailable",
    hint: "Check the runtime's registry configuration: it does not trust the registry's certificate, or the registry does not use TLS",
  },
  // CRI-O writes layers while it reads them from the network: without a network error in the text, the disk failed.
  { methods: pull, text: /storing blob|adding layer with blob/, code: "unknown", reason: "runtime_error" },
  {
    methods: pull,
    text: /unauthorized|authentication required|access denied|authorization failed|basic auth|(?<!permission )\bdenied\b|\b40[13](?= |, )|anonymous token|oauth token|invalid username/i,
    code: "permission_denied",
    reason: "registry_denied",
  },
  {
    methods: pull,
    text: /no match for platform|no image found in .* for architecture/,
    code: "not_found",
    reason: "image_missing",
    hint: "Use an image for this node's platform: this one exists for other platforms only",
  },
  {
    methods: pull,
    text: /not found|manifest unknown|name unknown|StatusCode: 404\b/i,
    code: "not_found",
    reason: "image_missing",
  },
];

/**
 * The codes and texts of containerd 1.6, 1.7 and 2.1 and of CRI-O 1.37, measured on each. Apart from a few codes, runtimes report
 * `unknown` and a sentence, and none sends gRPC error details; so this table matches sentences, and it is the only place that
 * does. The first rule that applies wins: specific rules come first.
 */
const errorRules: readonly ErrorRule[] = [
  // The service or the RPC.
  {
    codes: ["unimplemented"],
    text: /unknown service runtime\.v1/,
    code: "unimplemented",
    reason: "wrong_api_version",
  },
  { codes: ["unimplemented"], code: "unimplemented", reason: "unimplemented" },
  // containerd while it starts: `unavailable`, or `unknown` from GetContainerEvents.
  { text: /server is not initialized yet/, code: "unavailable", reason: "runtime_starting" },
  {
    methods: ["execSync"],
    codes: ["resource_exhausted"],
    text: /trying to send message larger than max/,
    code: "resource_exhausted",
    reason: "output_too_large",
  },
  {
    codes: ["resource_exhausted"],
    text: /message larger than max/,
    code: "resource_exhausted",
    reason: "runtime_limit",
  },
  {
    codes: ["resource_exhausted"],
    text: /maximum number of in-flight requests exceeded/,
    code: "resource_exhausted",
    reason: "stream_limit",
  },

  // Deadlines. containerd fails an ExecSync whose own timeout passed with "timeout 1s exceeded".
  {
    methods: ["execSync"],
    codes: ["deadline_exceeded"],
    text: /timeout \S+ exceeded/,
    code: "deadline_exceeded",
    reason: "exec_timeout",
  },
  { codes: ["deadline_exceeded"], code: "deadline_exceeded", reason: "deadline" },

  // Names and ids. CRI-O reports an ambiguous prefix as not_found, and a repeated create as a success.
  { text: /is reserved for/, code: "already_exists", reason: "name_reserved" },
  { text: /multiple ids found|ambiguous digest string/i, code: "invalid_argument", reason: "ambiguous_id" },

  // Images, by the error names that CRI defines and the texts of registries and image libraries.
  {
    text: /^SignatureValidationFailed|^Source image rejected|A signature was required/,
    code: "permission_denied",
    reason: "signature_invalid",
  },
  { text: /^RegistryUnavailable/, code: "unavailable", reason: "registry_unavailable" },
  { text: /RROUnsupported/, code: "failed_precondition", reason: "recursive_read_only_unsupported" },
  { text: /ImageVolumeMountFailed/, code: "failed_precondition", reason: "image_volume_mount_failed" },
  {
    text: /invalid reference format|failed to parse image reference|cannot parse input/,
    code: "invalid_argument",
    reason: "invalid_image_reference",
  },
  // CRI-O resolves short names by its configuration. It cannot find what it cannot resolve, which is an error also of ImageStatus.
  {
    methods: ["pullImage", "imageStatus", "createContainer", "removeImage"],
    text: /short-name .*did not resolve|no unqualified-search registries|short.name (?:mode is enforcing|resolution enforced)/,
    code: "not_found",
    reason: "image_missing",
    hint: "Use the full name of the image, with its registry: the runtime's configuration does not resolve this short name",
  },
  ...pullRules,
  {
    methods: ["createContainer"],
    text: /failed to resolve image|does not resolve to an image|image not known/,
    code: "not_found",
    reason: "image_missing",
  },

  // Stats. containerd looks a pod up by the cgroup parent that it was created with.
  {
    methods: ["podSandboxStats", "listPodSandboxStats"],
    text: /because cgroupPath is empty/,
    code: "failed_precondition",
    reason: "cgroup_parent_missing",
  },

  // States. containerd up to 1.7 reports "no running task" when a container is created in a stopped sandbox.
  {
    text: /is not running|not in created state|is in CONTAINER_\w+ state|was stopped|no running task|is not created or running|is not in ready state|image is in use|already in \w+ state|unexpected metrics response: \[\]/,
    code: "failed_precondition",
    reason: "wrong_state",
  },
  {
    methods: ["runPodSandbox"],
    text: /no runtime for ".*" is configured|failed to find runtime handler/,
    code: "invalid_argument",
    reason: "unknown_runtime_handler",
  },
  // runc's texts, then crun's, then those of CRI-O for a runtime that failed. "command error: EOF" means that the container ended.
  {
    methods: ["execSync", "startContainer", "createContainer"],
    text: /failed to start exec|unable to start container process|executable file (?:`[^`]*` )?not found|exec format error|exists but it is not executable|path `[^`]*` is not a regular file|command error: (?!EOF,)[\s\S]* exit code -1/,
    code: "failed_precondition",
    reason: "exec_not_started",
  },

  // States, from servers that use gRPC's codes as they are meant.
  { methods: stateRpcs, codes: ["failed_precondition"], code: "failed_precondition", reason: "wrong_state" },

  // Missing objects. CRI-O reports `unknown` in half of its RPCs.
  { codes: ["not_found"], code: "not_found", reason: "object_missing" },
  {
    codes: ["unknown"],
    text: /ID does not exist|specified (?:sandbox|container) not found|could not find (?:sandbox|container)/,
    code: "not_found",
    reason: "object_missing",
  },
];

/** The hint for a command whose output ExecSync cannot return. */
export const outputHint = "Use `cri.runCommand` or `cri.exec`, which stream the output";

const hints: { readonly [R in CriErrorReason]?: { readonly hint: string } } = {
  unimplemented: { hint: "Call `cri.features()` to see what this runtime implements" },
  wrong_api_version: {
    hint: "Check that the runtime supports CRI v1 and that its CRI plugin is enabled",
  },
  runtime_limit: {
    hint: "Narrow the filter, or use `cri.lists`, which also read lists that exceed a message",
  },
  output_too_large: { hint: outputHint },
  stream_limit: {
    hint: "Use each streaming URL immediately: a runtime keeps up to 1,000 unused ones, each for a minute",
  },
  cgroup_parent_missing: {
    hint: "Create pods with `linux.cgroupParent`, as `cri.pods` does, or call `cri.stats.pods()`, which omits only the pods without it",
  },
  name_reserved: {
    hint: "Look up the existing object and adopt it: an earlier call, whose response was lost, may have created it",
  },
};

/**
 * Translates a runtime's error into the vocabulary that all runtimes share. Errors that did not come from the runtime are
 * returned unchanged. `text` is the part of the error's text that the rules match.
 */
export function normalizeError(name: RpcName, error: CriError, text = error.rawMessage): CriError {
  if (error.reason !== "runtime_error") return error;
  const rule = errorRules.find(
    (rule) =>
      (rule.codes?.includes(error.code) ?? true) &&
      (rule.methods?.includes(name) ?? true) &&
      (rule.text?.test(text) ?? true),
  );
  if (!rule || rule.reason === "runtime_error") return error;
  const { code, reason, hint } = rule;
  const existingId =
    reason === "name_reserved" ? /reserved for "?([0-9a-f]{64})/.exec(error.rawMessage)?.[1] : undefined;
  return error.with({
    code,
    reason,
    wireCode: error.code,
    ...(existingId ? { existingId } : {}),
    ...(hint ? { hint } : hints[reason]),
  });
}

/** Removes the names of images and hosts from the text of a failed pull, since a name may contain any word. */
export function withoutNames(text: string): string {
  return text.replace(/"(?:[^"\\]|\\.)*"|https?:\/\/\S+|\S+(?=: not found)|(?<= in )\S+(?=: )/g, "");
}
