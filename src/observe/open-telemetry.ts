import type { DescMessage, Message } from "@bufbuild/protobuf";
import { type CriError, invalidOption } from "../core/index.js";
import { endpointOf, type RpcInterceptor } from "../transport/index.js";
import type {
  OpenTelemetryApi,
  OtelAttributes,
  OtelContext,
  OtelMeterProvider,
  OtelSpan,
  OtelTracerProvider,
} from "./otel-api.js";
import { CallDuration } from "./otel-duration.js";
import {
  callAttributes,
  endAttributes,
  fullMethod,
  oldCallAttributes,
  oldEndAttributes,
} from "./otel-names.js";
import { Redactor } from "./redact.js";
import { type RedactOptions, resolveRedactOptions } from "./redact-options.js";
import { type CallEnd, watchCall } from "./watch-call.js";

/** Where spans and figures go, and what is in them. */
export interface OpenTelemetryOptions {
  /** The API package, your copy of it: `import * as api from "@opentelemetry/api"`. */
  readonly api: OpenTelemetryApi;
  /**
   * Where spans go.
   * @default the API's global one, also if it is set up later
   */
  readonly tracerProvider?: OtelTracerProvider | undefined;
  /**
   * Where figures go.
   * @default the API's global one, also if it is set up later
   */
  readonly meterProvider?: OtelMeterProvider | undefined;
  /**
   * Whether the trace's context travels to the runtime in the request's headers (`traceparent`, by the API's global
   * propagator). Runtimes that trace put their spans below ours.
   * @default true
   */
  readonly propagate?: boolean | undefined;
  /**
   * Whether spans have the request and a unary answer as JSON, `cri.request` and `cri.response`, with secrets masked.
   * @default false
   */
  readonly payloads?: boolean | undefined;
  /** What is masked and how much is shown of `payloads`; what is masked does not stand in texts of errors either. */
  readonly redact?: RedactOptions | undefined;
  /**
   * Whether each message of a stream is an event of its span, `rpc.message`. SDKs keep the last 128.
   * @default false: spans of streams have the number of messages
   */
  readonly messageEvents?: boolean | undefined;
  /**
   * Whether spans also have the attributes of before the conventions were stable: `rpc.system`, `rpc.service`,
   * `rpc.grpc.status_code`.
   * @default false
   */
  readonly oldNames?: boolean | undefined;
}

/** `SpanKind.CLIENT` and `SpanStatusCode.ERROR`: numbers of the API that never change. */
const client = 2;
const failed = 2;

/**
 * An interceptor for `connect({ interceptors })`: a client span for each call, and the histogram
 * `rpc.client.call.duration` in seconds, by OpenTelemetry's stable semantic conventions for RPC. A call that is repeated
 * has a span for each try. The span of a stream lasts as long as the stream.
 *
 * Throws `invalid_option`.
 */
export function openTelemetry(options: OpenTelemetryOptions): RpcInterceptor {
  const { api, propagate = true, messageEvents = false, oldNames = false } = options;
  // Users without types reach this; the object is looked at only as far as it is used.
  if (
    typeof api?.trace?.getTracerProvider !== "function" ||
    typeof api.metrics?.getMeterProvider !== "function"
  )
    throw invalidOption(
      "api",
      api,
      'must be what import * as api from "@opentelemetry/api" gives, 1.3 or later',
    );
  const tracer = (options.tracerProvider ?? api.trace.getTracerProvider()).getTracer("cri-sdk");
  const duration = new CallDuration(api, options.meterProvider);
  const describe = new Describer(options);
  return (next) => (call) => {
    const { method, contextValues, header } = call;
    const about = callAttributes(method, endpointOf(contextValues));
    const attributes = oldNames ? { ...about, ...oldCallAttributes(method) } : about;
    const outer = api.context.active();
    const began = performance.now();
    const span = tracer.startSpan(fullMethod(method), { kind: client, attributes }, outer);
    const inner = api.trace.setSpan(outer, span);
    if (propagate) inject(api, inner, header);
    const watcher = {
      onMessage(count: number) {
        if (messageEvents)
          span.addEvent("rpc.message", { "rpc.message.type": "RECEIVED", "rpc.message.id": count });
      },
      onEnd(end: CallEnd) {
        try {
          const code = end.kind === "left" ? "canceled" : end.error?.code;
          const how = endAttributes(end.error, code);
          duration.record((performance.now() - began) / 1000, { ...about, ...how }, inner);
          if (span.isRecording()) {
            span.setAttributes(oldNames ? { ...how, ...oldEndAttributes(code) } : how);
            if (call.stream) span.setAttributes({ "cri.stream.messages": end.messages });
            describe.end(span, method, end);
          }
        } finally {
          span.end();
        }
      },
    };
    return api.context.with(inner, () => watchCall(next, call, watcher));
  };
}

/** A propagator that throws is no reason for a call to fail: its trace ends here. */
function inject({ propagation }: OpenTelemetryApi, context: OtelContext, header: Headers): void {
  try {
    propagation.inject(context, header, { set: (to, key, value) => to.set(key, value) });
  } catch {
    // What it had set by then is in the headers, and does no harm.
  }
}

/** Puts on a span what may hold secrets. */
class Describer {
  readonly #redactor: Redactor;
  readonly #payloads: boolean;

  constructor({ payloads = false, redact }: OpenTelemetryOptions) {
    this.#redactor = new Redactor(resolveRedactOptions(redact));
    this.#payloads = payloads;
  }

  end(
    span: OtelSpan,
    { input, output }: { readonly input: DescMessage; readonly output: DescMessage },
    { error, request, response }: CallEnd,
  ): void {
    if (this.#payloads) {
      const payloads: OtelAttributes = {};
      if (request) payloads["cri.request"] = this.#json(input, request);
      if (response) payloads["cri.response"] = this.#json(output, response);
      span.setAttributes(payloads);
    }
    if (!error) return;
    const clean = (text: string) => (request ? this.#redactor.text(text, input, request) : text);
    span.setStatus({ code: failed, message: clean(error.text) });
    span.recordException(exceptionOf(error, clean));
  }

  #json(schema: DescMessage, message: Message): string {
    return JSON.stringify(this.#redactor.message(schema, message));
  }
}

function exceptionOf({ name, reason, message, stack }: CriError, clean: (text: string) => string) {
  return { code: reason, name, message: clean(message), stack: clean(stack ?? "") };
}
