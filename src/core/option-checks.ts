// The checks that tables of options consist of. A check takes any value, whatever its type says: callers may have no compiler.
import type { BackoffOptions } from "./backoff.js";
import type { CallOptions, HeadersInput, TlsOptions } from "./call-options.js";
import { maxTimerMs } from "./cancellation.js";
import type { ImageReference } from "./image-reference.js";
import { type OptionCheck, type OptionProblem, OptionTable, type RequiredCheck, within } from "./options.js";
import { isBytes, isDate, isKeyed, isPromiseLike, isRecord } from "./realms.js";
import { closestMatch } from "./suggestions.js";

/** The checks by what they accept. */
export const option = {
  /** Anything but undefined and null. */
  any: () => undefined,
  boolean: (value: boolean) => (typeof value === "boolean" ? undefined : "must be true or false"),
  string: (value: string) => (typeof value === "string" ? undefined : "must be a string"),
  bigint: (value: bigint) =>
    typeof value === "bigint" ? undefined : "must be a bigint, such as 1_000n, as CRI's messages have",
  byteArray: (value: Uint8Array) => (isBytes(value) ? undefined : "must be a Uint8Array or a Buffer"),
  /** A generated schema. */
  schema: (value: unknown) =>
    isRecord(value) && value.kind === "message" && typeof value.typeName === "string"
      ? undefined
      : "must be a schema of cri-sdk/v1, such as ContainerConfigSchema",
  /** The descriptor of an RPC. */
  method: (value: unknown) =>
    isRecord(value) && value.kind === "rpc"
      ? undefined
      : "must be the descriptor of an RPC, such as `RuntimeService.method.version`",
  /** A message of any type. */
  message: (value: unknown) =>
    isRecord(value) && typeof value.$typeName === "string"
      ? undefined
      : "must be a message, such as `create(ContainerConfigSchema)` returns",
  /** A message of one of these types. */
  messageOf:
    (...types: readonly string[]): OptionCheck<{ readonly $typeName: string }> =>
    (value) =>
      types.includes(value?.$typeName) ? undefined : `must be a message of the type ${types.join(" or ")}`,
  /** A number as an argument may have it: `Number("x")` is a mistake. */
  anyNumber: (value: number) =>
    typeof value === "number" && !Number.isNaN(value) ? undefined : "must be a number",
  /** A string whose value no error shows. */
  secret: (value: string) => (typeof value === "string" ? undefined : hidden("must be a string")),
  nonEmptyString: (value: string) =>
    typeof value === "string" && value !== "" ? undefined : "must be a string that is not empty",
  absolutePath: (value: string) =>
    typeof value === "string" && value.startsWith("/") ? undefined : "must be an absolute path",
  callback: (value: (...args: never[]) => unknown) =>
    typeof value === "function" ? undefined : "must be a function",
  /** An object that the function passes on: a transport, a clock. */
  object: (value: object) =>
    isRecord(value) || typeof value === "function" ? undefined : "must be an object",
  date: (value: Date) =>
    isDate(value) && !Number.isNaN(value.getTime()) ? undefined : "must be a valid Date",
  url: (value: string | URL) =>
    typeof value === "string" || isUrl(value) ? undefined : "must be a string or a URL",
  bytes: (value: string | Uint8Array) =>
    typeof value === "string" || isBytes(value) ? undefined : "must be a string or bytes",
  /** An AbortSignal, also of another realm. */
  signal: (value: AbortSignal) => {
    const { aborted, addEventListener } = value;
    if (typeof value === "object" && typeof aborted === "boolean" && typeof addEventListener === "function")
      return undefined;
    const isController = typeof value === "object" && "signal" in value && "abort" in value;
    return isController ? "must be an AbortSignal: pass `controller.signal`" : "must be an AbortSignal";
  },
  /** A deadline; 0 and Infinity mean none. */
  timeoutMs: (value: number) =>
    typeof value === "number" && value >= 0 ? undefined : "must be 0 (no deadline) or more milliseconds",
  /** A duration that may be 0 or Infinity. */
  milliseconds: (value: number) =>
    typeof value === "number" && value >= 0 ? undefined : "must be 0 or more milliseconds",
  /** A duration that a timer of Node can wait for. */
  timerMs: (value: number) =>
    typeof value === "number" && value > 0 && value <= maxTimerMs
      ? undefined
      : "must be greater than 0 and less than 2^31 milliseconds",
  wholeNumber:
    (min: number, max = Number.POSITIVE_INFINITY): OptionCheck<number> =>
    (value) => {
      if (Number.isInteger(value) && value >= min && value <= max) return undefined;
      const range = max === Number.POSITIVE_INFINITY ? `of ${min} or more` : `from ${min} to ${max}`;
      return `must be a whole number ${range}`;
    },
  number:
    (min: number, max = Number.POSITIVE_INFINITY): OptionCheck<number> =>
    (value) => {
      if (typeof value === "number" && value >= min && value <= max) return undefined;
      return max === Number.POSITIVE_INFINITY ? `must be ${min} or more` : `must be from ${min} to ${max}`;
    },
  oneOf<const V extends string | boolean>(...values: readonly V[]): OptionCheck<V> {
    const known: ReadonlySet<unknown> = new Set(values);
    return (value: unknown) => {
      if (known.has(value)) return undefined;
      const list = values.map((one) => JSON.stringify(one)).join(", ");
      const words = values.filter((one) => typeof one === "string");
      const meant = typeof value === "string" ? closestMatch(value, words) : undefined;
      const hint = meant === undefined ? "" : ` (did you mean ${JSON.stringify(meant)}?)`;
      return `must be one of ${list}${hint}`;
    };
  },
  listOf:
    <E>(check: OptionCheck<E>): OptionCheck<readonly E[]> =>
    (value) => {
      if (!Array.isArray(value)) return "must be an array";
      for (const [index, element] of value.entries()) {
        const found = element === undefined || element === null ? "is missing" : check(element as E);
        if (found !== undefined) return within(`[${index}]`, found, element);
      }
      return undefined;
    },
  /** An object whose keys the caller chooses, with values of one type. */
  recordOf:
    <E>(check: OptionCheck<E>): OptionCheck<Readonly<Record<string, E>>> =>
    (value: unknown) => {
      if (!isKeyed(value)) return "must be an object";
      for (const [key, member] of Object.entries(value)) {
        if (member === undefined) continue;
        const found = member === null ? "must not be null" : check(member as E);
        if (found !== undefined) return within(`[${JSON.stringify(key)}]`, found, member);
      }
      return undefined;
    },
  /** Options within an option. */
  nested:
    <N extends object>(table: OptionTable<N>): OptionCheck<N> =>
    (value) =>
      table.find(value),
  /** Handlers: unknown functions are refused in a plain object. Other fields are state of the handlers, as are those of a class. */
  handlers:
    <N extends object>(table: OptionTable<N>): OptionCheck<N> =>
    (value: unknown) => {
      if (!isRecord(value) || isPromiseLike(value)) return table.find(value);
      if (!isPlainObject(value)) return handlerOf(table, value);
      // A misspelt handler is a function.
      const isChecked = ([name, one]: [string, unknown]) => typeof one === "function" || name in table.checks;
      return table.find(Object.fromEntries(Object.entries(value).filter(isChecked)));
    },
  /** The first check that holds; otherwise the problem of the last one. */
  either:
    <A, B>(first: OptionCheck<A>, second: OptionCheck<B>): OptionCheck<A | B> =>
    (value) =>
      first(value as A) === undefined ? undefined : second(value as B),
  /** Marks the check of an option that must be given. */
  required: <T>(check: OptionCheck<T>): RequiredCheck<T> =>
    Object.assign((value: T) => check(value), { isRequired: true as const }),
};

