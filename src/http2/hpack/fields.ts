/** A header field, with what was found out about it when it was first decoded. */
export interface Field {
  readonly name: string;
  readonly value: string;
  /** The size by which tables and header lists are limited: name, value and 32 bytes. */
  readonly bytes: number;
  /** Whether the name begins with a colon. */
  readonly isPseudo: boolean;
  /** Whether the value begins or ends with a space or tab. */
  readonly hasOuterSpaces: boolean;
  /** Why a message with this field is malformed; undefined if the field is valid. */
  readonly problem: string | undefined;
}

/** Fields that concern a connection, which HTTP/2 forbids (RFC 9113, section 8.2.2). */
const connectionFields = new Set([
  "connection",
  "proxy-connection",
  "keep-alive",
  "transfer-encoding",
  "upgrade",
]);
const pseudoFields = new Set([":method", ":scheme", ":authority", ":path", ":status", ":protocol"]);
const validName = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const invalidValue = /[\0\r\n]/;
const outerSpaces = /^[ \t]|[ \t]$/;

export function createField(name: string, value: string): Field {
  const isPseudo = name.startsWith(":");
  return {
    name,
    value,
    bytes: name.length + value.length + 32,
    isPseudo,
    hasOuterSpaces: outerSpaces.test(value),
    problem: findProblem(name, value, isPseudo),
  };
}

function findProblem(name: string, value: string, isPseudo: boolean): string | undefined {
  if (isPseudo ? !pseudoFields.has(name) : !validName.test(name))
    return `the field name ${JSON.stringify(name)} is invalid`;
  if (invalidValue.test(value)) return `the value of the field ${name} is invalid`;
  if (connectionFields.has(name) || (name === "te" && value !== "trailers"))
    return `the field ${name} belongs to a connection`;
  return undefined;
}
