import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { encodeEnvelope, encodeToEnvelope, prefixBytes } from "../../transport/index.js";
import type { ResponseForm } from "../dispatch.js";
import { sendLimitExceeded } from "../errors.js";

/** Responses as gRPC sends them: with a prefix, and up to a size. */
export class Envelopes implements ResponseForm<Uint8Array> {
  readonly #limitBytes: number;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  encode<D extends DescMessage>(schema: D, message: MessageShape<D>): Uint8Array {
    const envelope = encodeToEnvelope(schema, message);
    this.#check(envelope.byteLength - prefixBytes);
    return envelope;
  }

  convert(encoded: Uint8Array): Uint8Array {
    this.#check(encoded.byteLength);
    return encodeEnvelope(encoded, this.#limitBytes);
  }

  #check(bytes: number): void {
    if (bytes > this.#limitBytes) throw sendLimitExceeded(bytes, this.#limitBytes);
  }
}
