import { type DescField, type DescMessage, type Message, ScalarType } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";

/** A field of a message. */
export type FieldVisitor = (message: ReflectMessage, field: DescField) => "enter" | "skip";

/** Calls back for each field that is set, also in nested messages, unless the callback skips these. */
export function visitFields(schema: DescMessage, message: Message, visit: FieldVisitor): void {
  visitReflected(reflect(schema, message as never), visit);
}

function visitReflected(message: ReflectMessage, visit: FieldVisitor): void {
  for (const field of message.fields) {
    if (!message.isSet(field) || visit(message, field) === "skip" || !field.message) continue;
    const enter = (value: unknown) => visitReflected(value as ReflectMessage, visit);
    if (field.fieldKind === "list") for (const item of message.get(field)) enter(item);
    else if (field.fieldKind === "map") for (const [, item] of message.get(field)) enter(item);
    else enter(message.get(field));
  }
}

/** Reports whether the values of a field are strings. */
export function isStringField({ scalar }: DescField): boolean {
  return scalar === ScalarType.STRING;
}

/** Replaces the values of a string field: one, the items of a list, or the values of a map. */
export function replaceStrings(
  message: ReflectMessage,
  field: DescField,
  replace: (value: string, key?: string) => string,
): void {
  if (field.fieldKind === "list") {
    const list = message.get(field);
    for (let index = 0; index < list.size; index++) list.set(index, replace(String(list.get(index))));
  } else if (field.fieldKind === "map") {
    const map = message.get(field);
    for (const [key, value] of [...map]) map.set(key, replace(String(value), String(key)));
  } else message.set(field, replace(String(message.get(field))));
}