/** Refuses an object of a class that has none of the handlers: every call would be unimplemented. */
function handlerOf<N extends object>(table: OptionTable<N>, value: object): string | undefined {
  const names = Object.keys(table.checks);
  if (names.some((name) => name in value)) return undefined;
  if ("services" in value) return "must be an object of handlers: pass its `services`";
  return `must have at least one of the handlers ${names.slice(0, 3).join(", ")}${names.length > 3 ? ", …" : ""}`;
}

/** A problem whose value no error shows, since it may be a secret. */
function hidden(message: string): OptionProblem {
  return { path: "", message };
}

function isUrl(value: unknown): boolean {
  return typeof value === "object" && value !== null && "href" in value && typeof value.href === "string";
}

/** A parsed image reference. */
export const referenceCheck: OptionCheck<ImageReference> = (value) => {
  if (typeof value === "string") return "must be a parsed reference: pass `parseReference(name)`";
  return typeof value?.domain === "string" && typeof value.path === "string"
    ? undefined
    : "must be a parsed reference, such as `parseReference(name)` returns";
};

/** Request headers, as a record or as pairs. Their names and values are checked where they are sent. */
export const headersCheck: OptionCheck<HeadersInput> = (value: unknown) => {
  if (typeof value !== "object" || value === null)
    return hidden("must be an object of names and values, or an iterable of pairs");
  // Pairs may be readable only once.
  if (Symbol.iterator in value) return undefined;
  return headerRecordCheck(value as Readonly<Record<string, string>>);
};

/** Request headers as a record. */
export const headerRecordCheck: OptionCheck<Readonly<Record<string, string>>> = option.recordOf(
  option.secret,
);

/** The options of every call. */
export const callOptionsTable = new OptionTable<CallOptions>({
  signal: option.signal,
  timeoutMs: option.timeoutMs,
  headers: headersCheck,
});

/** The options of {@link BackoffOptions}. */
export const backoffTable = new OptionTable<BackoffOptions>({
  firstMs: option.milliseconds,
  maxMs: option.milliseconds,
  factor: option.number(1),
  jitter: option.number(0, 1),
});

/** Node's TLS options. What is in a certificate or a key, Node checks. */
export const tlsTable = new OptionTable<TlsOptions>({
  ca: option.any,
  cert: option.any,
  key: option.any,
  servername: option.string,
  rejectUnauthorized: option.boolean,
});

/** Reports whether an object is of no class, in any realm. */
export function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  // The prototype of plain objects of another realm has no prototype either.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
