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
  const headers = { host: `localhost:${port}`, connection: "close", ...Object.fromEntries(wanted.headers) };
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
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
    connection.once("error", reject);
    call.once("error", reject);
    call.once("response", resolve);
    if (wanted.body) pipeline(Readable.fromWeb(wanted.body as NodeReadableStream), call).catch(reject);
    else call.end();
  });
  const status = answer.statusCode ?? 0;
  const shape = { status, statusText: answer.statusMessage ?? "", headers: headersOf(answer) };
  if (bodiless.has(status) || wanted.method === "HEAD") {
    answer.resume();
    return new Response(null, shape);
  }
  return new Response(Readable.toWeb(answer) as ReadableStream, shape);
}

function headersOf(answer: IncomingMessage): Headers {
  const headers = new Headers();
  const raw = answer.rawHeaders;
  for (let at = 0; at + 1 < raw.length; at += 2) headers.append(raw[at] ?? "", raw[at + 1] ?? "");
  return headers;
}
