import {
  type DescField,
  type DescMessage,
  type Message,
  type MessageShape,
  ScalarType,
} from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { type RedactOptions, type ResolvedRedactOptions, resolveRedactOptions } from "./redact-options.js";
import { blotOut, secretForms } from "./secret-forms.js";

/** A value of a redacted message: what `JSON.stringify` takes. */
export type RedactedValue =
  | string
  | number
  | boolean
  | readonly RedactedValue[]
  | { readonly [name: string]: RedactedValue };

/** A message as a plain object: fields that are set, by their TypeScript names, with secrets masked and sizes limited. */
export type RedactedMessage = { readonly [name: string]: RedactedValue };

/** What stands where a secret was. */
export const mask = "[redacted]";

/**
 * A message as a plain object that may be logged, and given to `JSON.stringify`. Fields that are not set are left out;
 * enums are names, 64-bit integers are text, bytes are `[12 bytes]`.
 *
 * `[redacted]` stands for: every field that the schema marks with `debug_redact` (passwords and tokens of AuthConfig);
 * values of environment variables; the `info` of verbose answers, in which runtimes repeat configs; the URLs of exec,
 * attach and port-forward, which let whoever has one in. What a program was given in its arguments, labels or
 * annotations is shown: name such fields in `maskFields`.
 *
 * Throws `invalid_option`.
 */
export function redact<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
  options?: RedactOptions,
): RedactedMessage {
  return new Redactor(resolveRedactOptions(options)).message(schema, message);
}

/** Redacts with options that were checked once. */
export class Redactor {
  readonly #options: ResolvedRedactOptions;

  constructor(options: ResolvedRedactOptions) {
    this.#options = options;
  }

  message(schema: DescMessage, message: Message): RedactedMessage {
    return this.#fields(reflect(schema, message, false));
  }

  /**
   * A text without the secrets of a message, however they are written: errors of a runtime may repeat what they were given.
   * Those of fewer than four characters stay, since they are in every text.
   */
  text(text: string, schema: DescMessage, message: Message): string {
    const secrets = new Set<string>();
    this.#collect(reflect(schema, message, false), false, secrets);
    return blotOut(text, secrets, mask);
  }

  #fields(message: ReflectMessage): RedactedMessage {
    // Own properties whatever the names: a map's key may be "__proto__".
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
        // A masked map tells its keys, as an environment does.
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
    // The descriptor tells of what kind the value is; the compiler does not know that they belong together.
    if (field.message) return this.#fields(value as ReflectMessage);
    if (field.enum) return field.enum.value[value as number]?.name ?? (value as number);
    if (value instanceof Uint8Array && nameOf(field) !== envValue) return `[${value.byteLength} bytes]`;
    const text = textOf(value);
    if (text !== undefined) return this.#short(text);
    if (typeof value === "boolean" || Number.isFinite(value)) return value as boolean | number;
    return String(value);
  }

  #short(text: string): string {
    const { limitChars } = this.#options;
    if (text.length <= limitChars) return text;
    // Half of a surrogate pair would be no text.
    const begin = text.slice(0, limitChars).replace(/[\ud800-\udbff]$/, "");
    return `${begin}… [${text.length} characters]`;
  }

  #collect(message: ReflectMessage, masked: boolean, secrets: Set<string>): void {
    // In HTTP's basic authentication a password stands behind its user's name.
    const { username } = message.message as { readonly username?: string };
    const add = (field: DescField, value: unknown, inMask: boolean): void => {
      if (field.message) this.#collect(value as ReflectMessage, inMask, secrets);
      else if (inMask) for (const form of secretForms(textOf(value) ?? "", username)) secrets.add(form);
    };
    for (const field of message.fields) {
      if (!message.isSet(field)) continue;
      const inMask = masked || this.#isMasked(field);
      if (field.fieldKind === "list") for (const item of message.get(field)) add(field, item, inMask);
      else if (field.fieldKind === "map") for (const [, item] of message.get(field)) add(field, item, inMask);
      else add(field, message.get(field), inMask);
    }
  }

  #isMasked(field: DescField): boolean {
    const { maskEnv, maskFields } = this.#options;
    const name = nameOf(field);
    return (
      field.proto.options?.debugRedact === true ||
      keys.has(name) ||
      isInfo(field) ||
      (maskEnv && name === envValue) ||
      maskFields.has(name)
    );
  }
}

function nameOf(field: DescField): string {
  return `${field.parent.typeName}.${field.name}`;
}

/** The one field of bytes that is text for people. */
const envValue = "runtime.v1.KeyValue.value";

function textOf(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  return value instanceof Uint8Array ? new TextDecoder().decode(value) : undefined;
}

/** URLs with a token, by which anybody gets into the container or the pod. */
const keys = new Set([
  "runtime.v1.ExecResponse.url",
  "runtime.v1.AttachResponse.url",
  "runtime.v1.PortForwardResponse.url",
]);

/** What verbose answers tell beside CRI: whole configs as JSON text, the daemon's own with registries' passwords. */
function isInfo(field: DescField): boolean {
  return field.name === "info" && field.fieldKind === "map" && field.scalar === ScalarType.STRING;
}
