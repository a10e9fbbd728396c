import type { CriError, CriErrorReason } from "../core/index.js";
import type { RpcName } from "../transport/index.js";
import type { Difference } from "./difference.js";
import { pullDifferences, withoutNames } from "./pull-differences.js";

/**
 * The texts and codes of containerd 1.6, 1.7 and 2.1 and of CRI-O 1.37, measured on each, as one vocabulary. Apart
 * from a few codes, runtimes answer `unknown` and a sentence, and none sends gRPC error details; so this one table
 * reads sentences, and nothing else in the package does. The first row that fits counts: special ones come first.
 */
const differences: readonly Difference[] = [
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

  // Time. containerd ends an ExecSync over its own timeout with "timeout 1s exceeded".
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

  // Images, by CRI's own reason words, and by what registries and image libraries say.
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
  ...pullDifferences,
  {
    methods: ["createContainer"],
    text: /failed to resolve image|does not resolve to an image/,
    code: "not_found",
    reason: "image_missing",
  },

  // Figures. containerd finds a pod's by the cgroup parent it was created with.
  {
    methods: ["podSandboxStats", "listPodSandboxStats"],
    text: /because cgroupPath is empty/,
    code: "failed_precondition",
    reason: "cgroup_parent_missing",
  },

  // States. containerd up to 1.7 finds "no running task" when a container is created in a stopped sandbox.
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
  {
    methods: ["execSync", "startContainer", "createContainer"],
    text: /failed to start exec|unable to start container process|executable file not found|exec format error|command error: .* exit code -1/,
    code: "failed_precondition",
    reason: "exec_not_started",
  },

  // What is not there. CRI-O answers `unknown` in half of its RPCs.
  { codes: ["not_found"], code: "not_found", reason: "object_missing" },
  {
    codes: ["unknown"],
    text: /ID does not exist|specified (?:sandbox|container) not found|could not find (?:sandbox|container)/,
    code: "not_found",
    reason: "object_missing",
  },
];

/** A runtime's error in the common vocabulary; errors that did not come from the runtime stay as they are. */
export function normalizeError(name: RpcName, error: CriError): CriError {
  if (error.reason !== "runtime_error") return error;
  const said = name === "pullImage" ? withoutNames(error.text) : error.text;
  const row = differences.find(
    ({ codes, methods, text }) =>
      (codes?.includes(error.code) ?? true) &&
      (methods?.includes(name) ?? true) &&
      (text?.test(said) ?? true),
  );
  if (!row || row.reason === "runtime_error") return error;
  const { code, reason, hint } = row;
  const existingId =
    reason === "name_reserved" ? /reserved for "?([0-9a-f]{64})/.exec(error.text)?.[1] : undefined;
  return error.with({
    code,
    reason,
    wireCode: error.code,
    ...(existingId ? { existingId } : {}),
    ...(hint ? { hint } : hints[reason]),
  });
}

const hints: { readonly [R in CriErrorReason]?: { readonly hint: string } } = {
  unimplemented: { hint: "cri.features() tells what this runtime has" },
  wrong_api_version: {
    hint: "This SDK speaks CRI v1; is the runtime's CRI plugin enabled, and recent enough?",
  },
  runtime_limit: { hint: "Narrow the filter, or use exec with streams instead of ExecSync for large output" },
  stream_limit: { hint: "A runtime keeps 1,000 of them, each for a minute; use each, or wait" },
  cgroup_parent_missing: {
    hint: "Create pods with linux.cgroup_parent, as cri.pods does; cri.stats.pods() leaves out only the pod that has none",
  },
  name_reserved: {
    hint: "An earlier call may have created it and its answer was lost; look it up and adopt it",
  },
};

/** RPCs that CRI declares idempotent: when what they stop or remove is not there, they have nothing left to do. */
const idempotent: ReadonlySet<RpcName> = new Set([
  "stopPodSandbox",
  "removePodSandbox",
  "stopContainer",
  "removeContainer",
  "removeImage",
] satisfies RpcName[]);

/** Whether an error is a success by CRI's text: containerd 1.6 answers not_found to stopping what is gone. */
export function isSuccess(name: RpcName, { reason }: CriError): boolean {
  return idempotent.has(name) && (reason === "object_missing" || reason === "image_missing");
}

/** Whether an answer of ExecSync is CRI-O's way to say that the command's timeout passed. */
export function isExecTimeout({
  exitCode,
  stderr,
}: {
  readonly exitCode: number;
  readonly stderr: Uint8Array;
}): boolean {
  return exitCode === -1 && Buffer.from(stderr).toString("utf8").trim() === "command timed out";
}
