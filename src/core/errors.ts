import type { CriErrorCode } from "./codes.js";
import { jsonOf } from "./json.js";
import { isKeyed, messageOf } from "./realms.js";
import { type CriErrorReason, criErrorReasons, type VaryingReason } from "./reasons.js";

const brand: unique symbol = Symbol.for("cri-sdk.error");

/** One invalid field of a request, a response, an option or a file. */
export interface Problem {
  /** The field's path, in the field names of the message type: `config.metadata.name`, `cmd[0]`. */
  readonly path: string;
  /** The problem with the value, and what the value should be. */
  readonly message: string;
  /** The value as it was given; absent when the field was missing. */
  readonly value?: unknown;
}

/** A pod or container that a failed call of several steps created and could not remove again. */
export interface Leftover {
  /** The kind of the object. */
  readonly kind: "pod" | "container";
  /** The object's id; undefined when the response that carries the id never arrived. */
  readonly id: string | undefined;
  /** `namespace/name` of a pod, `name` of a container. */
  readonly name: string;
  /** Why the removal failed. */
  readonly error: unknown;
}

/** The optional properties of a {@link CriError}. */
export interface CriErrorDetails {
  /** The RPC by its CRI name, such as `RunPodSandbox`. @default none */
  readonly method?: string | undefined;
  /** The endpoint as a URL. @default none */
  readonly endpoint?: string | undefined;
  /** What to do next. @default none */
  readonly hint?: string | undefined;
  /** The error behind this one, as in `Error`. @default none */
  readonly cause?: unknown;
  /** The code that the runtime sent, if `code` is a normalized one. @default none */
  readonly wireCode?: CriErrorCode | undefined;
  /** The invalid fields. @default none */
  readonly problems?: readonly Problem[] | undefined;
  /** The id of the object that holds the name, for the reason `name_reserved`. @default none */
  readonly existingId?: string | undefined;
  /** The objects that a failed call of several steps left on the node. @default none */
  readonly leftovers?: readonly Leftover[] | undefined;
}

/** All properties of a {@link CriError}. */
export interface CriErrorInit extends CriErrorDetails {
  /** The kind of failure. */
  readonly code: CriErrorCode;
  /** The reason of the failure. */
  readonly reason: CriErrorReason;
  /** The bare text, without method, endpoint and code. */
  readonly rawMessage: string;
}

/**
 * The one error class of this package. Every call that fails rejects with a `CriError`; branch on `code` and `reason`, never on
 * the message.
 */
export class CriError extends Error {
  override readonly name = "CriError";
  /** The kind of failure, from a closed list. */
  readonly code: CriErrorCode;
  /** The reason: finer than the code, and the same for every runtime. */
  readonly reason: CriErrorReason;
  /** The bare text, without method, endpoint and code; for an error of the runtime, the runtime's own text. */
  readonly rawMessage: string;
  /** The RPC by its CRI name (`RunPodSandbox`); undefined when no call was involved. */
  readonly method: string | undefined;
  /** The endpoint as a URL (`unix:///run/containerd/containerd.sock`), where one was involved. */
  readonly endpoint: string | undefined;
  /** What to do next, where that is known. */
  readonly hint: string | undefined;
  /** The code that the runtime sent, where `code` is a normalized one. */
  readonly wireCode: CriErrorCode | undefined;
  /** The invalid fields, for reasons that begin with `invalid_`. */
  readonly problems: readonly Problem[];
  /** The id of the object that holds the name, for reason `name_reserved` where the runtime reports it. */
  readonly existingId: string | undefined;
  /** The objects that a failed call of several steps (`cri.pods.run`) left on the node; usually none. */
  readonly leftovers: readonly Leftover[];

