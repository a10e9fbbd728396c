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
import { linkedController } from "../core/index.js";
import { fromTransportError, type RpcTransport } from "../transport/index.js";
import type { CallContext } from "./implementation.js";

/** Forwards calls to another runtime with their deadline, cancellation and metadata. Rejects with `CriError`. */
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
      const [timeoutMs, headers] = [remainingMs(context), forwardedHeaders(context)];
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
    // An override may stop reading the upstream's stream before its own ends.
    const controller = linkedController(context.signal);
    try {
      const [timeoutMs, headers] = [remainingMs(context), forwardedHeaders(context)];
      const response = await this.#transport.stream(
        method,
        controller.signal,
        timeoutMs,
        headers,
        one(request),
      );
      yield* response.message;
    } catch (error) {
      throw fromTransportError(error, { method: method.name });
    } finally {
      controller.unlink();
      controller.abort();
    }
  }

  /** Forwards an RPC that the schema does not contain: as unknown fields, its bytes keep their values and order. */
  async *raw(request: Uint8Array, context: CallContext, path: string): AsyncGenerator<Uint8Array> {
    for await (const message of this.stream(rawMethod(path), fromBinary(EmptySchema, request), context))
      yield toBinary(EmptySchema, message);
  }
}

/** Describes an unknown RPC as server-streaming: on the wire, a unary RPC is a stream of one message. */
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

/** Headers that belong to one connection and must not be forwarded. */
const hopHeaders = new Set([
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

/** Returns the caller's metadata without connection headers and without names and values that HTTP/2 forbids. */
function forwardedHeaders({ headers }: CallContext): Record<string, string> {
  const passes = ([name, value]: readonly [string, string]) =>
    !hopHeaders.has(name) && /^[0-9a-z_.-]+$/.test(name) && /^[\t\x20-\x7e]*$/.test(value);
  return Object.fromEntries(Object.entries(headers).filter(passes));
}

async function* one<T>(value: T): AsyncGenerator<T> {
  yield value;
}
