import type { MessageInitShape } from "@bufbuild/protobuf";
import type { PullImageRequestSchema } from "../../gen/runtime/v1/api_pb.js";
import type { ImageClient } from "../clients/index.js";
import { CriError, isCriError } from "../core/index.js";
import type { Login } from "./auth/login.js";
import type { Found } from "./auth/look-up.js";

/** All of a pull but its credentials. */
export type PullRequest = Omit<MessageInitShape<typeof PullImageRequestSchema>, "auth" | "$typeName">;

/**
 * Pulls with each of the credentials in turn, then with none; gives the id. Registries answer "not found" as well as "denied" to
 * those who may not see an image, so both go on to the next; anything else is the same with others, and ends it.
 */
export async function pullInTurn(
  client: ImageClient,
  request: PullRequest,
  found: Found,
  signal: AbortSignal,
): Promise<string> {
  const refusals: CriError[] = [];
  for (const login of [...found.logins, undefined]) {
    try {
      const auth = login ? { auth: login.toAuth() } : {};
      return (await client.pullImage({ ...request, ...auth }, { signal, timeoutMs: 0 })).imageRef;
    } catch (error) {
      const refusal = withoutSecrets(error, found.logins);
      if (!isRefusal(refusal)) throw refusal;
      refusals.push(refusal);
    }
  }
  throw withAdvice(refusals, found);
}

function isRefusal(error: unknown): error is CriError {
  return isCriError(error) && (error.reason === "registry_denied" || error.reason === "image_missing");
}

/** "Not found" comes from somebody who let us in, so it says more than a refusal does. */
function withAdvice(refusals: readonly CriError[], { logins, failures }: Found): unknown {
  const error = refusals.find(({ reason }) => reason === "image_missing") ?? refusals[0];
  const [failure] = failures;
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
  return error.with({ hint: `${tried} refused, and so was a pull without any` });
}

/** No runtime is known to repeat a password; it is not left to each of them, though. */
function withoutSecrets(error: unknown, logins: readonly Login[]): unknown {
  if (!isCriError(error)) return error;
  const clean = (text: string) => logins.reduce((left, login) => login.blotOut(left), text);
  const text = clean(error.text);
  if (text === error.text) return error;
  // What it was made from says the same.
  return new CriError({
    code: error.code,
    reason: error.reason,
    text,
    method: error.method,
    endpoint: error.endpoint,
    hint: error.hint,
    wireCode: error.wireCode,
  });
}
