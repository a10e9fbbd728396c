import assert from "node:assert/strict";
import { errorCodeName } from "../../src/http2/index.js";
import type { RawPeer } from "./peer.js";

/** What a connection does with the bytes of a row. */
export type Outcome =
  /** The connection ends with GOAWAY. */
  | { readonly goaway: number }
  /** A stream is reset, and the connection goes on. */
  | { readonly reset: number; readonly streamId?: number }
  /** No error: the connection goes on, and no stream is reset. */
  | "accepted";

/** A case of a conformance test. */
export interface Row {
  /** Of RFC 9113. */
  readonly section: string;
  readonly sends: string;
  readonly bytes: readonly Uint8Array[];
  readonly outcome: Outcome;
  /** What the receiver of stream 1 is notified of. */
  readonly log?: readonly string[];
}

export function rows(
  section: string,
  ...list: readonly (readonly [
    sends: string,
    bytes: readonly Uint8Array[],
    outcome: Outcome,
    log?: readonly string[],
  ])[]
): Row[] {
  return list.map(([sends, bytes, outcome, log]) => ({
    section,
    sends,
    bytes,
    outcome,
    ...(log ? { log } : {}),
  }));
}

/** Fails unless the peer was sent what the row expects. */
export function checkOutcome(peer: RawPeer, { outcome }: Row): void {
  const name = (code: number | undefined) => (code === undefined ? "none" : errorCodeName(code));
  const expected = outcome === "accepted" ? undefined : outcome;
  const goaway = expected && "goaway" in expected ? expected.goaway : undefined;
  const reset = expected && "reset" in expected ? expected : undefined;
  assert.equal(name(peer.goaway), name(goaway), "GOAWAY");
  const resets = peer.frames
    .filter((f) => f.type === 3)
    .map((f) => `${f.streamId} ${name(f.payload.readUInt32BE())}`);
  if (goaway === undefined)
    assert.deepEqual(resets, reset ? [`${reset.streamId ?? 1} ${name(reset.reset)}`] : [], "RST_STREAM");
}
