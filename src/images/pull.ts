import type { MessageInitShape } from "@bufbuild/protobuf";
import type { PullImageRequestSchema } from "../../gen/runtime/v1/api_pb.js";
import type { ImageClient } from "../clients/index.js";
import { CriError, type ImageReference, isCriError } from "../core/index.js";
import type { Login } from "./auth/login.js";
import type { Found } from "./auth/look-up.js";
import { formatReference } from "./names.js";

/** All of a pull but its credentials. */
export type PullRequest = Omit<MessageInitShape<typeof PullImageRequestSchema>, "auth" | "$typeName">;

/** A try that the registry did not let in. */
interface Refusal {
  readonly login: Login | undefined;
  readonly error: CriError;
}

/**
 * Pulls with each of the credentials in turn, then with none; gives the id. Registries answer "not found" as well as "denied" to
 * those who may not see an image, so both go on to the next; anything else is the same with others, and ends it.
 */
export async function pullInTurn(
  client: ImageClient,
  request: PullRequest,
  reference: ImageReference,
  found: Found,
  signal: AbortSignal,
): Promise<string> {
  const refusals: Refusal[] = [];
  for (const login of [...found.logins, undefined]) {
    try {
      // CRI-O looks for a short name in several registries; credentials are for the one they were looked up for.
      const image = login ? { ...request.image, image: formatReference(reference) } : request.image;
      const auth = login ? { auth: login.toAuth() } : {};
      const sent = { ...request, ...(image ? { image } : {}), ...auth };
      return (await client.pullImage(sent, { signal, timeoutMs: 0 })).imageRef;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      refusals.push({ login, error });
    }
  }
  throw withAdvice(refusals, found);
}

function isRefusal(error: unknown): error is CriError {
  return isCriError(error) && (error.reason === "registry_denied" || error.reason === "image_missing");
}

/**
 * "Not found" to somebody whom the registry knows says more than a refusal; to a stranger it may be one. A source of credentials
 * that failed may be why nobody was let in.
 */
function withAdvice(refusals: readonly Refusal[], { logins, failures }: Found): unknown {
  const known = refusals.find(({ login, error }) => login && error.reason === "image_missing")?.error;
  const [failure] = failures;
  const without = failure && `Some credentials could not be had: ${failure.text}`;
  if (known) return without ? known.with({ hint: without }) : known;
  const error = refusals.find(({ error }) => error.reason === "registry_denied")?.error ?? refusals[0]?.error;
  if (error && failure)
    return new CriError({
      code: "failed_precondition",
      reason: "credentials_failed",
      text: `${failure.text}; and without them: ${error.text}`,
      method: error.method,
      endpoint: error.endpoint,
      hint: failure.hint,
      cause: failure,
    });
  if (error?.reason !== "registry_denied") return error;
  if (logins.length === 0)
    return error.with({ hint: "No credentials for this image were given: see the option auth" });
  const tried = logins.length === 1 ? "The credentials were" : `All ${logins.length} credentials were`;
  const stranger = refusals.at(-1)?.error.reason === "image_missing" ? "found nothing" : "was refused, too";
  return error.with({ hint: `${tried} refused; a pull without any ${stranger}` });
}
