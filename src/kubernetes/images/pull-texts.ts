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

/** Returns a duration as Go prints it, exact to the millisecond: `850ms`, `12.034s`, `1m2.5s`. */
export function durationText(ms: number): string {
  const whole = Math.max(0, Math.trunc(ms));
  if (whole === 0) return "0s";
  if (whole < 1_000) return `${whole}ms`;
  const minutes = Math.floor(whole / 60_000);
  const seconds = `${(whole % 60_000) / 1_000}s`;
  if (minutes === 0) return seconds;
  return minutes < 60 ? `${minutes}m${seconds}` : `${Math.floor(minutes / 60)}h${minutes % 60}m${seconds}`;
}
