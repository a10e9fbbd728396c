// Compiled, never run: OpenTelemetry's own API and SDK must be assignable to our copy of the types.
import * as api from "@opentelemetry/api";
import type { MeterProvider } from "@opentelemetry/sdk-metrics";
import type { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { openTelemetry } from "../../src/observe/index.js";
import type { OpenTelemetryApi, OtelContext, OtelSpan } from "../../src/observe/otel-api.js";

declare const tracerProvider: BasicTracerProvider;
declare const meterProvider: MeterProvider;
declare const theirSpan: api.Span;
declare const theirContext: api.Context;
declare const ourContext: OtelContext;

export const apiToUs: OpenTelemetryApi = api;
export const spanToUs: OtelSpan = theirSpan;
export const contextToUs: OtelContext = theirContext;
export const contextToThem: api.Context = ourContext;
// The numbers that our code contains as literals.
export const client: 2 = api.SpanKind.CLIENT;
export const error: 2 = api.SpanStatusCode.ERROR;
export const interceptor = openTelemetry({ api, tracerProvider, meterProvider });
