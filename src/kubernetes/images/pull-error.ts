import type { WaitingReason } from "../start-error.js";

/** The errors of CRI that begin with their name: CRI-O reports them, containerd does not. */
const namedErrors = [
  { name: "RegistryUnavailable", text: "because the registry is unavailable" },
  { name: "SignatureValidationFailed", text: "because the signature validation failed" },
] as const satisfies readonly { readonly name: WaitingReason; readonly text: string }[];

/** Returns the reason and message of a pull that failed, by the text of the runtime's error. */
export function pullError(
  image: string,
  text: string,
): { readonly waitingReason: WaitingReason; readonly message: string } {
  const named = namedErrors.find(({ name }) => text.startsWith(name));
  if (!named) return { waitingReason: "ErrImagePull", message: text };
  const rest = text.slice(named.name.length);
  return { waitingReason: named.name, message: `image pull failed for ${image} ${named.text}${rest}` };
}
