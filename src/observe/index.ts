export { isTraced, type RpcDiagnostics, traceStream, traceUnary } from "./diagnostics.js";
export { type LogRequestsOptions, logRequests, type RequestRecord } from "./log-requests.js";
export type { RpcEnd } from "./observe-call.js";
export { type OpenTelemetryOptions, openTelemetry } from "./open-telemetry.js";
export type { OpenTelemetryApi } from "./otel-api.js";
export {
  accessUrls,
  type RedactedMessage,
  type RedactedValue,
  type RedactOptions,
  Redactor,
  redact,
  schemaField,
  withoutCredentials,
} from "./redact.js";
