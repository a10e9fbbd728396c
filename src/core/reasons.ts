import type { CriErrorCode } from "./codes.js";

/** The code and the meaning of one reason. */
interface ReasonRow {
  /** The code of every error with this reason; undefined where the code varies. */
  readonly code: CriErrorCode | undefined;
  /** One sentence, which docs/errors.md shows. */
  readonly meaning: string;
}

/**
 * The closed list of reasons with the code that each one implies. A reason is finer than a code and stable across runtimes
 * and releases: a release may add one but never renames one.
 */
export const criErrorReasons = {
  // The runtime cannot be reached, or the connection ended.
  socket_missing: {
    code: "unavailable",
    meaning: "No socket exists at this path: the runtime is not running, or it listens elsewhere.",
  },
  socket_forbidden: { code: "unavailable", meaning: "This user may not open the socket." },
  connection_refused: {
    code: "unavailable",
    meaning: "The socket exists, but no process accepts connections on it: the runtime stopped or crashed.",
  },
  connection_lost: {
    code: "unavailable",
    meaning: "The connection ended during the call: the runtime crashed, stopped or restarted.",
  },
  goaway: { code: "unavailable", meaning: "The runtime closed the connection with an HTTP/2 GOAWAY." },
  stream_reset: {
    code: undefined,
    meaning:
      "The runtime (or a proxy) reset the call's HTTP/2 stream without a gRPC status. The code depends on the HTTP/2 error.",
  },
  handshake_timeout: {
    code: "unavailable",
    meaning: "The server at this address accepts connections but does not speak HTTP/2.",
  },
  unreachable: {
    code: "unavailable",
    meaning: "Connecting to the address failed for a reason other than those above.",
  },
  not_grpc: {
    code: undefined,
    meaning: "The server at this address does not speak gRPC. The code depends on its HTTP status.",
  },
  endpoint_in_use: {
    code: "already_exists",
    meaning: "Another process listens at this path, or a file of another kind exists there.",
  },
  runtime_starting: {
    code: "unavailable",
    meaning: "The runtime is running but not ready to take calls yet.",
  },
  no_runtime: { code: "unavailable", meaning: "No runtime was found on this machine." },
  // This side ended the call.
  deadline: { code: "deadline_exceeded", meaning: "The call's deadline passed." },
  aborted_by_caller: {
    code: "canceled",
    meaning: "The caller's AbortSignal fired; its reason is the cause.",
  },
  client_closed: { code: "canceled", meaning: "The client was closed before or during the call." },
  server_closed: { code: "unavailable", meaning: "The server, which this process runs, was closed." },
  // Message sizes.
  receive_limit: {
    code: "resource_exhausted",
    meaning: "A message from the runtime is larger than readLimitBytes; it was not read.",
  },
  send_limit: {
    code: "resource_exhausted",
    meaning: "The request is larger than writeLimitBytes; it was not sent.",
  },
  runtime_limit: {
    code: "resource_exhausted",
    meaning: "The runtime refused to receive or send a message of this size.",
  },
  output_too_large: {
    code: "resource_exhausted",
    meaning:
      "The command printed more than ExecSync can return: the runtime refused to send the output, or has cut it.",
  },
  // Invalid input; nothing was sent.
  invalid_request: {
    code: "invalid_argument",
    meaning: "Preflight refused the request; `problems` lists every invalid field.",
  },
  invalid_option: {
    code: "invalid_argument",
    meaning:
      "An option or argument of the SDK is unknown, missing, or has an invalid value; a misspelt option is never ignored.",
  },
  invalid_endpoint: { code: "invalid_argument", meaning: "An endpoint is not valid." },
  invalid_spec: {
    code: "invalid_argument",
    meaning: "A pod or container spec is invalid; `problems` lists every invalid field.",
  },
  invalid_file: {
    code: "invalid_argument",
    meaning: "A file cannot be parsed or has invalid fields; `problems` lists all of them.",
  },
  // Invalid responses.
  malformed_response: {
    code: "internal",
    meaning: "The response breaks the gRPC or protobuf wire format, or has no status.",
  },
  invalid_response: {
    code: "internal",
    meaning: "The response is well-formed but lacks fields that CRI requires; `problems` lists them.",
  },
  // Errors of the runtime, in one vocabulary for all runtimes.
  unimplemented: { code: "unimplemented", meaning: "This runtime does not implement this RPC." },
  wrong_api_version: {
    code: "unimplemented",
    meaning: "This runtime does not serve CRI v1 at this endpoint.",
  },
  object_missing: { code: "not_found", meaning: "No sandbox or container has this id." },
  image_missing: { code: "not_found", meaning: "The image is not on this node, or not in the registry." },
  name_reserved: {
    code: "already_exists",
    meaning: "A sandbox or container with this metadata exists; `existingId` is its id.",
  },
  ambiguous_id: { code: "invalid_argument", meaning: "Several objects have an id with this prefix." },
  wrong_state: {
    code: "failed_precondition",
    meaning: "The state of the sandbox or container does not allow this operation.",
  },
  cgroup_parent_missing: {
    code: "failed_precondition",
    meaning: "The runtime has no stats for a pod that was created without cgroup_parent.",
  },
  config_unknown: {
    code: "failed_precondition",
    meaning: "Another client created the sandbox or container, and the runtime does not report its config.",
  },
  unknown_runtime_handler: {
    code: "invalid_argument",
    meaning: "This runtime has no runtime handler with this name.",
  },
  exec_timeout: {
    code: "deadline_exceeded",
    meaning: "The command did not exit within ExecSyncRequest.timeout.",
  },
  exec_not_started: {
    code: "failed_precondition",
    meaning: "The command could not be started in the container.",
  },
  signal_not_sent: {
    code: "failed_precondition",
    meaning: "The container's process is not visible to this process, so that no signal can be sent to it.",
  },
  recursive_read_only_unsupported: {
    code: "failed_precondition",
    meaning: "The runtime handler does not support recursive read-only mounts.",
  },
  image_volume_mount_failed: {
    code: "failed_precondition",
    meaning: "An image volume could not be mounted.",
  },
  registry_unavailable: {
    code: "unavailable",
    meaning: "The image registry could not be reached, or it failed.",
  },
  registry_denied: {
    code: "permission_denied",
    meaning: "The image registry refused the credentials, or it requires some.",
  },
  invalid_image_reference: { code: "invalid_argument", meaning: "The image reference cannot be parsed." },
  signature_invalid: {
    code: "permission_denied",
    meaning: "The image's signature does not satisfy the runtime's policy.",
  },
  runtime_error: {
    code: undefined,
    meaning: "Any other error that the runtime reported, with the runtime's own text. Any code.",
  },
  // Exec, attach, port-forward and copy.
  stream_url_spent: {
    code: "not_found",
    meaning: "The streaming URL was used already, is older than a minute, or was never issued.",
  },
  stream_limit: {
    code: "resource_exhausted",
    meaning: "Too many streaming URLs were requested and not used yet.",
  },
  upgrade_refused: {
    code: "failed_precondition",
    meaning: "The streaming server refused the session: no common protocol, or not a streaming server.",
  },
  start_timeout: {
    code: "deadline_exceeded",
    meaning: "The streaming server did not start the session in time.",
  },
  malformed_stream: {
    code: "internal",
    meaning: "Bytes on a streaming connection break SPDY, WebSocket or their channels.",
  },
  exit_unknown: { code: "unknown", meaning: "The session ended without reporting how the command ended." },
  stdin_end_unsupported: {
    code: "failed_precondition",
    meaning: "The negotiated WebSocket protocol cannot signal the end of stdin.",
  },
  output_limit: {
    code: "resource_exhausted",
    meaning: "The command printed more than maxOutputBytes; the session was closed.",
  },
  port_refused: { code: "unavailable", meaning: "Nothing listens on the port in the pod." },
  copy_incomplete: {
    code: "data_loss",
    meaning: "The received bytes differ from the sent ones; the copy cannot be trusted.",
  },
  copy_failed: {
    code: "failed_precondition",
    meaning: "A file could not be read, written or packed on one of the two sides.",
  },
  unsafe_archive: {
    code: "permission_denied",
    meaning: "An archive entry would be written outside the destination.",
  },
  // Log files.
  log_missing: { code: "not_found", meaning: "There is no log file at this path." },
  log_failed: {
    code: undefined,
    meaning:
      "A log file could not be read or written; see the cause. Code: permission_denied for a permission error, failed_precondition for a path that is not a regular file, otherwise internal.",
  },
  // Image pulls.
  credentials_failed: {
    code: "failed_precondition",
    meaning: "The credentials for a registry could not be determined.",
  },
  pull_stalled: { code: "deadline_exceeded", meaning: "A pull made no visible progress for stalledMs." },
  // Pods of Kubernetes.
  hook_failed: {
    code: "failed_precondition",
    meaning: "A postStart or preStop hook of a container failed.",
  },
  pod_start_failed: {
    code: "failed_precondition",
    meaning: "A container or the sandbox of a Pod cannot start; `waitingReason` is the kubelet's reason.",
  },
  volume_failed: {
    code: "failed_precondition",
    meaning:
      "A volume, or another file or mount of a pod, could not be prepared or removed on this node; the text says why.",
  },
  // The API server of a cluster.
  api_server_failed: {
    code: undefined,
    meaning:
      "The Kubernetes API server could not be reached, or refused a request. The code depends on its HTTP status; unavailable without an answer.",
  },
  client_node_missing: {
    code: "failed_precondition",
    meaning: "The optional package @kubernetes/client-node, which reads kubeconfig files, cannot be loaded.",
  },
  // Recordings of tests.
  recording_failed: {
    code: "failed_precondition",
    meaning: "The file of a recording could not be read or written.",
  },
  not_recorded: {
    code: "failed_precondition",
    meaning: "The recording that a test replays has no response to this call, or not at this point.",
  },
} as const satisfies Readonly<Record<string, ReasonRow>>;

/** Why a call failed, finer than the code; see {@link criErrorReasons} for the meaning of each. */
export type CriErrorReason = keyof typeof criErrorReasons;

/** The reasons whose code varies: it comes from the wire, or from the error below. @inline */
export type VaryingReason = {
  [R in CriErrorReason]: (typeof criErrorReasons)[R]["code"] extends undefined ? R : never;
}[CriErrorReason];
