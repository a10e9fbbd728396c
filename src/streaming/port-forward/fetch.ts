import { request as httpRequest, type IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream as NodeReadableStream } from "node:stream/web";
import type { ForwardedConnection } from "./connection.js";

/** Statuses whose answers have no body. */
const bodiless = new Set([101, 204, 205, 304]);

/** One HTTP request on a connection of its own, in the words of `fetch`. */
export async function fetchThrough(
  connect: (signal: AbortSignal | undefined) => Promise<ForwardedConnection>,
  port: number,
  path: string,
  init?: RequestInit,
): Promise<Response> {
  // Reads the body in all its forms, and the headers that go with it.
  const wanted = new Request(new URL(path, `http://localhost:${port}`), {
    ...init,
    ...(init?.body instanceof Object && !("duplex" in init) ? { duplex: "half" } : {}),
  });
  const { signal } = wanted;
  signal.throwIfAborted();
  const connection = await connect(signal);
  const { pathname, search } = new URL(wanted.url);
  const length = wanted.headers.has("transfer-encoding") ? undefined : lengthOf(init?.body);
  const headers = {
    host: `localhost:${port}`,
    connection: "close",
    ...Object.fromEntries(wanted.headers),
    // Not every server takes a body in chunks.
    ...(length === undefined ? {} : { "content-length": String(length) }),
  };
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    let answered: IncomingMessage | undefined;
    const call = httpRequest({
      method: wanted.method,
      path: `${pathname}${search}`,
      headers,
      createConnection: () => connection,
    });
    const abort = () => connection.destroy(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    connection.once("close", () => signal.removeEventListener("abort", abort));
    // The connection knows why it broke, the request only that it did.
    connection.once("error", (error) => {
      reject(error);
      // To node:http, a body without a length is complete however its connection ends.
      if (answered && !answered.complete) answered.destroy(error);
    });
    call.once("error", reject);
    call.once("response", (answer) => {
      answered = answer;
      resolve(answer);
    });
    if (wanted.body) pipeline(Readable.fromWeb(wanted.body as NodeReadableStream), call).catch(reject);
    else call.end();
  });
  // The connection may have been cut off together with the beginning of the answer.
  if (answer.errored) throw answer.errored;
  const status = answer.statusCode ?? 0;
  const shape = { status, statusText: answer.statusMessage ?? "", headers: headersOf(answer) };
  if (bodiless.has(status) || wanted.method === "HEAD") {
    answer.resume();
    return new Response(null, shape);
  }
  return new Response(Readable.toWeb(answer) as ReadableStream, shape);
}

/** The bytes of a body whose length is known before it is sent. */
function lengthOf(body: RequestInit["body"]): number | undefined {
  if (typeof body === "string") return Buffer.byteLength(body);
  if (body instanceof URLSearchParams) return Buffer.byteLength(body.toString());
  if (body instanceof Blob) return body.size;
  return body instanceof ArrayBuffer || ArrayBuffer.isView(body) ? body.byteLength : undefined;
}

function headersOf(answer: IncomingMessage): Headers {
  const headers = new Headers();
  const raw = answer.rawHeaders;
  for (let at = 0; at + 1 < raw.length; at += 2) headers.append(raw[at] ?? "", raw[at + 1] ?? "");
  return headers;
}
