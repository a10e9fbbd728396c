import type { DescMessage, Message } from "@bufbuild/protobuf";
import { type CriError, type CriErrorCode, codeToNumber, OptionTable, option } from "../core/index.js";
import { type Endpoint, endpointOf, type RpcInterceptor } from "../transport/index.js";
import { type CallEnd, observeCall } from "./observe-call.js";
import type {
  OpenTelemetryApi,
  OtelAttributes,
  OtelContext,
  OtelHistogram,
  OtelMeterProvider,
  OtelSpan,
  OtelTracerProvider,
} from "./otel-api.js";
import { type RedactOptions, Redactor, redactTable } from "./redact.js";

/** Where spans and metrics are sent, and what they contain. */
export interface OpenTelemetryOptions {
  /** Your copy of the API package: `import * as api from "@opentelemetry/api"`. */
  readonly api: OpenTelemetryApi;
  /**
   * The provider of the tracer.
   * @default the API's global one, also if it is registered later
   */
  readonly tracerProvider?: OtelTracerProvider | undefined;
  /**
   * The provider of the meter.
   * @default the API's global one, also if it is registered later
   */
  readonly meterProvider?: OtelMeterProvider | undefined;
  /**
   * Whether the trace context is sent to the runtime in the request headers (`traceparent`, by the API's global propagator). The spans
   * of a runtime with tracing are then children of these.
   * @default true
   */
  readonly propagate?: boolean | undefined;
  /**
   * Whether spans contain the request and a unary response as JSON, `cri.request` and `cri.response`, with secrets masked.
   * @default false
   */
  readonly payloads?: boolean | undefined;
  /** What is masked in `payloads` and in the texts of errors, and how much of the rest is shown. */
  readonly redact?: RedactOptions | undefined;
  /**
   * Whether each message of a stream is an event of its span, `rpc.message`. SDKs keep the last 128.
   * @default false: the span of a stream has the number of messages only
   */
  readonly messageEvents?: boolean | undefined;
  /**
   * Whether spans also have the attributes from before the conventions were stable: `rpc.system`, `rpc.service`,
   * `rpc.grpc.status_code`.
   * @default false
   */
  readonly oldNames?: boolean | undefined;
}

const openTelemetryTable = new OptionTable<OpenTelemetryOptions>({
  // Checks only the members that are always used.
  api: option.required((api) =>
    typeof api?.trace?.getTracerProvider === "function" && typeof api.metrics?.getMeterProvider === "function"
      ? undefined
      : 'must be the module of import * as api from "@opentelemetry/api", version 1.3 or later',
  ),
  tracerProvider: (provider) =>
    typeof provider?.getTracer === "function" ? undefined : "must be a provider with the function getTracer",
  meterProvider: (provider) =>
    typeof provider?.getMeter === "function" ? undefined : "must be a provider with the function getMeter",
  propagate: option.boolean,
  payloads: option.boolean,
  redact: option.nested(redactTable),
  messageEvents: option.boolean,
  oldNames: option.boolean,
});

/** `SpanKind.CLIENT` and `SpanStatusCode.ERROR`, which are part of the API's contract. */
const spanKindClient = 2;
const statusError = 2;

/**
 * Creates an interceptor for `connect({ interceptors })`: a client span for each call, and the histogram `rpc.client.call.duration` in
 * seconds, by OpenTelemetry's stable semantic conventions for RPC. A retried call has a span for each attempt. The span of a stream
 * lasts as long as the stream.
 *
 * Throws `invalid_option`.
 */
export function openTelemetry(options: OpenTelemetryOptions): RpcInterceptor {
  openTelemetryTable.check("openTelemetry", options);
  const { api, propagate = true, messageEvents = false, oldNames = false } = options;
  const tracer = (options.tracerProvider ?? api.trace.getTracerProvider()).getTracer("cri-sdk");
  const duration = new CallDuration(api, options.meterProvider);
  const details = new SpanDetails(options);
  return (next) => (call) => {
    const { method, contextValues, header } = call;
    const common = callAttributes(method, endpointOf(contextValues));
    const attributes = oldNames ? { ...common, ...oldCallAttributes(method) } : common;
    const outer = api.context.active();
    const startedAt = performance.now();
    const span = tracer.startSpan(fullMethod(method), { kind: spanKindClient, attributes }, outer);
    const inner = api.trace.setSpan(outer, span);
    if (propagate) inject(api, inner, header);
    const observer = {
      onMessage(count: number) {
        if (messageEvents)
          span.addEvent("rpc.message", { "rpc.message.type": "RECEIVED", "rpc.message.id": count });
      },
      onEnd(end: CallEnd) {
        try {
          const code = end.kind === "stopped" ? "canceled" : end.error?.code;
          const result = endAttributes(end.error, code);
          duration.record((performance.now() - startedAt) / 1000, { ...common, ...result }, inner);
          if (span.isRecording()) {
            span.setAttributes(oldNames ? { ...result, ...oldEndAttributes(code) } : result);
            if (call.stream) span.setAttributes({ "cri.stream.messages": end.messages });
            details.add(span, method, end);
          }
        } finally {
          span.end();
        }
      },
    };
    return api.context.with(inner, () => observeCall(next, call, observer));
  };
}

