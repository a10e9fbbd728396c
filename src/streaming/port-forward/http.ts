import { Agent, type ClientRequestArgs, request as httpRequest, type IncomingMessage } from "node:http";
import { type Duplex, pipeline, Readable, Transform } from "node:stream";
import type { ReadableStream as NodeReadableStream } from "node:stream/web";
import { types } from "node:util";
import { codeOf, OptionTable, onAbort, option, tagOf } from "../../core/index.js";
import { streamLost } from "../errors.js";
import type { ForwardedConnection } from "./connection.js";
import type { PortForwardOptions } from "./options.js";

/** An agent whose connections lead to a pod: the port of a request is the pod's port, and the host is ignored. */
export class ForwardAgent extends Agent {
  readonly #connect: (port: number) => Promise<ForwardedConnection>;

  constructor(connect: (port: number) => Promise<ForwardedConnection>) {
    super({ keepAlive: true });
    this.#connect = connect;
  }

  override createConnection(
    options: ClientRequestArgs,
    callback?: (error: Error | null, connection: Duplex) => void,
  ): undefined {
    const done = callback as ((error: Error | null, connection?: Duplex) => void) | undefined;
    this.#connect(Number(options.port ?? 80)).then(
      (connection) => done?.(null, connection),
      (error: Error) => done?.(error),
    );
    return undefined;
  }
}

/** The `init` of {@link PortForward.fetch}. */
export type FetchInit = RequestInit & Pick<PortForwardOptions, "portWaitMs">;

/** The options of {@link FetchInit}. The global `Request` checks the values of its own. */
const fetchTable = new OptionTable<FetchInit>({
  portWaitMs: option.milliseconds,
  body: option.any,
  credentials: option.any,
  dispatcher: option.any,
  duplex: option.any,
  headers: option.any,
  integrity: option.any,
  keepalive: option.any,
  method: option.any,
  mode: option.any,
  redirect: option.any,
  referrer: option.any,
  referrerPolicy: option.any,
  signal: option.any,
  window: option.any,
});

/** Throws `invalid_option` for an unknown option. */
export function checkFetchInit(init: FetchInit): void {
  // As for the global fetch, null is as good as absent.
  const given = Object.entries(init ?? {}).filter(([name, value]) => value !== null || name === "portWaitMs");
  fetchTable.check("fetch", Object.fromEntries(given));
}

/** Statuses of responses without a body. */
const bodilessStatuses = new Set([101, 204, 205, 304]);

/** Sends one HTTP request on its own connection, with the signature of `fetch`. */
export async function fetchThrough(
  connect: (signal: AbortSignal | undefined) => Promise<ForwardedConnection>,
  port: number,
  path: string,
  init?: RequestInit,
): Promise<Response> {
  // Converts every kind of body to a stream, and adds the headers that belong to it.
  const request = new Request(new URL(path, `http://localhost:${port}`), {
    ...init,
    ...(typeof init?.body === "object" && init.body !== null && !("duplex" in init)
      ? { duplex: "half" }
      : {}),
  });
  const { signal } = request;
  signal.throwIfAborted();
  const connection = await connect(signal).catch((error: unknown) => {
    // As the global fetch: an abort rejects with the reason of the signal, whenever it happens.
    signal.throwIfAborted();
    throw error;
  });
  const { pathname, search } = new URL(request.url);
  const length = request.headers.has("transfer-encoding") ? undefined : lengthOf(init?.body);
  const headers = {
    host: `localhost:${port}`,
    connection: "close",
    ...Object.fromEntries(request.headers),
    // Some servers do not accept a chunked body.
    ...(length === undefined ? {} : { "content-length": String(length) }),
  };
  const { response, body } = await new Promise<ReceivedResponse>((resolve, reject) => {
    const call = httpRequest({
      method: request.method,
      path: `${pathname}${search}`,
      headers,
      createConnection: () => connection,
    });
    const removeCallback = onAbort(signal, () => connection.destroy(signal.reason));
    connection.once("close", removeCallback);
    // The connection's error has the reason; the request's error would only report that the socket hung up.
    connection.once("error", reject);
    call.on("error", (error) => reject(connection.errored ?? withoutResponse(error, port)));
    // At once: the connection may have broken together with the beginning of the response.
    call.once("response", (response) => resolve({ response, body: bodyOf(response, connection) }));
    const sent = (error: unknown) => error && reject(connection.errored ?? error);
    if (request.body) pipeline(Readable.fromWeb(request.body as NodeReadableStream), call, sent);
    else call.end();
  });
  if (body.errored) throw body.errored;
  const status = response.statusCode ?? 0;
  const responseInit = { status, statusText: response.statusMessage ?? "", headers: headersOf(response) };
  if (bodilessStatuses.has(status) || request.method === "HEAD") {
    body.resume();
    return new Response(null, responseInit);
  }
  return new Response(Readable.toWeb(body) as ReadableStream, responseInit);
}

/** Returns the typed error for a port that ended the connection normally instead of sending a response. */
function withoutResponse(cause: Error, port: number): Error {
  if (codeOf(cause) !== "ECONNRESET") return cause;
  return streamLost(`port ${port} of the pod ended the connection before it responded`, { cause });
}

interface ReceivedResponse {
  readonly response: IncomingMessage;
  readonly body: Readable;
}

/**
 * The body of a response. node:http takes a body without a length as complete when its connection ends, even with an error, and its
 * releases differ in which of the two they report first.
 */
function bodyOf(response: IncomingMessage, connection: ForwardedConnection): Readable {
  const hasLength = "content-length" in response.headers || "transfer-encoding" in response.headers;
  const body = new Transform({
    transform: (part, _encoding, done) => done(null, part),
    flush: (done) => done(hasLength ? null : connection.errored),
  });
  // Comes before the listener of the pipeline, whose error would only report that the socket hung up.
  response.once("error", (error) => body.destroy(connection.errored ?? error));
  pipeline(response, body, () => undefined);
  // Until the body has a reader, its error has no other listener.
  body.on("error", () => undefined);
  return body;
}

/** Returns the bytes of a body whose length is known in advance. */
function lengthOf(body: RequestInit["body"]): number | undefined {
  if (typeof body === "string") return Buffer.byteLength(body);
  if (tagOf(body) === "URLSearchParams") return Buffer.byteLength(String(body));
  if (isBlob(body)) return body.size;
  return types.isAnyArrayBuffer(body) || ArrayBuffer.isView(body) ? body.byteLength : undefined;
}

function isBlob(body: unknown): body is Blob {
  return /^(?:Blob|File)$/.test(tagOf(body));
}

function headersOf({ rawHeaders }: IncomingMessage): Headers {
  const headers = new Headers();
  for (let index = 0; index + 1 < rawHeaders.length; index += 2)
    headers.append(rawHeaders[index] ?? "", rawHeaders[index + 1] ?? "");
  return headers;
}
