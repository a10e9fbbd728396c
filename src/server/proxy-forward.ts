import type {
  DescMessage,
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { type EmptySchema as EmptyDesc, EmptySchema } from "@bufbuild/protobuf/wkt";
import { fromTransportError, type RpcTransport } from "../transport/index.js";
import type { CallContext } from "./implementation.js";

/** Forwards calls as they came: their deadline, their end, their metadata. Fails with a `CriError`. */
export class Upstream {
  readonly #transport: RpcTransport;

  constructor(transport: RpcTransport) {
    this.#transport = transport;
  }

  async unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    context: CallContext,
  ): Promise<MessageShape<O>> {
    try {
      const [timeoutMs, headers] = [remainingMs(context), forwarded(context)];
      return (await this.#transport.unary(method, context.signal, timeoutMs, headers, request)).message;
    } catch (error) {
      throw fromTransportError(error, { method: method.name });
    }
  }

  async *stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodServerStreaming<I, O>,
    request: MessageInitShape<I>,
    context: CallContext,
  ): AsyncGenerator<MessageShape<O>> {
    const { signal } = context;
    // An override may leave the upstream's stream, and go on with its own.
    const stop = new AbortController();
    const abort = () => stop.abort(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    try {
      const [timeoutMs, headers] = [remainingMs(context), forwarded(context)];
      const answer = await this.#transport.stream(method, stop.signal, timeoutMs, headers, one(request));
      yield* answer.message;
    } catch (error) {
      throw fromTransportError(error, { method: method.name });
    } finally {
      signal.removeEventListener("abort", abort);
      stop.abort();
    }
  }

  /** Forwards an RPC that no schema describes: its fields are unknown ones, and keep their bytes and their order. */
  async *raw(request: Uint8Array, context: CallContext, path: string): AsyncGenerator<Uint8Array> {
    for await (const message of this.stream(rawMethod(path), fromBinary(EmptySchema, request), context))
      yield toBinary(EmptySchema, message);
  }
}

/** On the wire a unary RPC is a stream of one message. */
function rawMethod(path: string): DescMethodServerStreaming<typeof EmptyDesc, typeof EmptyDesc> {
  const [, service = "", name = ""] = /^\/(.*)\/(.*)$/.exec(path) ?? [];
  const parent = { kind: "service", typeName: service, name: service, methods: [] };
  return {
    kind: "rpc",
    methodKind: "server_streaming",
    name,
    localName: name,
    parent: parent as unknown as DescService,
    input: EmptySchema,
    output: EmptySchema,
    idempotency: 0,
    deprecated: false,
    toString: () => `rpc ${service}.${name}`,
  } as unknown as DescMethodServerStreaming<typeof EmptyDesc, typeof EmptyDesc>;
}

function remainingMs({ deadline }: CallContext): number | undefined {
  return deadline && Math.max(1, deadline.getTime() - Date.now());
}

/** What is about one connection, or the next one's own affair. */
const ownHeaders = new Set([
  "accept-encoding",
  "connection",
  "content-length",
  "content-type",
  "host",
  "keep-alive",
  "proxy-connection",
  "te",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
]);

/** The caller's metadata, without what HTTP/2 would not carry on. */
function forwarded({ headers }: CallContext): Record<string, string> {
  const passes = ([name, value]: readonly [string, string]) =>
    !ownHeaders.has(name) && /^[0-9a-z_.-]+$/.test(name) && /^[\t\x20-\x7e]*$/.test(value);
  return Object.fromEntries(Object.entries(headers).filter(passes));
}

async function* one<T>(value: T): AsyncGenerator<T> {
  yield value;
}
