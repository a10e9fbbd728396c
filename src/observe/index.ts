export { isTraced, type RpcDiagnostics, traceStream, traceUnary } from "./diagnostics.js";
export { type LogRequestsOptions, logRequests, type RequestRecord } from "./log-requests.js";
export { type OpenTelemetryOptions, openTelemetry } from "./open-telemetry.js";
export type {
  OpenTelemetryApi,
  OtelAttributes,
  OtelContext,
  OtelHistogram,
  OtelMeterProvider,
  OtelSpan,
  OtelTracer,
  OtelTracerProvider,
} from "./otel-api.js";
export { type RedactedMessage, type RedactedValue, redact } from "./redact.js";
export { withoutCredentials } from "./redact-error.js";
export type { RedactOptions } from "./redact-options.js";
export type { RpcEnd } from "./watch-call.js";
