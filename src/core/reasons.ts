/**
 * The closed list of reasons: finer than the code, stable across runtimes and releases (a release may add
 * one, never rename one). Each comes with the sentence that docs/errors.md shows for it.
 */
export const criErrorReasons = {
  // The runtime could not be reached, or went away. Code: unavailable, unless noted.
  socket_missing: "No socket at this path: the runtime is not running, or listens elsewhere.",
  socket_forbidden: "This user may not open the socket.",
  connection_refused: "The socket exists, but nobody answers: the runtime stopped or crashed.",
  connection_lost: "The connection ended under the call: the runtime crashed, was stopped or restarted.",
  goaway: "The runtime closed the connection with an HTTP/2 GOAWAY.",
  stream_reset: "The runtime (or a proxy) reset the call's HTTP/2 stream without a status.",
  handshake_timeout: "Something accepts connections at this address, but never speaks HTTP/2.",
  unreachable: "The address could not be connected to, for another reason than those above.",
  not_grpc: "Something answers at this address, but not with gRPC. The code depends on what it answered.",
  runtime_starting: "The runtime is up, but not ready to take calls yet.",
  no_runtime: "No runtime was found on this machine.",
  // The call ended on our side.
  deadline: "The call's deadline passed. Code: deadline_exceeded.",
  aborted_by_caller: "The caller's AbortSignal fired; its reason is the cause. Code: canceled.",
  client_closed: "The client was closed before or during the call. Code: canceled.",
  server_closed: "The server, which is served from this process, was closed.",
  // Sizes. Code: resource_exhausted.
  receive_limit: "A message from the runtime is larger than readLimitBytes; it was not read.",
  send_limit: "The request is larger than writeLimitBytes; it was not sent.",
  runtime_limit: "The runtime refused to receive or send a message of this size.",
  // What was asked, before anything was sent. Code: invalid_argument.
  invalid_request: "Preflight refused the request; `problems` lists every field that is wrong.",
  invalid_option: "An option of the SDK has a value it cannot have.",
  invalid_endpoint: "An endpoint cannot be understood.",
  invalid_spec: "A pod or container is described wrongly; `problems` lists every field that is wrong.",
  invalid_file: "A file cannot be understood; `problems` lists every place that is wrong.",
  // What came back. Code: internal.
  malformed_response: "The answer breaks the gRPC or protobuf wire format, or has no status.",
  invalid_response:
    "The answer is well-formed but lacks what CRI promises in it; `problems` lists the fields.",
  // What the runtime said, in one vocabulary for all runtimes.
  unimplemented: "This runtime does not have this RPC. Code: unimplemented.",
  wrong_api_version: "This runtime does not serve CRI v1 at this endpoint. Code: unimplemented.",
  object_missing: "There is no sandbox or container with this id. Code: not_found.",
  image_missing: "The image is not on this node, or not in the registry. Code: not_found.",
  name_reserved:
    "A sandbox or container with this metadata exists; `existingId` names it. Code: already_exists.",
  ambiguous_id: "Several objects have an id that begins like this. Code: invalid_argument.",
  wrong_state: "The sandbox or container is not in a state that allows this. Code: failed_precondition.",
  cgroup_parent_missing:
    "The runtime has no figures of a pod that was created without cgroup_parent. Code: failed_precondition.",
  config_unknown:
    "The sandbox or container was made by somebody else, and the runtime does not tell its config. Code: failed_precondition.",
  unknown_runtime_handler: "This runtime has no runtime handler of this name. Code: invalid_argument.",
  exec_timeout: "The command did not end within ExecSyncRequest.timeout. Code: deadline_exceeded.",
  exec_not_started: "The command could not be started in the container. Code: failed_precondition.",
  // Exec, attach, port-forward and copy.
  stream_url_spent:
    "The streaming URL was used already, is older than a minute, or was never given out. Code: not_found.",
  stream_limit: "Too many streaming URLs were asked for and not used yet. Code: resource_exhausted.",
  upgrade_refused:
    "The streaming server refused the session: no protocol in common, or no streaming server. Code: failed_precondition.",
  start_timeout: "The streaming server did not start the session in time. Code: deadline_exceeded.",
  malformed_stream:
    "Bytes on a streaming connection break SPDY, WebSocket or their channels. Code: internal.",
  exit_unknown: "The session ended, and nothing told how the command ended. Code: unknown.",
  stdin_end_unsupported:
    "The WebSocket protocol agreed upon cannot tell the command that its input ended. Code: failed_precondition.",
  output_limit:
    "The command printed more than maxOutputBytes; the session was ended. Code: resource_exhausted.",
  port_refused: "The port could not be connected to in the pod: nobody listens there. Code: unavailable.",
  copy_incomplete: "What arrived is not what was sent; the copy cannot be trusted. Code: data_loss.",
  copy_failed:
    "A file could not be read, written or packed on one of the two sides. Code: failed_precondition.",
  unsafe_archive: "An entry would be written outside the destination. Code: permission_denied.",
  // Log files.
  log_missing: "There is no log file at this path. Code: not_found.",
  log_failed:
    "A log file could not be read or written; the cause tells why. Code: permission_denied where that is why, else internal.",
  registry_unavailable: "The image registry could not be reached or failed. Code: unavailable.",
  registry_denied: "The image registry refused the credentials, or wants some. Code: permission_denied.",
  invalid_image_reference: "The image reference cannot be parsed. Code: invalid_argument.",
  signature_invalid: "The image's signature did not pass the runtime's policy. Code: permission_denied.",
  credentials_failed: "The credentials for a registry could not be found out. Code: failed_precondition.",
  pull_stalled: "Nothing was seen of a pull's progress for stalledMs. Code: deadline_exceeded.",
  recursive_read_only_unsupported:
    "The runtime handler cannot make mounts recursively read-only. Code: failed_precondition.",
  image_volume_mount_failed: "An image volume could not be mounted. Code: failed_precondition.",
  runtime_error: "Anything else the runtime reported; the text is the runtime's own. Any code.",
} as const;

/** Why it failed, finer than the code; see {@link criErrorReasons} for a sentence on each. */
export type CriErrorReason = keyof typeof criErrorReasons;
