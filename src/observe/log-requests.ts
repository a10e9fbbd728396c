import type { DescMessage, Message } from "@bufbuild/protobuf";
import { type CriErrorCode, type CriErrorReason, checkArgument, OptionTable, option } from "../core/index.js";
import { endpointOf, type RpcInterceptor } from "../transport/index.js";
import { observeCall, type RpcEnd } from "./observe-call.js";
import { type RedactedMessage, type RedactOptions, Redactor, redactTable } from "./redact.js";

/** The log record of a call that ended: plain values without secrets, ready for `JSON.stringify`. */
export interface RequestRecord {
  /** The RPC, by CRI's name: `RunPodSandbox`. */
  readonly method: string;
  /** Its service: `runtime.v1.RuntimeService`. */
  readonly service: string;
  /** The endpoint as a URL; undefined for a custom transport. */
  readonly endpoint: string | undefined;
  /** How the call ended. `stopped`: the consumer stopped reading the stream, which is the usual end of an event stream. */
  readonly end: RpcEnd;
  /** `ok`, or the code of the error. */
  readonly code: "ok" | CriErrorCode;
  /** The error's reason as the transport knows it: an error that the runtime reported is `runtime_error`. */
  readonly reason: CriErrorReason | undefined;
  /** The error's text, with the request's secrets masked. */
  readonly error: string | undefined;
  /** From the call to its end, in milliseconds. */
  readonly durationMs: number;
  /** The number of response messages: 1 for a successful unary call. */
  readonly messages: number;
  /** The request, with secrets masked; undefined with `requests: false`. */
  readonly request: RedactedMessage | undefined;
  /** The response of a unary call, with secrets masked; undefined unless `responses: true`. */
  readonly response: RedactedMessage | undefined;
}

/** The content of the records of {@link logRequests}. */
export interface LogRequestsOptions extends RedactOptions {
  /**
   * Whether records contain the request.
   * @default true
   */
  readonly requests?: boolean | undefined;
  /**
   * Whether records contain the response of unary calls. `limitItems` keeps those of lists short.
   * @default false
   */
  readonly responses?: boolean | undefined;
}

const logRequestsTable = new OptionTable<LogRequestsOptions>({
  ...redactTable.checks,
  requests: option.boolean,
  responses: option.boolean,
});

/**
 * Creates an interceptor for `connect({ interceptors })` that logs every call at its end. A retried call has a record for each
 * attempt; a stream has one, with the number of its messages.
 *
 * A `log` that throws or rejects does not affect the call, and its error is ignored. Throws `invalid_option`.
 */
export function logRequests(
  log: (record: RequestRecord) => unknown,
  options: LogRequestsOptions = {},
): RpcInterceptor {
  checkArgument("logRequests", "log", log, option.callback);
  logRequestsTable.check("logRequests", options);
  const { requests = true, responses = false } = options;
  const redactor = new Redactor(options);
  const show = (schema: DescMessage, message: Message | undefined) =>
    message ? redactor.message(schema, message) : undefined;
  return (next) => (call) => {
    const { method, contextValues } = call;
    const startedAt = performance.now();
    return observeCall(next, call, {
      onEnd({ kind, error, request, response, messages }) {
        const durationMs = performance.now() - startedAt;
        const write = async () =>
          log({
            method: method.name,
            service: method.parent.typeName,
            endpoint: endpointOf(contextValues)?.url,
            end: kind,
            code: error?.code ?? "ok",
            reason: error?.reason,
            error:
              error && (request ? redactor.text(error.rawMessage, method.input, request) : error.rawMessage),
            durationMs,
            messages,
            request: requests ? show(method.input, request) : undefined,
            response: responses ? show(method.output, response) : undefined,
          });
        write().catch(() => undefined);
      },
    });
  };
}
