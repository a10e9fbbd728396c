import type { CriErrorCode } from "./codes.js";
import type { CriErrorReason } from "./reasons.js";

const brand: unique symbol = Symbol.for("cri-sdk.error");

/** One thing wrong in a request, a response or an option. */
export interface Problem {
  /** Where, in the words of the message type: `config.metadata.name`, `cmd[0]`. */
  readonly path: string;
  /** What is wrong with it and what it should be. */
  readonly message: string;
  /** The offending value as it was given; absent when the field was missing. */
  readonly value?: unknown;
}

/** Something that a step left on the node, and that could not be taken away again when a later step failed. */
export interface Leftover {
  readonly kind: "pod" | "container";
  /** Its id; undefined where only its name is known, since the answer that tells the id never came. */
  readonly id: string | undefined;
  /** `namespace/name` of a pod, `name` of a container. */
  readonly name: string;
  /** Why it could not be taken away. */
  readonly error: unknown;
}

/** What a {@link CriError} is made of. */
export interface CriErrorInit {
  readonly code: CriErrorCode;
  readonly reason: CriErrorReason;
  /** The bare text, without method, endpoint and code. */
  readonly text: string;
  readonly method?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly hint?: string | undefined;
  readonly cause?: unknown;
  readonly wireCode?: CriErrorCode | undefined;
  readonly problems?: readonly Problem[] | undefined;
  readonly existingId?: string | undefined;
  readonly leftovers?: readonly Leftover[] | undefined;
}

/**
 * The one error class of this package. Everything a call can fail with is a `CriError`; decide by `code` and
 * `reason`, never by the message.
 */
export class CriError extends Error {
  override readonly name = "CriError";
  /** The kind of failure, from a closed list. */
  readonly code: CriErrorCode;
  /** Why, finer than the code and the same for every runtime. */
  readonly reason: CriErrorReason;
  /** The bare text, without method, endpoint and code; for errors of the runtime, its own words. */
  readonly text: string;
  /** The RPC, by CRI's name (`RunPodSandbox`); undefined when no call was involved. */
  readonly method: string | undefined;
  /** The endpoint as a URL (`unix:///run/containerd/containerd.sock`), where one was involved. */
  readonly endpoint: string | undefined;
  /** What to do next, where that is known. */
  readonly hint: string | undefined;
  /** The code the runtime sent, where `code` was brought into the common vocabulary. */
  readonly wireCode: CriErrorCode | undefined;
  /** The fields that are wrong, for reasons `invalid_request`, `invalid_response` and `invalid_option`. */
  readonly problems: readonly Problem[];
  /** The id of the object that holds the name, for reason `name_reserved` where the runtime told it. */
  readonly existingId: string | undefined;
  /** What remains on the node of a call of several steps (`cri.pods.run`); most often nothing. */
  readonly leftovers: readonly Leftover[];

  constructor(init: CriErrorInit) {
    super(fullMessage(init), init.cause === undefined ? undefined : { cause: init.cause });
    this.code = init.code;
    this.reason = init.reason;
    this.text = init.text;
    this.method = init.method;
    this.endpoint = init.endpoint;
    this.hint = init.hint;
    this.wireCode = init.wireCode;
    this.problems = init.problems ?? [];
    this.existingId = init.existingId;
    this.leftovers = init.leftovers ?? [];
    Object.defineProperty(this, brand, { value: true });
  }

  /** `instanceof CriError` also holds for errors of another copy of this package. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return isCriError(value);
  }

  /** The same error with more known about it; what is given replaces what was there. */
  with(more: Partial<CriErrorInit>): CriError {
    const { code, reason, text, method, endpoint, hint, cause, wireCode, problems, existingId, leftovers } =
      this;
    const known = {
      code,
      reason,
      text,
      method,
      endpoint,
      hint,
      cause,
      wireCode,
      problems,
      existingId,
      leftovers,
    };
    const error = new CriError({ ...known, ...more });
    if (this.stack) error.stack = this.stack.replace(this.message, () => error.message);
    return error;
  }
}

/** Whether a value is a {@link CriError}, of this copy of the package or of another one. */
export function isCriError(value: unknown): value is CriError {
  return typeof value === "object" && value !== null && brand in value;
}

/** An `invalid_argument` error about one option of the SDK. */
export function invalidOption(path: string, value: unknown, message: string): CriError {
  const text = `${path} ${message}, got ${describe(value)}`;
  return new CriError({
    code: "invalid_argument",
    reason: "invalid_option",
    text,
    problems: [{ path, message, value }],
  });
}

/** A value in an error message: short, on one line, never throwing. */
export function describe(value: unknown): string {
  if (typeof value === "string")
    return JSON.stringify(value.length > 120 ? `${value.slice(0, 117)}...` : value);
  if (typeof value === "bigint") return `${value}n`;
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "object" && value !== null) return "an object";
  return String(value);
}

function fullMessage({ code, reason, text, method, endpoint, hint }: CriErrorInit): string {
  const where = [method, endpoint && `at ${endpoint}`].filter(Boolean).join(" ");
  return `${where ? `${where}: ` : ""}${text} [${code}: ${reason}]${hint ? `. ${hint}` : ""}`;
}
