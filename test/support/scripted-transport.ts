import { create, type DescMessage } from "@bufbuild/protobuf";
import type { RpcTransport } from "../../src/transport/contract.js";
import type { RpcHeadersInit } from "../../src/transport.js";

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
