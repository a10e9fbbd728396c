import type { IncomingMessage, ServerResponse } from "node:http";
import { ApiError, badRequest } from "./api-error.js";
import type { AuditEntry } from "./audit.js";
import { errorOf, type Failure } from "./faults.js";
import { isObject, type JsonObject, type JsonValue, numberAt, objectAt } from "./json.js";
import { type DeleteOptions, type PatchKind, patchTypes } from "./objects-api.js";
import type { RequestInfo } from "./request-info.js";
import type { User } from "./users.js";

/** A request that is being answered. */
export interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly info: RequestInfo;
  readonly user: User;
  readonly body: Buffer;
  readonly entry: AuditEntry;
  /** The failure that is answered in place of the result. */
  readonly failure: Failure | undefined;
}

const maxBodyBytes = 3 * 2 ** 20;

/** Reads the body of a request. */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.byteLength;
    if (bytes > maxBodyBytes)
      throw new ApiError(413, "RequestEntityTooLarge", `Request entity too large: limit is ${maxBodyBytes}`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** Returns the body as JSON; undefined for one that is not, and without a body. */
export function parsedOrUndefined(body: Buffer): JsonValue | undefined {
  if (body.byteLength === 0) return undefined;
  try {
    return JSON.parse(body.toString()) as JsonValue;
  } catch {
    return undefined;
  }
}

/** Returns the body as JSON. */
export function parsed({ body, request }: Call): JsonValue {
  const type = mediaType(request);
  if (/protobuf|yaml|cbor/.test(type))
    throw new ApiError(
      415,
      "UnsupportedMediaType",
      `the body of the request was in an unknown format - accepted media types include: application/json, ${Object.keys(patchTypes).join(", ")}`,
    );
  const value = parsedOrUndefined(body);
  if (value === undefined) throw badRequest("the object provided is unrecognized: it is not JSON");
  return value;
}

/** Returns the body as a JSON object. */
export function parsedObject(call: Call): JsonObject {
  const value = parsed(call);
  if (!isObject(value)) throw badRequest("the object provided is unrecognized: it must be an object");
  return value;
}

function mediaType(request: IncomingMessage): string {
  return (request.headers["content-type"] ?? "").split(";")[0]?.trim() ?? "";
}

/** Returns the format of a patch. Server-side apply is none of them. */
export function patchKind(request: IncomingMessage): PatchKind {
  const type = mediaType(request);
  const found = Object.entries(patchTypes).find(([name]) => name === type)?.[1];
  if (found) return found;
  throw new ApiError(
    415,
    "UnsupportedMediaType",
    `the body of the request was in an unknown format - accepted media types include: ${Object.keys(patchTypes).join(", ")}`,
  );
}

/** Returns the options of a deletion: of the body, else of the query. */
export function deleteOptions(call: Call): DeleteOptions {
  const { query } = call.info;
  const inBody = call.body.byteLength > 0 ? readDeleteOptions(parsedObject(call)) : {};
  const seconds = query.get("gracePeriodSeconds");
  return {
    ...(seconds !== null && { gracePeriodSeconds: Number(seconds) }),
    ...inBody,
    dryRun: inBody.dryRun || query.get("dryRun") === "All",
  };
}

/** Reads an object of the kind DeleteOptions. */
export function readDeleteOptions(options: JsonObject): DeleteOptions {
  const { uid, resourceVersion } = objectAt(options, "preconditions");
  const gracePeriodSeconds = numberAt(options, "gracePeriodSeconds");
  return {
    ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }),
    preconditions: {
      ...(typeof uid === "string" && { uid }),
      ...(typeof resourceVersion === "string" && { resourceVersion }),
    },
    dryRun: Array.isArray(options.dryRun) && options.dryRun.includes("All"),
  };
}

/** Sends JSON. */
export function send(call: Call, code: number, body: JsonObject): void {
  sendBytes(call, code, "application/json", Buffer.from(JSON.stringify(body)));
}

/** Sends a body of any type, or the failure that the test wants. */
export function sendBytes(
  { response, entry, failure }: Call,
  code: number,
  type: string,
  body: Buffer,
): void {
  if (failure) throw errorOf(failure);
  entry.code = code;
  response.writeHead(code, { "content-type": type, "content-length": body.byteLength });
  response.end(body);
}

/** Sends a `Status` object. */
export function sendError(response: ServerResponse, error: ApiError): void {
  const text = JSON.stringify(error.status());
  const retryAfter = error.details?.retryAfterSeconds;
  response.writeHead(error.code, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
    ...(retryAfter !== undefined && { "retry-after": String(retryAfter) }),
  });
  response.end(text);
}

/** Whether the client wants objects as rows of a Table. */
export function wantsTable({ request }: Call): boolean {
  return /;as=Table/.test(request.headers.accept ?? "");
}

/** Whether the rows of a Table shall carry their objects: `None`, `Metadata` or `Object`. */
export function includeObject({ query }: RequestInfo): string {
  return query.get("includeObject") ?? "Metadata";
}
