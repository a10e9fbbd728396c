import { type DescMessage, fromBinary, type MessageShape, protoInt64, toBinary } from "@bufbuild/protobuf";
import { codecs } from "../../gen/runtime/v1/api_codecs.js";
import { readMessage } from "../wire-reader.js";
import { writeMessage } from "../wire-writer.js";
import { copyOf } from "./envelope.js";

/**
 * Decodes the message in `bytes` from `start` to `end` as `fromBinary()` does, with the same result or the same error: by the generated
 * decoder of its schema, if there is one, which is several times as fast. The message does not refer to the bytes.
 */
export function decodeMessage<D extends DescMessage>(
  schema: D,
  bytes: Uint8Array,
  start = 0,
  end = bytes.byteLength,
): MessageShape<D> {
  const read = codecOf(schema)?.[0];
  const message = read && readMessage(read, bytes, start, end);
  return (message as MessageShape<D> | undefined) ?? fromBinary(schema, copyOf(bytes, start, end));
}

/** Encodes a message as `toBinary()` does: by the generated encoder of its schema, if there is one and the message is as expected. */
export function encodeMessage<D extends DescMessage>(schema: D, message: MessageShape<D>): Uint8Array {
  const codec = codecOf(schema);
  return (codec && writeMessage(codec[1], message as never)) ?? toBinary(schema, message);
}

/** The generated code knows 64-bit numbers as bigint only. Another copy of a schema is another object, and has no codec. */
function codecOf(schema: DescMessage) {
  return protoInt64.supported ? codecs.get(schema) : undefined;
}
