import type { DescMessage, Message } from "@bufbuild/protobuf";
import type { CriErrorCode, CriErrorReason } from "../core/index.js";
import { endpointOf, type RpcInterceptor } from "../transport/index.js";
import { type RedactedMessage, Redactor } from "./redact.js";
import { type RedactOptions, resolveRedactOptions } from "./redact-options.js";
import { type RpcEnd, watchCall } from "./watch-call.js";

/** A call that is over, for a log: plain values, without secrets; `JSON.stringify` takes it. */
export interface RequestRecord {
  /** The RPC, by CRI's name: `RunPodSandbox`. */
  readonly method: string;
  /** Its service: `runtime.v1.RuntimeService`. */
  readonly service: string;
  /** The endpoint as a URL; undefined on a transport of your own. */
  readonly endpoint: string | undefined;
  /** How it ended. `left`: the reader of a stream left it, which is how endless ones end. */
  readonly end: RpcEnd;
  /** `ok`, or the code of the error. */
  readonly code: "ok" | CriErrorCode;
  /** The error's reason, as far as the transport knows it: what a runtime reported is `runtime_error`. */
  readonly reason: CriErrorReason | undefined;
  /** The error's text, with the request's secrets masked. */
  readonly error: string | undefined;
  /** From the call to its end, in milliseconds. */
  readonly durationMs: number;
  /** How many messages came back: 1 for a unary call that succeeded. */
  readonly messages: number;
  /** The request, with secrets masked; undefined with `requests: false`. */
  readonly request: RedactedMessage | undefined;
  /** The answer of a unary call, with secrets masked; undefined unless `responses: true`. */
  readonly response: RedactedMessage | undefined;
}

/** What {@link logRequests} tells, beside what is masked. */
export interface LogRequestsOptions extends RedactOptions {
  /**
   * Whether records hold the request.
   * @default true
   */
  readonly requests?: boolean | undefined;
  /**
   * Whether records hold the answer of unary calls. Lists are long: `limitItems` keeps records short.
   * @default false
   */
  readonly responses?: boolean | undefined;
}

/**
 * An interceptor that tells of every call when it is over, for `connect({ interceptors })`. It sees each try: a call
 * that is repeated is told of each time. A stream gives one record, at its end, with the number of its messages.
 *
 * A `log` that throws, or rejects, harms no call; nobody hears of it. Throws `invalid_option`.
 */
export function logRequests(
  log: (record: RequestRecord) => unknown,
  options: LogRequestsOptions = {},
): RpcInterceptor {
  const { requests = true, responses = false } = options;
  const redactor = new Redactor(resolveRedactOptions(options));
  const show = (schema: DescMessage, message: Message | undefined) =>
    message ? redactor.message(schema, message) : undefined;
  return (next) => (call) => {
    const { method, contextValues } = call;
    const began = performance.now();
    return watchCall(next, call, {
      onEnd({ kind, error, request, response, messages }) {
        const durationMs = performance.now() - began;
        const tell = async () =>
          log({
            method: method.name,
            service: method.parent.typeName,
            endpoint: endpointOf(contextValues)?.url,
            end: kind,
            code: error?.code ?? "ok",
            reason: error?.reason,
            error: error && (request ? redactor.text(error.text, method.input, request) : error.text),
            durationMs,
            messages,
            request: requests ? show(method.input, request) : undefined,
            response: responses ? show(method.output, response) : undefined,
          });
        tell().catch(() => undefined);
      },
    });
  };
}
