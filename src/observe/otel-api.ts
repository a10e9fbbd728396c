// The part of `@opentelemetry/api` that is used, declared here so that users without that package can compile against ours. A type
// test checks that the package's own types fit.

/** OpenTelemetry's `Context`: the current position in a trace. */
export interface OtelContext {
  getValue(key: symbol): unknown;
  setValue(key: symbol, value: unknown): OtelContext;
  deleteValue(key: symbol): OtelContext;
}

/** OpenTelemetry's `Attributes` of a span, an event or a measurement. */
export type OtelAttributes = Record<string, string | number | boolean>;

/** OpenTelemetry's `Span`. */
export interface OtelSpan {
  isRecording(): boolean;
  setAttributes(attributes: OtelAttributes): unknown;
  addEvent(name: string, attributes: OtelAttributes): unknown;
  setStatus(status: { code: number; message: string }): unknown;
  recordException(exception: { code: string; name: string; message: string; stack: string }): void;
  end(): void;
}

/** OpenTelemetry's `Tracer`. */
export interface OtelTracer {
  startSpan(
    name: string,
    options: { kind: number; attributes: OtelAttributes },
    context: OtelContext,
  ): OtelSpan;
}

/** OpenTelemetry's `TracerProvider`. */
export interface OtelTracerProvider {
  getTracer(name: string): OtelTracer;
}

/** OpenTelemetry's `Histogram`. */
export interface OtelHistogram {
  record(value: number, attributes: OtelAttributes, context: OtelContext): void;
}

/** OpenTelemetry's `MeterProvider`. */
export interface OtelMeterProvider {
  getMeter(name: string): {
    createHistogram(
      name: string,
      options: { description: string; unit: string; advice: { explicitBucketBoundaries: number[] } },
    ): OtelHistogram;
  };
}

/** The module of `import * as api from "@opentelemetry/api"`, version 1.3 or later. */
export interface OpenTelemetryApi {
  /** The current context. */
  readonly context: {
    /** Returns the current context. */
    active(): OtelContext;
    /** Calls a function with another context as the current one. */
    with<T>(context: OtelContext, work: () => T): T;
  };
  /** Where tracers come from. */
  readonly trace: {
    /** Returns the global provider. */
    getTracerProvider(): OtelTracerProvider;
    /** Returns a context in which the span is the current one. */
    setSpan(context: OtelContext, span: OtelSpan): OtelContext;
  };
  /** How the trace travels to the runtime. */
  readonly propagation: {
    /** Writes the trace context to a carrier, such as the metadata of a call. */
    inject<Carrier>(
      context: OtelContext,
      carrier: Carrier,
      setter: {
        /** Sets a field of the carrier. */
        set(carrier: Carrier, key: string, value: string): void;
      },
    ): void;
  };
  /** Where meters come from. */
  readonly metrics: {
    /** Returns the global provider. */
    getMeterProvider(): OtelMeterProvider;
  };
}
