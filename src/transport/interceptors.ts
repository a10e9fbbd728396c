import type { DescMessage, DescMethodStreaming, DescMethodUnary, MessageInitShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import { createContextValues } from "@connectrpc/connect";
import { Lifeline, maxTimerMs, stoppedError, unlessAborted } from "../core/index.js";
import { toConnectError } from "./connect-errors.js";
import type {
  RpcContextValues,
  RpcHeadersInit,
  RpcInterceptor,
  RpcNext,
  RpcStreamRequest,
  RpcStreamResponse,
  RpcTransport,
  RpcUnaryRequest,
  RpcUnaryResponse,
} from "./contract.js";
import type { Endpoint } from "./endpoint.js";
import { withEndpoint } from "./endpoint-key.js";
import { headerPairs } from "./headers.js";

/**
 * A transport with functions around every call, outermost first. Without interceptors, the transport itself. The
 * endpoint is for them to know.
 */
export function withInterceptors(
  transport: RpcTransport,
  interceptors: readonly RpcInterceptor[],
  endpoint?: Endpoint,
): RpcTransport {
  if (interceptors.length === 0) return transport;
  const around = (last: RpcNext) => interceptors.reduceRight((next, interceptor) => interceptor(next), last);
  return {
    async unary<I extends DescMessage, O extends DescMessage>(
      method: DescMethodUnary<I, O>,
      signal: AbortSignal | undefined,
      timeoutMs: number | undefined,
      header: RpcHeadersInit | undefined,
      input: MessageInitShape<I>,
      contextValues?: RpcContextValues,
    ): Promise<RpcUnaryResponse<I, O>> {
      const lifeline = new Lifeline(timeoutMs, signal);
      const stop = new AbortController();
      if (lifeline.stopped) stop.abort(lifeline.stopped);
      lifeline.onStop({ cancel: (error) => stop.abort(error) });
      const next = around(async (sent) => {
        const { signal, header, message, contextValues } = sent as RpcUnaryRequest<I, O>;
        const timeoutMs = lifeline.remainingMs;
        return copyable(await transport.unary(method, signal, timeoutMs, header, message, contextValues));
      });
      try {
        const message = create(method.input, input);
        const common = requestCommon(method, header, contextValues, endpoint);
        const answer = next({ ...common, stream: false, method, message, signal: stop.signal });
        return (await unlessStopped(answer, stop.signal)) as RpcUnaryResponse<I, O>;
      } catch (error) {
        throw toConnectError(error);
      } finally {
        lifeline.end();
      }
    },
    async stream<I extends DescMessage, O extends DescMessage>(
      method: DescMethodStreaming<I, O>,
      signal: AbortSignal | undefined,
      timeoutMs: number | undefined,
      header: RpcHeadersInit | undefined,
      input: AsyncIterable<MessageInitShape<I>>,
      contextValues?: RpcContextValues,
    ): Promise<RpcStreamResponse<I, O>> {
      const span = spanOf(signal, timeoutMs);
      const next = around((sent) => {
        const { signal, header, message, contextValues } = sent as RpcStreamRequest<I, O>;
        return transport.stream(method, signal, timeoutMs, header, message, contextValues);
      });
      try {
        const common = requestCommon(method, header, contextValues, endpoint);
        const answer = next({
          ...common,
          stream: true,
          method,
          message: created(method.input, input),
          signal: span,
        });
        return (await unlessStopped(answer, span)) as RpcStreamResponse<I, O>;
      } catch (error) {
        throw toConnectError(error);
      }
    },
  };
}

/**
 * The answer; or why the signal fired, a moment after it did, for interceptors that wait for something of their own, and
 * do not hear it. What the call itself fails with then says more, and comes first.
 */
function unlessStopped<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
  return unlessAborted(answer, signal, (reject) => void setImmediate(() => reject(stoppedError(signal))));
}

/** An answer whose parts are its own properties, since interceptors write `{ ...answer, message }`. */
function copyable<I extends DescMessage, O extends DescMessage>(
  answer: RpcUnaryResponse<I, O>,
): RpcUnaryResponse<I, O> {
  const { stream, service, method, header, trailer, message } = answer;
  return { stream, service, method, header, trailer, message };
}

/** A combined signal refers to its sources weakly, so a timeout of ours would be collected before it fires. */
const sourcesOf = new WeakMap<AbortSignal, readonly AbortSignal[]>();

function spanOf(signal: AbortSignal | undefined, timeoutMs: number | undefined): AbortSignal {
  const sources = signal ? [signal] : [];
  if (timeoutMs !== undefined && timeoutMs > 0 && timeoutMs <= maxTimerMs)
    sources.push(AbortSignal.timeout(timeoutMs));
  const span = AbortSignal.any(sources);
  sourcesOf.set(span, sources);
  return span;
}

function requestCommon(
  method: DescMethodUnary | DescMethodStreaming,
  header: RpcHeadersInit | undefined,
  contextValues: RpcContextValues | undefined,
  endpoint: Endpoint | undefined,
) {
  return {
    service: method.parent,
    requestMethod: "POST",
    url: `http://localhost/${method.parent.typeName}/${method.name}`,
    header: new Headers(header === undefined ? [] : [...headerPairs(header)]),
    contextValues: endpoint
      ? withEndpoint(contextValues, endpoint)
      : (contextValues ?? createContextValues()),
  };
}

async function* created<I extends DescMessage>(schema: I, input: AsyncIterable<MessageInitShape<I>>) {
  for await (const message of input) yield create(schema, message);
}
