import { clone, type DescField, type DescMessage, type Message, ScalarType } from "@bufbuild/protobuf";
import type { ReflectMessage } from "@bufbuild/protobuf/reflect";
import type { CriError } from "../../core/index.js";
import { accessUrls, Redactor } from "../../observe/index.js";
import { isStringField, replaceStrings, visitFields } from "./message-fields.js";

/** The replacement of a secret. */
const mask = "[redacted]";

/** Keys of the JSON in verbose `info` whose values are credentials: containerd's config of registries has them. */
const credentialKeys = /^(?:auth|password|identity_?token|registry_?token)$/i;

/** Replaces secrets by `[redacted]` before messages and errors are written. */
export class Masking {
  /** The fields that are masked besides those with `debug_redact`. */
  readonly fields: readonly string[];
  readonly #fields: ReadonlySet<string>;
  readonly #redactor: Redactor;

  /** @param maskFields fields to mask besides those with `debug_redact`, by their full names */
  constructor(maskFields: readonly string[]) {
    this.fields = maskFields;
    this.#fields = new Set(maskFields);
    this.#redactor = new Redactor({ maskEnv: false, maskFields });
  }

  /** Returns a copy of a message in which secrets are masked. */
  message(schema: DescMessage, message: Message): Message {
    const copy: Message = clone(schema, message as never);
    visitFields(schema, copy, (parent, field) => {
      if (this.#isMasked(field)) maskField(parent, field);
      else if (isInfo(field)) replaceStrings(parent, field, withoutCredentials);
      else return "enter";
      return "skip";
    });
    return copy;
  }

  /** Returns an error whose text does not repeat a secret of the request. */
  error(error: CriError, schema: DescMessage, request: Message): CriError {
    return this.#redactor.error(error, schema, request);
  }

  #isMasked(field: DescField): boolean {
    const name = `${field.parent.typeName}.${field.name}`;
    return field.proto.options?.debugRedact === true || accessUrls.has(name) || this.#fields.has(name);
  }
}

/** Masks strings, and the bytes of an environment variable. Removes values of other types, which have no room for a mask. */
function maskField(message: ReflectMessage, field: DescField): void {
  if (isStringField(field)) replaceStrings(message, field, () => mask);
  else if (field.fieldKind === "scalar" && field.scalar === ScalarType.BYTES)
    message.set(field, Buffer.from(mask));
  else message.clear(field);
}

/** Reports whether a field is the `info` of verbose responses: whole configs as JSON, also the daemon's with registry passwords. */
function isInfo(field: DescField): boolean {
  return field.name === "info" && field.fieldKind === "map" && isStringField(field);
}

/** Masks credentials in JSON; a text without them is returned unchanged. */
function withoutCredentials(text: string): string {
  let isChanged = false;
  const masked = (key: string, value: unknown): unknown => {
    if (!credentialKeys.test(key) || typeof value !== "string" || value === "") return value;
    isChanged = true;
    return mask;
  };
  try {
    const json = JSON.stringify(JSON.parse(text, masked));
    return isChanged ? json : text;
  } catch {
    return text;
  }
}
