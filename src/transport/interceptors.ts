import type { DescMessage, DescMethodStreaming, DescMethodUnary, MessageInitShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import { createContextKey, createContextValues } from "@connectrpc/connect";
import { abortError, CancellationScope, maxTimerMs, raceAbort } from "../core/index.js";
import { checkMethod, toConnectError } from "./connect-errors.js";
import type {
  RpcContextKey,
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
import { headerPairs } from "./headers.js";

const endpointKey: RpcContextKey<Endpoint | undefined> = createContextKey<Endpoint | undefined>(undefined, {
  description: "cri-sdk: endpoint",
});

/** Returns the endpoint of a call, for interceptors: for a socket file, the request's URL does not contain it. */
export function endpointOf(values: RpcContextValues): Endpoint | undefined {
  return values.get(endpointKey);
}

/** Returns a call's context values with its endpoint added. The caller's object stays unchanged, because calls may share it. */
function withEndpoint(values: RpcContextValues | undefined, endpoint: Endpoint): RpcContextValues {
  if (!values) return createContextValues().set(endpointKey, endpoint);
  const own = createContextValues().set(endpointKey, endpoint);
  const both: RpcContextValues = {
    get: (key) => (key.id === endpointKey.id ? own : values).get(key),
    set(key, value) {
      (key.id === endpointKey.id ? own : values).set(key, value);
      return both;
    },
    delete(key) {
      (key.id === endpointKey.id ? own : values).delete(key);
      return both;
    },
  };
  return both;
}

/**
 * Wraps a transport in interceptors, outermost first; without interceptors, returns the transport itself. Interceptors read the
 * endpoint with {@link endpointOf}.
 */
export function withInterceptors(
  transport: RpcTransport,
  interceptors: readonly RpcInterceptor[],
  endpoint?: Endpoint,
): RpcTransport {
  if (interceptors.length === 0) return transport;
  const intercept = (last: RpcNext) =>
    interceptors.reduceRight((next, interceptor) => interceptor(next), last);
  return {
    async unary<I extends DescMessage, O extends DescMessage>(
      method: DescMethodUnary<I, O>,
      signal: AbortSignal | undefined,
      timeoutMs: number | undefined,
      header: RpcHeadersInit | undefined,
      input: MessageInitShape<I>,
      contextValues?: RpcContextValues,
    ): Promise<RpcUnaryResponse<I, O>> {
      checkMethod("unary", method);
      const scope = new CancellationScope(timeoutMs, signal);
      const controller = new AbortController();
      if (scope.stopped) controller.abort(scope.stopped);
      scope.onStop({ cancel: (error) => controller.abort(error) });
      const next = intercept(async (sent) => {
        const { signal, header, message, contextValues } = sent as RpcUnaryRequest<I, O>;
        const timeoutMs = scope.remainingMs;
        return copyable(await transport.unary(method, signal, timeoutMs, header, message, contextValues));
      });
      try {
        const message = create(method.input, input);
        const common = requestCommon(method, header, contextValues, endpoint);
        const response = next({ ...common, stream: false, method, message, signal: controller.signal });
        return (await orAborted(response, controller.signal)) as RpcUnaryResponse<I, O>;
      } catch (error) {
        throw toConnectError(error);
      } finally {
        scope.end();
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
      checkMethod("stream", method);
      const combined = combinedSignal(signal, timeoutMs);
      const next = intercept((sent) => {
        const { signal, header, message, contextValues } = sent as RpcStreamRequest<I, O>;
        return transport.stream(method, signal, timeoutMs, header, message, contextValues);
      });
      try {
        const common = requestCommon(method, header, contextValues, endpoint);
        const response = next({
          ...common,
          stream: true,
          method,
          message: created(method.input, input),
          signal: combined,
        });
        return (await orAborted(response, combined)) as RpcStreamResponse<I, O>;
      } catch (error) {
        throw toConnectError(error);
      }
    },
  };
}

/**
 * Waits for the response, but rejects shortly after the signal fires, even if an interceptor waits for something and ignores it. The
 * delay lets the call's own error, which explains more, win.
 */
function orAborted<T>(response: Promise<T>, signal: AbortSignal): Promise<T> {
  return raceAbort(response, signal, (reject) => void setImmediate(() => reject(abortError(signal))));
}

/** Copies a response to own properties, because interceptors write `{ ...response, message }`. */
function copyable<I extends DescMessage, O extends DescMessage>(
  response: RpcUnaryResponse<I, O>,
): RpcUnaryResponse<I, O> {
  const { stream, service, method, header, trailer, message } = response;
  return { stream, service, method, header, trailer, message };
}

/** Keeps the sources of combined signals: a combined signal refers to them weakly, so its timeout could be collected before it fires. */
const sourcesOf = new WeakMap<AbortSignal, readonly AbortSignal[]>();

function combinedSignal(signal: AbortSignal | undefined, timeoutMs: number | undefined): AbortSignal {
  const sources = signal ? [signal] : [];
  if (timeoutMs !== undefined && timeoutMs > 0 && timeoutMs <= maxTimerMs)
    sources.push(AbortSignal.timeout(timeoutMs));
  const combined = AbortSignal.any(sources);
  sourcesOf.set(combined, sources);
  return combined;
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
