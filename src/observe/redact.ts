import { inspect } from "node:util";
import {
  type DescField,
  type DescMessage,
  type Message,
  type MessageShape,
  ScalarType,
} from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { file_runtime_v1_api } from "../../gen/runtime/v1/api_pb.js";
import {
  type CriError,
  checkArgument,
  isBytes,
  type OptionCheck,
  OptionTable,
  option,
} from "../core/index.js";
import { maskSecrets, secretForms } from "./secret-forms.js";

/** What is masked, and how much of the rest is shown. */
export interface RedactOptions {
  /**
   * Whether the values of environment variables (`ContainerConfig.envs`) are masked; their names are always shown.
   * @default true
   */
  readonly maskEnv?: boolean | undefined;
  /**
   * Additional fields to mask, by their full names in the schema: `runtime.v1.ContainerConfig.args`,
   * `runtime.v1.ExecSyncRequest.cmd`. For a map, the values are masked.
   * @default none
   */
  readonly maskFields?: readonly string[] | undefined;
  /**
   * The number of characters after which a string is truncated.
   * @default 256
   */
  readonly limitChars?: number | undefined;
  /**
   * The number of items after which a list or a map is truncated.
   * @default 20
   */
  readonly limitItems?: number | undefined;
}

/** Checks the full name of a field. */
export const schemaField: OptionCheck<string> = (name) =>
  isField(name) ? undefined : "must be a field of CRI's schema, such as runtime.v1.ContainerConfig.args";

/** The options of {@link RedactOptions}. */
export const redactTable = new OptionTable<RedactOptions>({
  maskEnv: option.boolean,
  maskFields: option.listOf(schemaField),
  limitChars: option.wholeNumber(0),
  limitItems: option.wholeNumber(0),
});

/** A value of a redacted message, as `JSON.stringify` accepts it. */
export type RedactedValue =
  | string
  | number
  | boolean
  | readonly RedactedValue[]
  | { readonly [name: string]: RedactedValue };

/** A message as a plain object: the fields that are set, by their TypeScript names, with secrets masked and sizes limited. */
export type RedactedMessage = { readonly [name: string]: RedactedValue };

/** The replacement of a secret. */
const mask = "[redacted]";

/**
 * Converts a message to a plain object that is safe to log and to pass to `JSON.stringify`. Unset fields are omitted; enums are names,
 * 64-bit integers are strings, bytes are `[12 bytes]`.
 *
 * `[redacted]` replaces every field that the schema marks with `debug_redact` (passwords and tokens of AuthConfig), the values of
 * environment variables, the `info` of verbose responses, in which runtimes repeat whole configs, and the URLs of exec, attach and
 * port-forward, which grant access to the container or pod. Arguments, labels and annotations are shown: add such fields to
 * `maskFields` if they contain secrets.
 *
 * Throws `invalid_option`.
 */
export function redact<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
  options?: RedactOptions,
): RedactedMessage {
  checkArgument("redact", "schema", schema, option.schema);
  checkArgument("redact", "message", message, option.message);
  redactTable.check("redact", options);
  return new Redactor(options).message(schema, message);
}

/** Redacts messages and texts. {@link redactTable} has checked the options. */
export class Redactor {
  readonly #options: ResolvedRedactOptions;

  constructor(options?: RedactOptions) {
    this.#options = resolveRedactOptions(options);
  }

  message(schema: DescMessage, message: Message): RedactedMessage {
    return this.#fields(reflect(schema, message, false));
  }

  /**
   * Masks the secrets of a message in a text, in every encoding of {@link maskSecrets}: errors of a runtime may repeat parts of the
   * request. Secrets of fewer than four characters are not masked, because they occur in every text.
   */
  text(text: string, schema: DescMessage, message: Message): string {
    return maskSecrets(text, this.#secrets(schema, message), mask);
  }

  /**
   * Masks the secrets of a request in an error: in its text, its hint and its problems. The cause is dropped if it or the text contains
   * any, and kept if the caller's own signal is the cause. Returns the same error if it contains none.
   */
  error(error: CriError, schema: DescMessage, message: Message): CriError {
    const secrets = this.#secrets(schema, message);
    if (secrets.size === 0) return error;
    const clean = (text: string) => maskSecrets(text, secrets, mask);
    const isClean = (value: unknown) => {
      const text = typeof value === "string" ? value : inspect(value, everything);
      return clean(text) === text;
    };
    const { rawMessage, hint, problems, cause, reason } = error;
    const isCauseClean = cause === undefined || reason === "aborted_by_caller" || isClean(cause);
    if (isCauseClean && [rawMessage, hint ?? "", problems].every(isClean)) return error;
    return error.with({
      rawMessage: clean(rawMessage),
      hint: hint && clean(hint),
      cause: isCauseClean && isClean(rawMessage) ? cause : undefined,
      problems: problems.map(({ path, message }) => ({ path: clean(path), message: clean(message) })),
    });
  }

  #secrets(schema: DescMessage, message: Message): ReadonlySet<string> {
    const secrets = new Set<string>();
    this.#collect(reflect(schema, message, false), false, secrets);
    return secrets;
  }

