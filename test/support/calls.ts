import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { Code, ConnectError } from "@connectrpc/connect";
import { RuntimeService } from "../../gen/runtime/v1/api_pb.js";
import { type CriError, codeToNumber, isCriError } from "../../src/core/index.js";
import type { RpcHeadersInit, RpcTransport } from "../../src/transport/contract.js";
import type { TransportOptions } from "../../src/transport/options.js";
import { createTransport, type Http2Transport } from "../../src/transport/transport.js";
import { cleanup } from "./cleanup.js";
import { within } from "./waiting.js";

/** Back-off that a test can wait for. */
export const quick = { connectAttempts: 3, backoff: { firstMs: 5, maxMs: 20 } } as const;

/** A transport that is closed after the test. */
export function transportTo(
  t: TestContext,
  endpoint: string,
  options: TransportOptions = {},
): Http2Transport {
  const transport = createTransport(endpoint, options);
  cleanup(t, () => within(5_000, transport.close(), "close()"));
  return transport;
}

export interface HowToCall {
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
  readonly headers?: RpcHeadersInit;
}

export function version(transport: RpcTransport, { signal, timeoutMs, headers }: HowToCall = {}) {
  return transport.unary(RuntimeService.method.version, signal, timeoutMs, headers, {});
}

/** The stream of events; rejects or ends as the call does. */
export async function* events(transport: RpcTransport, { signal, timeoutMs, headers }: HowToCall = {}) {
  const answer = await transport.stream(
    RuntimeService.method.getContainerEvents,
    signal,
    timeoutMs,
    headers,
    one({}),
  );
  yield* answer.message;
}

export async function* one<T>(value: T) {
  yield value;
}

/** What a call failed with: a ConnectError, as interceptors expect it, whose cause is the CriError given back. */
export async function failure(call: Promise<unknown>): Promise<CriError> {
  const error = await within(8_000, call, "the call").then(
    () => assert.fail("the call did not fail"),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof ConnectError, `not a ConnectError: ${error}`);
  assert.ok(isCriError(error.cause), `its cause is no CriError: ${error.cause}`);
  assert.equal(Code[error.code], Code[codeToNumber(error.cause.code)]);
  return error.cause;
}

/** Takes what is left of an iterable. */
export async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of source) all.push(item);
  return all;
}
