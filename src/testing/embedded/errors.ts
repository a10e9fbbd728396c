import { type CriError, criError, type Problem } from "../../core/index.js";
import type { Profile } from "./profile.js";
import type { Step } from "./words.js";

/** Where a config was refused. */
export interface RefusalPlace {
  readonly step: Step;
  /** The field's path in the request. */
  readonly path: string;
  readonly value?: unknown;
  /** The id of the sandbox or container that was not created. */
  readonly id: string;
}

/** Creates the errors of a runtime: with the texts of real runtimes, which clients match, and the codes of a profile. */
export class ErrorFactory {
  readonly #codes: Profile["codes"];
  readonly #words: Profile["words"];

  constructor({ codes, words }: Profile) {
    this.#codes = codes;
    this.#words = words;
  }

  /** Creates the error for a config that the runtime does not accept: with the runtime's words, or with the field's path. */
  refused(message: string, { step, path, value, id }: RefusalPlace): CriError {
    const text = this.#inWordsOf(message, { step, path, id });
    const problems: Problem[] = [{ path, message, value }];
    return criError("invalid_request", text, { problems }).with({ code: this.#codes.invalidRequest });
  }

  /** Creates the error for a port of the host that is not available. */
  portNotOpened(message: string, place: RefusalPlace): CriError {
    return criError("runtime_error", this.#inWordsOf(message, place), { code: this.#codes.wrongState });
  }

  /** Creates the error for an image of a mount that is not on the node. */
  mountImageMissing(message: string, place: RefusalPlace): CriError {
    return criError("image_missing", this.#inWordsOf(message, place)).with({
      code: this.#codes.mountImageMissing,
    });
  }

  #inWordsOf(message: string, { step, path, id }: RefusalPlace): string {
    const prefix = this.#words.steps?.[step] ?? `${path}: `;
    return `${prefix.replace("{id}", JSON.stringify(id))}${message}`;
  }

  notFound(kind: "sandbox" | "container", id: string): CriError {
    return criError("object_missing", this.#words.notFound(kind, id));
  }

  ambiguousId(prefix: string): CriError {
    const text = `Multiple IDs found with provided prefix: ${prefix}`;
    return criError("ambiguous_id", text).with({ code: this.#codes.ambiguousId });
  }

  nameReserved(kind: "sandbox" | "container", name: string, existingId: string): CriError {
    const text = `failed to reserve ${kind} name ${JSON.stringify(name)}: name ${JSON.stringify(name)} is reserved for ${JSON.stringify(existingId)}`;
    return criError("name_reserved", text, { existingId }).with({ code: this.#codes.nameReserved });
  }

  wrongState(text: string): CriError {
    return criError("wrong_state", text).with({ code: this.#codes.wrongState });
  }

  unknownHandler(name: string): CriError {
    const text = `no runtime for ${JSON.stringify(name)} is configured`;
    return criError("unknown_runtime_handler", text).with({ code: this.#codes.unknownHandler });
  }

  invalidRequest(path: string, message: string, value?: unknown): CriError {
    const problems: Problem[] = [{ path, message, value }];
    return criError("invalid_request", `${path} ${message}`, { problems }).with({
      code: this.#codes.invalidRequest,
    });
  }
}
