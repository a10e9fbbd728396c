import type { DescMessage, Message } from "@bufbuild/protobuf";
import { CriError } from "../core/index.js";
import { Redactor } from "./redact.js";
import { resolveRedactOptions } from "./redact-options.js";

/** Environments stay readable for whoever wrote them; passwords and tokens do not. */
const forCallers = new Redactor(resolveRedactOptions({ maskEnv: false }));
const forWatchers = new Redactor(resolveRedactOptions());

/** An error without the passwords and tokens of its request. No runtime is known to repeat them; it is not left to each, though. */
export function withoutCredentials(error: CriError, schema: DescMessage, message: Message): CriError {
  return cleaned(error, forCallers, schema, message);
}

/** An error as diagnostics tell it: without anything that is masked in its request. */
export function withoutSecrets(error: CriError, schema: DescMessage, message: Message): CriError {
  return cleaned(error, forWatchers, schema, message);
}

function cleaned(error: CriError, redactor: Redactor, schema: DescMessage, message: Message): CriError {
  const text = redactor.text(error.text, schema, message);
  if (text === error.text) return error;
  const { code, reason, method, endpoint, hint, wireCode, existingId } = error;
  // Neither its cause, which says the same, nor what was wrong in the request.
  return new CriError({ code, reason, text, method, endpoint, hint, wireCode, existingId });
}
