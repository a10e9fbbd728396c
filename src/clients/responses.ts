import {
  ContainerState,
  type ExecSyncResponse,
  PodSandboxState,
  type VersionResponse,
} from "../../gen/runtime/v1/api_pb.js";
import { type CriError, criError, type Violations } from "../core/index.js";
import { outputHint } from "./normalize-errors.js";

// The response checks, which the table of RPCs refers to: the fields that CRI requires and that a caller relies on.

interface StatusOfObject<State extends number> {
  readonly id: string;
  readonly state: State;
  readonly metadata?: unknown;
  readonly createdAt: bigint;
}
type ListedObjects = readonly { readonly id: string }[];

/** Checks nothing: CRI requires no field of this response. */
export function anyResponse(): void {}

export function versionNames(response: VersionResponse, violations: Violations): void {
  checkPresent(response.runtimeName, "runtimeName", "the runtime's name", violations);
  checkPresent(response.runtimeVersion, "runtimeVersion", "the runtime's version", violations);
  checkPresent(response.runtimeApiVersion, "runtimeApiVersion", "the API version", violations);
}

export function runtimeStatus({ status }: { readonly status?: unknown }, violations: Violations): void {
  violations.check(status !== undefined, "status", "the runtime's status is missing");
}

export function newSandboxId({ podSandboxId }: { readonly podSandboxId: string }, violations: Violations) {
  checkPresent(podSandboxId, "podSandboxId", "the id of the new sandbox", violations);
}

export function newContainerId({ containerId }: { readonly containerId: string }, violations: Violations) {
  checkPresent(containerId, "containerId", "the id of the new container", violations);
}

export function sandboxStatus(
  { status }: { readonly status?: StatusOfObject<PodSandboxState> | undefined },
  violations: Violations,
): void {
  checkStatus(status, "sandbox", violations);
  // A containerd that was killed while it created the sandbox has no time of it, and reports Go's zero time.
  if (status?.state !== PodSandboxState.SANDBOX_NOTREADY) checkCreationTime(status, violations);
}

export function containerStatus(
  { status }: { readonly status?: StatusOfObject<ContainerState> | undefined },
  violations: Violations,
): void {
  checkStatus(status, "container", violations);
  // The same for a container whose state was lost.
  if (status?.state !== ContainerState.CONTAINER_UNKNOWN) checkCreationTime(status, violations);
}

export function streamingUrl({ url }: { readonly url: string }, violations: Violations): void {
  checkPresent(url, "url", "the streaming URL", violations);
}

export function eventSource({ containerId }: { readonly containerId: string }, violations: Violations): void {
  checkPresent(containerId, "containerId", "the id of the sandbox or container", violations);
}

/** Checks an image's id; a response without an image means that the image does not exist. */
export function imageId(
  { image }: { readonly image?: { readonly id: string } | undefined },
  violations: Violations,
): void {
  if (image) checkPresent(image.id, "image.id", "the image's id", violations);
}

export function pulledImage({ imageRef }: { readonly imageRef: string }, violations: Violations): void {
  checkPresent(imageRef, "imageRef", "the image's id", violations);
}

/** Creates a check that every object in a field of the response has an id. */
export function idsIn<F extends string>(field: F) {
  return (response: { readonly [K in F]: ListedObjects }, violations: Violations): void => {
    // Reports only the first one: a list may hold thousands.
    const index = response[field].findIndex(({ id }) => id === "");
    if (index >= 0) violations.add(`${field}[${index}].id`, "the id is missing");
  };
}

/** Throws `exec_timeout` for the response with which CRI-O reports that the command's timeout passed. */
export function commandInTime({ exitCode, stderr }: ExecSyncResponse): void {
  if (exitCode !== -1 || Buffer.from(stderr).toString("utf8").trim() !== "command timed out") return;
  throw criError("exec_timeout", "the command did not exit within its timeout");
}

/** A failure that one runtime reports as a success. */
export interface SilentFailure {
  /** `VersionResponse.runtime_name` of that runtime. */
  readonly runtime: string;
  readonly error: CriError;
}

/** The size of the log in which CRI-O collects the output of ExecSync. It drops what exceeds it, and reports success. */
const execLogBytes = 16 << 20;
/** What CRI-O's monitor writes before each line of that log: the time, the stream, and whether the line is complete. */
const linePrefixBytes = 45;
/** The monitor splits long lines at its reads, of at most this size. */
const readBytes = 8192;
/** The part of the log that cannot be computed from the output, since most reads are shorter. */
const uncertainPart = 0.03;

/**
 * Returns the failure of an ExecSync whose output may have been cut: the log that CRI-O collected it in was full, or nearly full. For
 * long lines that is from about 15.4 MiB of output on; for lines of 10 bytes it is 2.8 MiB.
 */
export function cutOutput({ stdout, stderr }: ExecSyncResponse): SilentFailure | undefined {
  const bytes = stdout.byteLength + stderr.byteLength;
  // Each byte occupies at most the prefix, itself and a newline, so most outputs need not be read.
  if (bytes * (linePrefixBytes + 2) < execLogBytes || bytes > execLogBytes) return undefined;
  const logBytes = logSizeOf(stdout) + logSizeOf(stderr);
  // The last line may have been cut in the middle, so the computed size may exceed the log's by one read.
  if (logBytes < execLogBytes * (1 - uncertainPart) || logBytes > execLogBytes + readBytes) return undefined;
  const error = criError(
    "output_too_large",
    `the output of the command is incomplete: CRI-O cuts it where its log exceeds ${execLogBytes} bytes, got ${bytes} bytes`,
    { hint: outputHint },
  );
  return { runtime: "cri-o", error };
}

/** Returns the least number of bytes that an output takes in a log. */
function logSizeOf(output: Uint8Array): number {
  let size = 0;
  for (let start = 0; start < output.byteLength; ) {
    const newline = output.indexOf(10, start);
    const end = newline < 0 ? output.byteLength : newline + 1;
    const records = Math.ceil((end - start) / readBytes);
    // Each record but the last one of a line has a newline of its own.
    size += end - start + records * (linePrefixBytes + 1) - 1;
    start = end;
  }
  return size;
}

function checkStatus(
  status: StatusOfObject<number> | undefined,
  kind: "sandbox" | "container",
  violations: Violations,
): void {
  if (!status) {
    violations.add("status", `the ${kind}'s status is missing`);
    return;
  }
  checkPresent(status.id, "status.id", `the ${kind}'s id`, violations);
  violations.check(status.metadata !== undefined, "status.metadata", `the ${kind}'s metadata is missing`);
}

function checkCreationTime(status: StatusOfObject<number> | undefined, violations: Violations): void {
  if (!status) return;
  violations.check(status.createdAt > 0n, "status.createdAt", "must be a time after 1970", status.createdAt);
}

function checkPresent(value: string, path: string, what: string, violations: Violations): void {
  violations.check(value !== "", path, `${what} is missing`);
}
