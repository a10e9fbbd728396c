// Failed pulls. The engine reports most of them as HTTP status 500, and some in the middle of a success: only the text distinguishes them.
import { type CriError, familiarReference, type ImageReference } from "cri-sdk";
import { criError } from "cri-sdk/server";

/** Failures of this node; some of their texts end with "permission denied" or "not found". */
const nodeFailed = /failed to register layer|no space left on device/;
const registryFailed =
  /dial tcp|no such host|timeout|deadline exceeded|connection (?:refused|reset)|no route to host|unreachable|HTTP (?:status: )?(?:429|5\d\d)|EOF$|too ?many ?requests|x509:|tls:|HTTP response to HTTPS client/i;
const denied =
  /unauthorized|denied|no basic auth credentials|authentication required|docker login|HTTP (?:status: )?40[13]/i;
const missing = /not found|manifest unknown|name unknown|no matching manifest|HTTP (?:status: )?404/i;

/** Converts the engine's text about a failed pull. */
export function pullError(image: ImageReference, engineText: string): CriError {
  const text = withQuotedNames(image, engineText);
  // Names of images and hosts may contain any of the words.
  const words = text.replace(/"[^"]*"/g, "");
  if (nodeFailed.test(words)) return criError("runtime_error", text, { code: "unknown" });
  // The kubelet recognizes this error by its name, and only if the code is unknown.
  if (registryFailed.test(words))
    return criError("runtime_error", `RegistryUnavailable: ${text}`, { code: "unknown" });
  if (denied.test(words)) return criError("registry_denied", text);
  if (missing.test(words)) return criError("image_missing", `not found in the registry: ${text}`);
  return criError("runtime_error", text, { code: "unknown" });
}

/** Puts the image's name into quotes, so that clients that look for words in the text do not find any in it. */
function withQuotedNames(image: ImageReference, text: string): string {
  const repository = familiarReference({ ...image, tag: "latest", digest: undefined });
  return text.replace(/[^\s",]+/g, (word) => (word.startsWith(repository) ? JSON.stringify(word) : word));
}
