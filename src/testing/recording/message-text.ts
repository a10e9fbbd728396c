import {
  type DescMessage,
  fromBinary,
  fromJson,
  fromJsonString,
  type JsonValue,
  type Message,
  type MessageShape,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import type { MessageJson, MessageText } from "./format.js";

/** Converts a message to its form in a recording. */
export function messageText(schema: DescMessage, message: Message): MessageText {
  const json = toJson(schema, message) as MessageJson;
  const bytes = Buffer.from(toBinary(schema, message));
  return isSame(schema, json, bytes) ? { json } : { json, bytes: bytes.toString("base64") };
}

/** Reports whether the JSON text alone gives the same message: it has no unknown fields and no negative zero. */
function isSame(schema: DescMessage, json: MessageJson, bytes: Buffer): boolean {
  try {
    return bytes.equals(toBinary(schema, fromJsonString(schema, JSON.stringify(json))));
  } catch {
    return false;
  }
}

/** Converts the form of a recording back to a message. Throws if it is not one of this schema. */
export function messageOfText<D extends DescMessage>(
  schema: D,
  { json, bytes }: MessageText,
): MessageShape<D> {
  if (bytes !== undefined) return fromBinary(schema, Buffer.from(bytes, "base64"));
  return fromJson(schema, json as JsonValue);
}
