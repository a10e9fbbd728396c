import { create, type DescMessage, type MessageShape, toBinary } from "@bufbuild/protobuf";
import type { Fields } from "./fields.js";

/** A message for Windows, as it was given. It has no small form, so all that is looked at is whether it can be sent. */
export function readWindows<D extends DescMessage>(
  fields: Fields<{ readonly windows?: object | undefined }>,
  schema: D,
): MessageShape<D> | undefined {
  const value = fields.raw("windows");
  if (value === undefined) return undefined;
  const wrong = () => fields.wrong("windows", `must be a ${schema.name}`);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return wrong();
  try {
    // The compiler's word for what protobuf finds out while it encodes.
    const message = create(schema, value as Parameters<typeof create<D>>[1]);
    toBinary(schema, message);
    return message;
  } catch {
    return wrong();
  }
}
