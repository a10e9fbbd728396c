import { CriError, type Problem } from "../../core/index.js";
import type { Profile } from "./profile.js";

/** What a runtime refuses, in the words of the real ones, which clients look for, and the codes of a profile. */
export class Refusals {
  readonly #codes: Profile["codes"];

  constructor({ codes }: Profile) {
    this.#codes = codes;
  }

  missing(what: "sandbox" | "container", id: string): CriError {
    const text = `an error occurred when try to find ${what} ${JSON.stringify(id)}: not found`;
    return new CriError({ code: "not_found", reason: "object_missing", text });
  }

  ambiguous(prefix: string): CriError {
    const text = `Multiple IDs found with provided prefix: ${prefix}`;
    return new CriError({ code: this.#codes.ambiguous, reason: "ambiguous_id", text });
  }

  reserved(what: "sandbox" | "container", name: string, id: string): CriError {
    const text = `failed to reserve ${what} name ${JSON.stringify(name)}: name ${JSON.stringify(name)} is reserved for ${JSON.stringify(id)}`;
    return new CriError({ code: this.#codes.reserved, reason: "name_reserved", text, existingId: id });
  }

  state(text: string): CriError {
    return new CriError({ code: this.#codes.state, reason: "wrong_state", text });
  }

  handler(name: string): CriError {
    const text = `no runtime for ${JSON.stringify(name)} is configured`;
    return new CriError({ code: this.#codes.handler, reason: "unknown_runtime_handler", text });
  }

  invalid(path: string, message: string, value?: unknown): CriError {
    const problems: Problem[] = [{ path, message, value }];
    return new CriError({
      code: this.#codes.invalid,
      reason: "invalid_request",
      text: `${path} ${message}`,
      problems,
    });
  }
}
