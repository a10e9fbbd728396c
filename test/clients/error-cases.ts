import { Code } from "@connectrpc/connect";
import type { CriErrorCode, CriErrorReason } from "../../src/index.js";
import type { RpcName } from "../../src/transport.js";
import { idOf } from "./support.js";

type Rpc = Extract<
  RpcName,
  | "version"
  | "runtimeConfig"
  | "runPodSandbox"
  | "portForward"
  | "createContainer"
  | "startContainer"
  | "containerStatus"
  | "containerStats"
  | "podSandboxStats"
  | "listPodSandboxStats"
  | "listContainers"
  | "execSync"
  | "exec"
  | "pullImage"
  | "removeImage"
  | "imageStatus"
>;

/** An error that one of the four runtimes was observed to report, and its normalized form. */
export interface ErrorCase {
  readonly rpc: Rpc;
  readonly reported: readonly [Code, string];
  readonly code: CriErrorCode;
  readonly reason: CriErrorReason;
  readonly existingId?: string;
}

const { Unknown, NotFound, Unimplemented, ResourceExhausted, FailedPrecondition } = Code;

function all(
  code: CriErrorCode,
  reason: CriErrorReason,
  rows: readonly (readonly [Rpc, Code, string])[],
  existingId?: string,
): ErrorCase[] {
  return rows.map(([rpc, wire, text]) => ({
    rpc,
    reported: [wire, text],
    code,
    reason,
    ...(existingId ? { existingId } : {}),
  }));
}

const id = idOf("c");

