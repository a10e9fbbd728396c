import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { create, type DescMessage } from "@bufbuild/protobuf";
import { type Code, ConnectError } from "@connectrpc/connect";
import { type Cri, CriError, type CriErrorInit, isCriError, type RpcHeadersInit } from "../../src/index.js";
import { toConnectError } from "../../src/transport/connect-errors.js";
import type { RpcTransport } from "../../src/transport/contract.js";
import { cleanup } from "../support/cleanup.js";
import { within } from "../support/waiting.js";

/** A call as the client handed it to the transport. */
export interface SeenCall {
  /** The method's name in TypeScript. */
  readonly name: string;
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number | undefined;
  readonly header: RpcHeadersInit | undefined;
  readonly message: unknown;
}

export interface Scripted extends RpcTransport {
  readonly calls: SeenCall[];
}

/**
 * A transport without a wire: `answer` gives the fields of a unary answer, or the messages of a stream, or throws.
 * It notes every call. Without a script, every answer is empty.
 */
export function scripted(answer: (call: SeenCall, nth: number) => unknown = () => undefined): Scripted {
  const calls: SeenCall[] = [];
  const note = (call: SeenCall) => {
    calls.push(call);
    return answer(call, calls.length);
  };
  const ends = () => ({ header: new Headers(), trailer: new Headers() });
  const built = <O extends DescMessage>(schema: O, fields: unknown) =>
    create(schema, (fields ?? {}) as Parameters<typeof create<O>>[1]);
  return {
    calls,
    async unary(method, signal, timeoutMs, header, input) {
      const call = {
        name: method.localName,
        signal,
        timeoutMs,
        header,
        message: create(method.input, input),
      };
      const message = built(method.output, await note(call));
      return { ...ends(), stream: false, service: method.parent, method, message };
    },
    async stream(method, signal, timeoutMs, header, input) {
      let message: unknown;
      for await (const request of input) message = create(method.input, request);
      const answers = await note({ name: method.localName, signal, timeoutMs, header, message });
      const messages = async function* () {
        for await (const fields of (answers ?? []) as AsyncIterable<unknown>)
          yield built(method.output, fields);
      };
      return { ...ends(), stream: true, service: method.parent, method, message: messages() };
    },
  };
}

/** What a dead runtime looks like: thrown as our own transport throws it. */
export function lost(reason: CriErrorInit["reason"] = "connection_lost"): Error {
  return toConnectError(new CriError({ code: "unavailable", reason, text: `${reason} in a test` }));
}

/** What a runtime says: a gRPC status and a sentence. */
export function says(code: Code, text: string): Error {
  return new ConnectError(text, code);
}

/** The typed error that a call must fail with. */
export async function failure(call: Promise<unknown>, reason?: CriErrorInit["reason"]): Promise<CriError> {
  const thrown = await within(20_000, call, "the call").then(
    () => assert.fail("the call did not fail"),
    (error: unknown) => error,
  );
  assert.ok(isCriError(thrown), `not a CriError: ${thrown}`);
  if (reason) assert.equal(thrown.reason, reason, thrown.message);
  return thrown;
}

/** Closes a connection after the test. */
export function closing(t: TestContext, cri: Cri): Cri {
  cleanup(t, () => within(5_000, cri.close(), "close()"));
  return cri;
}

/** No pause between attempts. */
export const atOnce = { firstMs: 0, maxMs: 0 };

/** A whole id, of sixteen times this digit in four groups. */
export const idOf = (digit: string): string => digit.repeat(64);

export async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of source) all.push(item);
  return all;
}
