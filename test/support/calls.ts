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

/** Short back-off, so that tests do not wait for it. */
export const quick = { connectAttempts: 3, backoff: { firstMs: 5, maxMs: 20 } } as const;

/** Creates a transport that is closed after the test. */
export function transportTo(
  t: TestContext,
  endpoint: string,
  options: TransportOptions = {},
): Http2Transport {
  const transport = createTransport(endpoint, options);
  cleanup(t, () => within(5_000, transport.close(), "close()"));
  return transport;
}

export interface CallParameters {
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
  readonly headers?: RpcHeadersInit;
}

export function version(transport: RpcTransport, { signal, timeoutMs, headers }: CallParameters = {}) {
  return transport.unary(RuntimeService.method.version, signal, timeoutMs, headers, {});
}

/** Calls GetContainerEvents, and yields its messages. */
export async function* events(transport: RpcTransport, { signal, timeoutMs, headers }: CallParameters = {}) {
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

/** The CriError that a call fails with. It must be the cause of a ConnectError, as interceptors expect. */
export async function connectFailure(call: Promise<unknown>): Promise<CriError> {
  const error = await within(8_000, call, "the call").then(
    () => assert.fail("the call did not fail"),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof ConnectError, `not a ConnectError: ${error}`);
  assert.ok(isCriError(error.cause), `its cause is not a CriError: ${error.cause}`);
  assert.equal(Code[error.code], Code[codeToNumber(error.cause.code)]);
  return error.cause;
}

/** Reads an iterable to its end. */
export async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of source) all.push(item);
  return all;
}
