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
  readonly context: { active(): OtelContext; with<T>(context: OtelContext, work: () => T): T };
  readonly trace: {
    getTracerProvider(): OtelTracerProvider;
    setSpan(context: OtelContext, span: OtelSpan): OtelContext;
  };
  readonly propagation: {
    inject<Carrier>(
      context: OtelContext,
      carrier: Carrier,
      setter: { set(carrier: Carrier, key: string, value: string): void },
    ): void;
  };
  readonly metrics: { getMeterProvider(): OtelMeterProvider };
}
