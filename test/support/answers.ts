import { create, type DescMessage, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { VersionResponseSchema } from "../../gen/runtime/v1/api_pb.js";
import * as h2 from "./frames.js";

export const answerHeaders = { ":status": "200", "content-type": "application/grpc" };

/** A message with gRPC's 5-byte prefix. */
export function envelope(bytes: Uint8Array, flag = 0): Buffer {
  return Buffer.concat([Buffer.from([flag]), h2.uint32(bytes.byteLength), bytes]);
}

export function message<M extends DescMessage>(schema: M, init: MessageInitShape<M>): Buffer {
  return envelope(toBinary(schema, create(schema, init)));
}

/** A valid response to Version. */
export const versionMessage = message(VersionResponseSchema, {
  version: "0.1.0",
  runtimeName: "raw",
  runtimeVersion: "1",
  runtimeApiVersion: "v1",
});

export function trailers(streamId: number, status = 0, more: Record<string, string> = {}): Buffer {
  return h2.headers(streamId, { "grpc-status": `${status}`, ...more }, true);
}

/** A complete, valid unary response. */
export function goodAnswer(streamId: number, body = versionMessage): Buffer {
  return Buffer.concat([h2.headers(streamId, answerHeaders), h2.data(streamId, body), trailers(streamId)]);
}