  /** Throws a CriError with the reason `invalid_option` if a property of `init` is not valid. */
  constructor(init: CriErrorInit) {
    checkInit(init);
    super(fullMessage(init), init.cause === undefined ? undefined : { cause: init.cause });
    this.code = init.code;
    this.reason = init.reason;
    this.rawMessage = init.rawMessage;
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

  /** Returns the message and the fields above as plain data, without the cause and the stack. */
  toJSON(): Readonly<Record<string, unknown>> {
    return { message: this.message, ...jsonOf(this) };
  }

  /** Returns a copy of this error with the given properties replaced; the stack stays that of the original. */
  with(changes: Partial<CriErrorInit>): CriError {
    if (!isKeyed(changes)) throw invalidOption("changes", changes, "must be an object of properties");
    const { code, reason, rawMessage, method, endpoint, hint, cause } = this;
    const { wireCode, problems, existingId, leftovers } = this;
    const own = { code, reason, rawMessage, method, endpoint, hint, cause };
    const error = new CriError({ ...own, wireCode, problems, existingId, leftovers, ...changes });
    if (this.stack) error.stack = this.stack.replace(this.message, () => error.message);
    return error;
  }
}

/** Reports whether a value is a {@link CriError}, of this copy of the package or of another one. */
export function isCriError(value: unknown): value is CriError {
  return typeof value === "object" && value !== null && brand in value;
}

/** Returns the text of an error without method, endpoint and code: the raw message of a CriError, the message of another one. */
export function rawMessageOf(error: unknown): string {
  return isCriError(error) ? error.rawMessage : messageOf(error);
}

/**
 * Creates an error from its reason, which determines the code. Reasons whose code varies (`runtime_error`, `not_grpc`, ...)
 * take the code as a detail.
 */
export function criError<R extends CriErrorReason>(
  reason: R,
  rawMessage: string,
  ...[details]: R extends VaryingReason
    ? [details: CriErrorDetails & { readonly code: CriErrorCode }]
    : [details?: CriErrorDetails]
): CriError;
export function criError(
  reason: CriErrorReason,
  rawMessage: string,
  details: CriErrorDetails & { readonly code?: CriErrorCode } = {},
): CriError {
  if (!Object.hasOwn(criErrorReasons, reason))
    throw invalidOption("reason", reason, "must be one of criErrorReasons");
  const code = criErrorReasons[reason].code ?? details.code ?? "unknown";
  return new CriError({ ...details, code, reason, rawMessage });
}

/** Creates an `invalid_option` error about one option of the SDK. */
export function invalidOption(path: string, value: unknown, message: string): CriError {
  const problems = [{ path, message, value }];
  return criError("invalid_option", `${path} ${message}, got ${describe(value)}`, { problems });
}

/** Formats a value for an error message: short, on one line, and without ever throwing. */
export function describe(value: unknown): string {
  if (typeof value === "string")
    return JSON.stringify(value.length > 120 ? `${value.slice(0, 117)}...` : value);
  if (typeof value === "bigint") return `${value}n`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === "function") return "a function";
  if (typeof value === "object" && value !== null) return describeObject(value);
  return String(value);
}

/** Names the class of an object, since an argument is often an object of the wrong class: `a Promise`, `an EmbeddedRuntime`. */
function describeObject(value: object): string {
  try {
    const name: unknown = Object.getPrototypeOf(value)?.constructor?.name;
    if (typeof name !== "string" || !/^[A-Z]\w{0,40}$/.test(name) || name === "Object") return "an object";
    return `${/^[AEIO]/.test(name) ? "an" : "a"} ${name}`;
  } catch {
    return "an object";
  }
}

/** Throws `invalid_option` if a property that every error has is missing. */
function checkInit(init: CriErrorInit): void {
  if (!isKeyed(init)) throw invalidOption("init", init, "must be an object with code, reason and rawMessage");
  const { code, reason, rawMessage } = init;
  for (const [name, value] of Object.entries({ code, reason, rawMessage }))
    if (typeof value !== "string") throw invalidOption(`init.${name}`, value, "must be a string");
}

function fullMessage({ code, reason, rawMessage, method, endpoint, hint }: CriErrorInit): string {
  const where = [method, endpoint && `at ${endpoint}`].filter(Boolean).join(" ");
  return `${where ? `${where}: ` : ""}${rawMessage} [${code}: ${reason}]${hint ? `. ${hint}` : ""}`;
}
