import {
  create,
  type DescMessage,
  fromBinary,
  type MessageShape,
  protoInt64,
  toBinary,
} from "@bufbuild/protobuf";
import { codecs } from "../../gen/runtime/v1/api_codecs.js";
import { readMessage } from "../wire-reader.js";
import { writeMessage } from "../wire-writer.js";
import { copyOf, prefixBytes } from "./envelope.js";

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
  if (start === end) return create(schema);
  const read = codecOf(schema)?.[0];
  const message = read && readMessage(read, bytes, start, end);
  return (message as MessageShape<D> | undefined) ?? fromBinary(schema, copyOf(bytes, start, end));
}

/**
 * Encodes a message as `toBinary()` does: by the generated encoder of its schema, if there is one and the message is as expected.
 * `headBytes` are left free before it, with any content.
 */
export function encodeMessage<D extends DescMessage>(
  schema: D,
  message: MessageShape<D>,
  headBytes = 0,
): Uint8Array {
  const codec = codecOf(schema);
  const bytes = codec && writeMessage(codec[1], message as never, headBytes);
  if (bytes) return bytes;
  const encoded = toBinary(schema, message);
  if (headBytes === 0) return encoded;
  const withHead = new Uint8Array(headBytes + encoded.byteLength);
  withHead.set(encoded, headBytes);
  return withHead;
}

/** Encodes a message behind gRPC's prefix, of any size. */
export function encodeToEnvelope<D extends DescMessage>(schema: D, message: MessageShape<D>): Uint8Array {
  const envelope = encodeMessage(schema, message, prefixBytes);
  const length = envelope.byteLength - prefixBytes;
  envelope[0] = 0;
  envelope[1] = length >>> 24;
  envelope[2] = length >>> 16;
  envelope[3] = length >>> 8;
  envelope[4] = length;
  return envelope;
}

/** The generated code knows 64-bit numbers as bigint only. Another copy of a schema is another object, and has no codec. */
function codecOf(schema: DescMessage) {
  return protoInt64.supported ? codecs.get(schema) : undefined;
}
