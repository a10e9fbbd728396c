import type { RpcName } from "../transport/index.js";
import type { Difference } from "./difference.js";

const methods: readonly RpcName[] = ["pullImage"];

/**
 * What registries, networks and this node's disk have to do with a failed pull, in the words of image libraries. A refusal and a
 * "not found" are tried again with other credentials, so nothing else may look like one.
 */
export const pullDifferences: readonly Difference[] = [
  // The node's own trouble, of which some ends with "permission denied" or "not found".
  {
    methods,
    text: /failed to extract layer|extraction snapshot|parent snapshot|executable file not found|no space left on device/,
    code: "unknown",
    reason: "runtime_error",
  },
  // Before the refusals: "failed to fetch anonymous token: ... no such host" is a network's fault, not a password's.
  {
    methods,
    text: /connection refused|no such host|i\/o timeout|handshake timeout|Client\.Timeout|network is unreachable|no route to host|connection reset|server misbehaving|failure in name resolution|\bEOF$|toomanyrequests|\b429 |unexpected status.* 5\d\d|HTTP status: 5\d\d/i,
    code: "unavailable",
    reason: "registry_unavailable",
  },
  {
    methods,
    text: /x509:|\btls: |HTTP response to HTTPS client/,
    code: "unavailable",
    reason: "registry_unavailable",
    hint: "The runtime does not trust the registry's certificate, or the registry has none: see the runtime's own configuration of registries",
  },
  // CRI-O writes what it reads from the network at once: after the network's own words this is the disk.
  { methods, text: /storing blob|adding layer with blob/, code: "unknown", reason: "runtime_error" },
  {
    methods,
    text: /unauthorized|access denied|authorization failed|basic auth|(?<!permission )\bdenied\b|\b40[13] |anonymous token|oauth token|invalid username/i,
    code: "permission_denied",
    reason: "registry_denied",
  },
  {
    methods,
    text: /no match for platform|no image found in .* for architecture/,
    code: "not_found",
    reason: "image_missing",
    hint: "The image exists, but not for this machine's platform",
  },
  {
    methods,
    text: /not found|manifest unknown|name unknown/i,
    code: "not_found",
    reason: "image_missing",
  },
];

/** A text without names of images and addresses, in which any word may stand. */
export function withoutNames(text: string): string {
  return text.replace(/"(?:[^"\\]|\\.)*"|https?:\/\/\S+|\S+(?=: not found)|(?<= in )\S+(?=: )/g, "");
}