export const cases: readonly ErrorCase[] = [
  ...all("unimplemented", "unimplemented", [
    ["runtimeConfig", Unimplemented, "unknown method RuntimeConfig for service runtime.v1.RuntimeService"],
    ["runtimeConfig", Unimplemented, "method RuntimeConfig not implemented"],
  ]),
  ...all("unimplemented", "wrong_api_version", [
    ["version", Unimplemented, "unknown service runtime.v1.RuntimeService"],
    ["pullImage", Unimplemented, "unknown service runtime.v1.ImageService"],
  ]),
  ...all("unavailable", "runtime_starting", [
    ["version", Code.Unavailable, "server is not initialized yet"],
    ["listContainers", Unknown, "server is not initialized yet"],
  ]),
  ...all("resource_exhausted", "runtime_limit", [
    ["listContainers", ResourceExhausted, "grpc: trying to send message larger than max (17 vs. 16)"],
    ["runPodSandbox", ResourceExhausted, "grpc: received message larger than max (17 vs. 16777216)"],
  ]),
  ...all("resource_exhausted", "output_too_large", [
    ["execSync", ResourceExhausted, "grpc: trying to send message larger than max (17 vs. 16777216)"],
  ]),
  ...all("resource_exhausted", "stream_limit", [
    ["exec", ResourceExhausted, "maximum number of in-flight requests exceeded"],
  ]),
  ...all("deadline_exceeded", "exec_timeout", [
    [
      "execSync",
      Code.DeadlineExceeded,
      "failed to exec in container: timeout 1s exceeded: context deadline exceeded",
    ],
  ]),
  ...all("deadline_exceeded", "deadline", [
    ["execSync", Code.DeadlineExceeded, "context deadline exceeded"],
    ["runPodSandbox", Code.DeadlineExceeded, "timeout 1s exceeded"],
  ]),
  ...all(
    "already_exists",
    "name_reserved",
    [
      [
        "runPodSandbox",
        Unknown,
        `failed to reserve sandbox name "n_d_u_0": name "n_d_u_0" is reserved for "${id}"`,
      ],
      ["runPodSandbox", FailedPrecondition, `name "n_d_u_0" is reserved for "${id}": failed precondition`],
      ["createContainer", Unknown, `failed to reserve container name "c": name "c" is reserved for "${id}"`],
      ["createContainer", Unknown, `name "c" is reserved for ${id}`],
    ],
    id,
  ),
  ...all("already_exists", "name_reserved", [
    ["createContainer", Unknown, 'name "c" is reserved for somebody'],
  ]),
  ...all("invalid_argument", "ambiguous_id", [
    ["containerStatus", Unknown, "Multiple IDs found with provided prefix: a"],
    ["containerStatus", NotFound, "could not find container: Multiple IDs found with provided prefix: a"],
  ]),
  ...all("not_found", "object_missing", [
    ["containerStatus", NotFound, `an error occurred when try to find container "${id}": not found`],
    [
      "startContainer",
      NotFound,
      `could not find container "${id}": container with ID starting with c not found`,
    ],
    ["exec", Unknown, "container with ID starting with c not found: ID does not exist"],
    ["portForward", NotFound, "an error occurred when try to find sandbox: not found"],
    ["createContainer", Unknown, `specified sandbox not found: ${id}`],
  ]),
  ...all("failed_precondition", "wrong_state", [
    ["createContainer", NotFound, "failed to get sandbox container task: no running task found: not found"],
    ["createContainer", Unknown, `CreateContainer failed as the sandbox was stopped: ${id}`],
    ["startContainer", Unknown, 'container "c" is in CONTAINER_RUNNING state'],
    ["startContainer", Unknown, 'container "c" is in CONTAINER_EXITED state'],
    ["startContainer", Unknown, "container c is not in created state: running"],
    ["startContainer", FailedPrecondition, "container c cannot be started: its state is running"],
    ["containerStats", FailedPrecondition, "container c is not running"],
    ["execSync", Unknown, "container is in CONTAINER_CREATED state"],
    ["execSync", NotFound, "container is not created or running"],
    [
      "execSync",
      NotFound,
      `container is not created or running: checking if PID of ${id} is running failed: container process not found`,
    ],
    ["portForward", Unknown, "sandbox container is not running"],
    ["removeImage", Unknown, "image is in use by a container"],
    ["containerStats", Unknown, "failed to decode container metrics: unexpected metrics response: []"],
    ["podSandboxStats", Unknown, `since sandbox container "${id}" is not in ready state`],
    [
      "podSandboxStats",
      Code.Unavailable,
      `since sandbox container "${id}" is not in ready state: unavailable`,
    ],
  ]),
  ...all("failed_precondition", "cgroup_parent_missing", [
    [
      "podSandboxStats",
      Unknown,
      `failed to get cgroup metrics for sandbox ${id} because cgroupPath is empty`,
    ],
    [
      "listPodSandboxStats",
      Unknown,
      `1 error occurred:\n\t* failed to get cgroup metrics for sandbox ${id} because cgroupPath is empty\n`,
    ],
  ]),
  ...all("invalid_argument", "unknown_runtime_handler", [
    ["runPodSandbox", Unknown, 'failed to get sandbox runtime: no runtime for "x" is configured'],
    ["runPodSandbox", Unknown, "failed to find runtime handler x from runtime list map[crun:0x1]"],
  ]),
  ...all("failed_precondition", "exec_not_started", [
    [
      "execSync",
      Unknown,
      'failed to start exec "e": OCI runtime exec failed: exec: "no": executable file not found in $PATH',
    ],
    ["execSync", Unknown, "command error: time=x level=error msg=exec, stdout: , stderr: , exit code -1"],
    // runc below CRI-O: the message ends with a newline.
    [
      "execSync",
      Unknown,
      'command error: time="x" level=error msg="exec failed: unable to start"\n, stdout: , stderr: , exit code -1',
    ],
    ["execSync", Unknown, "executing: executable file `nope` not found in $PATH: No such file or directory"],
    ["execSync", Unknown, "the path `/etc/hostname` exists but it is not executable"],
    ["execSync", Unknown, "the path `/etc` is not a regular file"],
    [
      "createContainer",
      Unknown,
      "container create failed: executable file `/nope` not found: No such file or directory",
    ],
    ["startContainer", Unknown, "the path `/etc` exists but it is not executable: Permission denied"],
    [
      "startContainer",
      Unknown,
      'OCI runtime create failed: unable to start container process: exec: "/no": stat /no: no such file',
    ],
    [
      "createContainer",
      Unknown,
      "container create failed: executable file `/no` not found: executable file not found",
    ],
  ]),
  ...all("not_found", "image_missing", [
    ["createContainer", NotFound, 'failed to resolve image "localhost:1/none:1": not found'],
    ["createContainer", Unknown, 'image "localhost:1/none:1": does not resolve to an image ID'],
    ["createContainer", Unknown, "image not known"],
    ["createContainer", Unknown, `locating image with ID "${id}": image not known`],
    ...(["imageStatus", "createContainer", "pullImage"] as const).flatMap((rpc) =>
      [
        'short-name "none:latest" did not resolve to an alias and no unqualified-search registries are defined in "/etc/containers/registries.conf"',
        "short name mode is enforcing, but image name none returns ambiguous list",
      ].map((text) => [rpc, Unknown, text] as const),
    ),
    [
      "pullImage",
      Unknown,
      'reading manifest 1 in localhost:5051/none: StatusCode: 404, "404 page not found"',
    ],
    [
      "pullImage",
      NotFound,
      'failed to pull and unpack image "x": failed to resolve reference "x": x: not found',
    ],
    ["pullImage", Unknown, "reading manifest 1 in localhost:5051/none: manifest unknown"],
    [
      "pullImage",
      Unknown,
      "reading manifest 1 in localhost:5051/denied: name unknown: not known to registry",
    ],
    ["pullImage", NotFound, 'failed to resolve reference "r.x/a": r.x/access-denied:1: not found'],
    ["pullImage", Unknown, "no match for platform in manifest: not found"],
    ["pullImage", Unknown, "no image found in image index for architecture riscv64, variant, OS linux"],
    [
      "pullImage",
      Unknown,
      "unexpected status from HEAD request to http://localhost:5051/v2/unauthorized/manifests/1: 404 Not Found",
    ],
  ]),
  ...all("permission_denied", "registry_denied", [
    [
      "pullImage",
      Unknown,
      "unexpected status from HEAD request to http://localhost:5051/v2/x: 401 Unauthorized",
    ],
    ["pullImage", Unknown, "pull access denied, repository does not exist or may require authorization"],
    ["pullImage", Unknown, "authorization failed: no basic auth credentials"],
    ["pullImage", Unknown, "reading manifest 1 in localhost:5051/x: unauthorized: authentication required"],
    [
      "pullImage",
      Unknown,
      "failed to authorize: failed to fetch anonymous token: unexpected status: 401 Unauthorized",
    ],
    [
      "pullImage",
      Unknown,
      "failed to fetch oauth token: unexpected status from POST request: 401 Unauthorized",
    ],
    ["pullImage", Unknown, "unable to retrieve auth token: invalid username/password: unauthorized"],
    [
      "pullImage",
      Unknown,
      "unexpected status from HEAD request to http://localhost:5051/v2/x: 403 Forbidden",
    ],
    ["pullImage", Unknown, "reading manifest 1 in localhost:5051/x: denied: no"],
    [
      "pullImage",
      Unknown,
      "initializing source docker://localhost:5051/x:1: reading manifest 1 in localhost:5051/x: authentication required",
    ],
    ["pullImage", Unknown, 'reading manifest 1 in localhost:5051/x: StatusCode: 403, "Forbidden"'],
    [
      "pullImage",
      Unknown,
      "reading manifest 1 in localhost:5051/x: requested access to the resource is denied",
    ],
  ]),
  ...all("unavailable", "registry_unavailable", [
    ["pullImage", Unknown, 'Head "http://localhost:1/v2/x": dial tcp [::1]:1: connect: connection refused'],
    ["pullImage", Unknown, "RegistryUnavailable: pinging container registry localhost:1: connection refused"],
    ["pullImage", Unknown, "dial tcp: lookup none.example on 127.0.0.1:53: no such host"],
    ["pullImage", Unknown, "unexpected status from HEAD request to http://x: 429 Too Many Requests"],
    ["pullImage", Unknown, "reading manifest 1 in localhost:5051/x: toomanyrequests: slow down"],
    ["pullImage", Unknown, "reading manifest 1 in localhost:5051/x: too many requests to registry"],
    [
      "pullImage",
      Unknown,
      "unexpected status from HEAD request to http://localhost:5051/v2/x: 503 Service Unavailable",
    ],
    ["pullImage", Unknown, "received unexpected HTTP status: 500 Internal Server Error"],
    ["pullImage", Unknown, 'Head "https://x/v2/": x509: certificate signed by unknown authority'],
    ["pullImage", Unknown, 'Head "https://x/v2/": http: server gave HTTP response to HTTPS client'],
    ["pullImage", Unknown, 'Head "https://x/v2/": EOF'],
    ["pullImage", Unknown, "dial tcp: lookup none.example on 127.0.0.1:53: server misbehaving"],
    ["pullImage", Unknown, "storing blob to file: happened during read: connection reset by peer"],
    ["pullImage", Unknown, 'Get "https://x/v2/": net/http: TLS handshake timeout'],
    [
      "pullImage",
      Unknown,
      'Get "https://x/v2/": net/http: request canceled (Client.Timeout exceeded while awaiting headers)',
    ],
    // The token server belongs to the registry, and may be unreachable as well.
    [
      "pullImage",
      Unknown,
      'failed to fetch anonymous token: Get "https://auth.x/token": dial tcp: lookup auth.x: no such host',
    ],
    [
      "pullImage",
      Unknown,
      "failed to fetch oauth token: unexpected status from GET request to https://auth.x: 503 Service Unavailable",
    ],
  ]),
  ...all("invalid_argument", "invalid_image_reference", [
    ["pullImage", Unknown, 'failed to parse image reference "UPPER": invalid reference format: lowercase'],
    ["pullImage", Unknown, 'cannot parse input: "localhost/UPPER:1": invalid reference format'],
    ["createContainer", Unknown, "invalid reference format"],
  ]),
  ...all("permission_denied", "signature_invalid", [
    ["pullImage", Unknown, "SignatureValidationFailed: Source image rejected: A signature was required"],
    ["pullImage", Unknown, "Source image rejected: A signature was required, but no signature exists"],
  ]),
  ...all("failed_precondition", "recursive_read_only_unsupported", [
    [
      "createContainer",
      Unknown,
      "RROUnsupported: runtime handler does not support recursive read-only mounts",
    ],
  ]),
  ...all("failed_precondition", "image_volume_mount_failed", [
    ["createContainer", Unknown, "ImageVolumeMountFailed: failed to mount image volume"],
  ]),
];