  #fields(message: ReflectMessage): RedactedMessage {
    // fromEntries creates own properties for any name: the key of a map may be "__proto__".
    return Object.fromEntries(
      message.fields
        .filter((field) => message.isSet(field))
        .map((field) => [field.localName, this.#field(message, field)]),
    );
  }

  #field(message: ReflectMessage, field: DescField): RedactedValue {
    const masked = this.#isMasked(field);
    switch (field.fieldKind) {
      case "list":
        if (masked) return mask;
        return this.#limited([...message.get(field)].map((item) => () => this.#single(field, item)));
      case "map": {
        // A masked map shows its keys, as environment variables do.
        const entries = [...message.get(field)].map(
          ([key, value]) =>
            [this.#short(String(key)), () => (masked ? mask : this.#single(field, value))] as const,
        );
        const shown = entries.slice(0, this.#options.limitItems).map(([key, show]) => [key, show()]);
        const rest = entries.length - shown.length;
        return Object.fromEntries(rest > 0 ? [...shown, ["…", `[${rest} more]`]] : shown);
      }
      default:
        return masked ? mask : this.#single(field, message.get(field));
    }
  }

  #limited(items: readonly (() => RedactedValue)[]): RedactedValue {
    const shown = items.slice(0, this.#options.limitItems).map((show) => show());
    return items.length > shown.length ? [...shown, `[${items.length - shown.length} more]`] : shown;
  }

  #single(field: DescField, value: unknown): RedactedValue {
    // The descriptor determines the value's type; the compiler does not know that they belong together.
    if (field.message) return this.#fields(value as ReflectMessage);
    if (field.enum) return field.enum.value[value as number]?.name ?? (value as number);
    if (isBytes(value) && nameOf(field) !== envValue) return `[${value.byteLength} bytes]`;
    const text = textOf(value);
    if (text !== undefined) return this.#short(text);
    if (typeof value === "boolean" || Number.isFinite(value)) return value as boolean | number;
    return String(value);
  }

  #short(text: string): string {
    const { limitChars } = this.#options;
    if (text.length <= limitChars) return text;
    // Half of a surrogate pair would not be valid text.
    const begin = text.slice(0, limitChars).replace(/[\ud800-\udbff]$/, "");
    return `${begin}… [${text.length} characters]`;
  }

  #collect(message: ReflectMessage, masked: boolean, secrets: Set<string>): void {
    const add = (field: DescField, value: unknown, isInMask: boolean): void => {
      if (field.message) this.#collect(value as ReflectMessage, isInMask, secrets);
      else if (isInMask && (typeof value === "string" || isBytes(value))) {
        for (const form of secretForms(value)) secrets.add(form);
        if (nameOf(field) === basicAuth) for (const form of secretForms(passwordOf(value))) secrets.add(form);
      }
    };
    for (const field of message.fields) {
      if (!message.isSet(field)) continue;
      const isInMask = masked || this.#isMasked(field);
      if (field.fieldKind === "list") for (const item of message.get(field)) add(field, item, isInMask);
      else if (field.fieldKind === "map")
        for (const [, item] of message.get(field)) add(field, item, isInMask);
      else add(field, message.get(field), isInMask);
    }
  }

  #isMasked(field: DescField): boolean {
    const { maskEnv, maskFields } = this.#options;
    const name = nameOf(field);
    return (
      field.proto.options?.debugRedact === true ||
      accessUrls.has(name) ||
      isInfo(field) ||
      (maskEnv && name === envValue) ||
      maskFields.has(name)
    );
  }
}

function nameOf(field: DescField): string {
  return `${field.parent.typeName}.${field.name}`;
}

/** The field that has a user name and a password as base64. */
const basicAuth = "runtime.v1.AuthConfig.auth";

function passwordOf(auth: string | Uint8Array): string {
  const text = Buffer.from(String(auth), "base64").toString("utf8");
  return text.slice(text.indexOf(":") + 1);
}

/** The only bytes field whose value is readable text. */
const envValue = "runtime.v1.KeyValue.value";

function textOf(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  return isBytes(value) ? new TextDecoder().decode(value) : undefined;
}

/** URLs with a token that grants access to the container or pod. */
export const accessUrls: ReadonlySet<string> = new Set([
  "runtime.v1.ExecResponse.url",
  "runtime.v1.AttachResponse.url",
  "runtime.v1.PortForwardResponse.url",
]);

/** Reports whether a field is the `info` of verbose responses: whole configs as JSON, also the daemon's with registry passwords. */
function isInfo(field: DescField): boolean {
  return field.name === "info" && field.fieldKind === "map" && field.scalar === ScalarType.STRING;
}

/** Hides passwords and tokens, but not environment variables, which the caller knows. */
const forCallers = new Redactor({ maskEnv: false });
const forSubscribers = new Redactor();

/** For searching whatever an error has as its cause. */
const everything = {
  depth: 6,
  showHidden: true,
  maxArrayLength: null,
  maxStringLength: null,
  breakLength: Infinity,
} as const;

/** Removes the passwords and tokens of the request from an error. No known runtime repeats them; a future one may. */
export function withoutCredentials(error: CriError, schema: DescMessage, message: Message): CriError {
  return forCallers.error(error, schema, message);
}

/** Removes everything that is masked in the request from an error. */
export function withoutSecrets(error: CriError, schema: DescMessage, message: Message): CriError {
  return forSubscribers.error(error, schema, message);
}

/** {@link RedactOptions}, complete and checked. */
interface ResolvedRedactOptions {
  readonly maskEnv: boolean;
  readonly maskFields: ReadonlySet<string>;
  readonly limitChars: number;
  readonly limitItems: number;
}

/** Fills in the defaults. */
function resolveRedactOptions(options: RedactOptions = {}): ResolvedRedactOptions {
  const { maskEnv = true, maskFields = [], limitChars = 256, limitItems = 20 } = options;
  return Object.freeze({
    maskEnv,
    maskFields: new Set(maskFields),
    limitChars,
    limitItems,
  });
}

/** Reports whether the schema has this field: a misspelled name would mask nothing. */
function isField(name: unknown): boolean {
  if (typeof name !== "string") return false;
  const at = name.lastIndexOf(".");
  const message = file_runtime_v1_api.messages.find(({ typeName }) => typeName === name.slice(0, at));
  return message?.fields.some((field) => field.name === name.slice(at + 1)) ?? false;
}