/** Adds the trace context to the headers. A propagator that throws does not fail the call: the trace ends here. */
function inject({ propagation }: OpenTelemetryApi, context: OtelContext, header: Headers): void {
  try {
    propagation.inject(context, header, { set: (to, key, value) => to.set(key, value) });
  } catch {
    // Headers that it has set before are harmless.
  }
}

/** Adds the parts of a call to its span that may contain secrets. */
class SpanDetails {
  readonly #redactor: Redactor;
  readonly #payloads: boolean;

  constructor({ payloads = false, redact }: OpenTelemetryOptions) {
    this.#redactor = new Redactor(redact);
    this.#payloads = payloads;
  }

  add(
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
    span.setStatus({ code: statusError, message: clean(error.rawMessage) });
    span.recordException(exceptionOf(error, clean));
  }

  #json(schema: DescMessage, message: Message): string {
    return JSON.stringify(this.#redactor.message(schema, message));
  }
}

function exceptionOf({ name, reason, message, stack }: CriError, clean: (text: string) => string) {
  return { code: reason, name, message: clean(message), stack: clean(stack ?? "") };
}

/** The bounds of the conventions, and longer ones for pulls and sandboxes, which take minutes. */
const boundsSeconds = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60, 120, 300,
];

/** The histogram `rpc.client.call.duration`, in seconds. */
class CallDuration {
  readonly #api: OpenTelemetryApi;
  readonly #configured: OtelMeterProvider | undefined;
  #provider: OtelMeterProvider | undefined;
  #histogram: OtelHistogram | undefined;

  constructor(api: OpenTelemetryApi, configured: OtelMeterProvider | undefined) {
    this.#api = api;
    this.#configured = configured;
  }

  record(seconds: number, attributes: OtelAttributes, context: OtelContext): void {
    // Unlike a tracer, a meter that was created before the SDK was set up never records anything.
    const provider = this.#configured ?? this.#api.metrics.getMeterProvider();
    if (provider !== this.#provider || !this.#histogram) {
      this.#provider = provider;
      this.#histogram = provider.getMeter("cri-sdk").createHistogram("rpc.client.call.duration", {
        description: "Duration of calls to the container runtime.",
        unit: "s",
        advice: { explicitBucketBoundaries: boundsSeconds },
      });
    }
    this.#histogram.record(seconds, attributes, context);
  }
}

/** The names of an RPC in the schema. */
interface RpcMethodNames {
  readonly name: string;
  readonly parent: { readonly typeName: string };
}

/** Returns the name of a span, and `rpc.method`: `runtime.v1.RuntimeService/RunPodSandbox`. */
function fullMethod({ name, parent }: RpcMethodNames): string {
  return `${parent.typeName}/${name}`;
}

/** Returns the attributes of a call at its start, by the stable semantic conventions for RPC. */
export function callAttributes(method: RpcMethodNames, endpoint: Endpoint | undefined): OtelAttributes {
  return { "rpc.system.name": "grpc", "rpc.method": fullMethod(method), ...serverAttributes(endpoint) };
}

function serverAttributes(endpoint: Endpoint | undefined): OtelAttributes {
  switch (endpoint?.kind) {
    case undefined:
      return {};
    case "tcp":
      return { "server.address": endpoint.host, "server.port": endpoint.port, "network.transport": "tcp" };
    case "pipe":
      return { "server.address": endpoint.path, "network.transport": "pipe" };
    case "unix":
      return { "server.address": endpoint.path, "network.transport": "unix" };
    case "abstract":
      return { "server.address": `@${endpoint.name}`, "network.transport": "unix" };
  }
}

/** Returns the attributes of a call at its end. `code` is undefined for a successful call. */
function endAttributes(error: CriError | undefined, code: CriErrorCode | undefined): OtelAttributes {
  const status = { "rpc.response.status_code": statusName(code) };
  return error ? { ...status, "error.type": errorType(error) } : status;
}

/** Returns the error's reason; for an error that the runtime reported, its status. */
function errorType({ reason, code }: CriError): string {
  return reason === "runtime_error" ? statusName(code) : reason;
}

/** Returns gRPC's name of a status: `OK`, `NOT_FOUND`. gRPC spells CANCELLED with two L. */
function statusName(code: CriErrorCode | undefined): string {
  if (code === "canceled") return "CANCELLED";
  return code?.toUpperCase() ?? "OK";
}

/** Returns the attributes of a call at its start, by the conventions before they became stable. */
function oldCallAttributes({ parent }: RpcMethodNames): OtelAttributes {
  return { "rpc.system": "grpc", "rpc.service": parent.typeName };
}

/** Returns the attributes of a call at its end, by the conventions before they became stable. */
function oldEndAttributes(code: CriErrorCode | undefined): OtelAttributes {
  return { "rpc.grpc.status_code": code ? codeToNumber(code) : 0 };
}
