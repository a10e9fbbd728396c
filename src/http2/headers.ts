import type { HeaderBlock } from "./header-blocks.js";
import { HpackDecoder } from "./hpack/decoder.js";
import type { Field } from "./hpack/fields.js";

/** Received header fields by name, in lower case. Values of a name that occurs several times are joined with ", ". */
export type HeaderMap = Readonly<Record<string, string | undefined>>;

/** The kinds of header lists, which differ in their pseudo-header fields. */
export type HeaderKind = "request" | "response" | "trailers";

/** A decoded header list. */
export interface ReceivedHeaders {
  readonly fields: HeaderMap;
  /** Why the message is malformed, so that only its stream ends; undefined if it is valid. */
  readonly problem: string | undefined;
  readonly isTooLarge: boolean;
}

/** The longest block that is remembered: a few indexed fields, such as the usual headers and trailers of a response. */
const maxKnownBytes = 4;
const maxKnownBlocks = 64;

/** Decodes the header blocks of a connection, and checks them by RFC 9113, section 8. */
export class HeaderReader {
  readonly #decoder: HpackDecoder;
  /** Results by kind and block, valid for one generation of the decoder's table. */
  readonly #known = new Map<number, ReceivedHeaders>();
  #generation = 0;

  readonly #allowsOuterSpaces: boolean;

  constructor(
    maxTableBytes: number,
    maxListBytes: number,
    options: {
      /**
       * Whether values may begin or end with spaces, though RFC 9113 forbids it. gRPC does not escape them in `grpc-message`: servers
       * send them, and the status should not be lost.
       */
      readonly allowsOuterSpaces: boolean;
    },
  ) {
    this.#decoder = new HpackDecoder(maxTableBytes, maxListBytes);
    this.#allowsOuterSpaces = options.allowsOuterSpaces;
  }

  /** Decodes a complete block. Throws {@link Http2Error} if the connection cannot go on. */
  read(
    { chunk, start, end }: Pick<HeaderBlock, "chunk" | "start" | "end">,
    kind: HeaderKind,
  ): ReceivedHeaders {
    const key = knownKey(chunk, start, end, kind);
    if (key !== undefined && this.#generation === this.#decoder.generation) {
      const known = this.#known.get(key);
      if (known) return known;
    }
    const { fields, isTooLarge } = this.#decoder.decode(chunk.subarray(start, end));
    const problem = findProblem(fields, kind, this.#allowsOuterSpaces);
    const headers = { fields: toMap(fields), problem, isTooLarge };
    if (this.#generation !== this.#decoder.generation || this.#known.size > maxKnownBlocks)
      this.#known.clear();
    this.#generation = this.#decoder.generation;
    if (key !== undefined) this.#known.set(key, headers);
    return headers;
  }
}

/** Returns the key of a block that consists of fields with an index of one byte; undefined for others. */
function knownKey(chunk: Buffer, start: number, end: number, kind: HeaderKind): number | undefined {
  if (end - start > maxKnownBytes || end === start) return undefined;
  let key = kind === "request" ? 1 : kind === "response" ? 2 : 3;
  for (let at = start; at < end; at++) {
    const byte = chunk[at] ?? 0;
    if (byte < 0x81 || byte === 0xff) return undefined;
    key = key * 256 + byte;
  }
  return key;
}

/** An object without inherited properties. V8 fills it in half the time that an object of `Object.create(null)` takes. */
class Fields {
  [name: string]: string;
  static {
    Object.setPrototypeOf(Fields.prototype, null);
    Reflect.deleteProperty(Fields.prototype, "constructor");
  }
}

function toMap(fields: readonly Field[]): HeaderMap {
  const map: Record<string, string> = new Fields();
  for (const { name, value } of fields) {
    const before = map[name];
    map[name] = before === undefined ? value : `${before}${name === "cookie" ? "; " : ", "}${value}`;
  }
  return map;
}

const requestFields = new Set([":method", ":scheme", ":authority", ":path"]);

function findProblem(
  fields: readonly Field[],
  kind: HeaderKind,
  allowsOuterSpaces: boolean,
): string | undefined {
  let pseudoCount = 0;
  let onlyRegular = false;
  let method: string | undefined;
  let path: string | undefined;
  let scheme: string | undefined;
  let status: string | undefined;
  const seen: string[] = [];
  for (const { name, value, isPseudo, hasOuterSpaces, problem } of fields) {
    if (problem !== undefined) return problem;
    if (hasOuterSpaces && !allowsOuterSpaces)
      return `the value of the field ${name} begins or ends with a space`;
    if (!isPseudo) {
      onlyRegular = true;
      continue;
    }
    if (onlyRegular) return `the pseudo-header field ${name} is not before the other fields`;
    if (kind === "trailers") return `trailers contain the pseudo-header field ${name}`;
    if (kind === "request" ? !requestFields.has(name) : name !== ":status")
      return `a ${kind} contains the pseudo-header field ${name}`;
    if (seen.includes(name)) return `the pseudo-header field ${name} occurs twice`;
    seen.push(name);
    pseudoCount++;
    if (name === ":method") method = value;
    else if (name === ":path") path = value;
    else if (name === ":scheme") scheme = value;
    else if (name === ":status") status = value;
  }
  if (kind === "response") {
    if (status === undefined || !/^[1-9]\d\d$/.test(status)) return "a response has no valid :status";
    if (status === "101") return "a response has the status 101, which HTTP/2 does not have";
  }
  if (kind !== "request") return undefined;
  if (method === undefined || method === "") return "a request has no :method";
  if (method === "CONNECT")
    return pseudoCount > 2 || !seen.includes(":authority")
      ? "a CONNECT request has a path or no authority"
      : undefined;
  if (!scheme) return "a request has no :scheme";
  if (!path) return "a request has no :path";
  return undefined;
}
