import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { isCriError } from "../../../core/index.js";
import { toGoJson } from "../../../crictl/index.js";

/**
 * The `info` of a verbose answer: one entry of JSON, as containerd has it, with a config in Go's JSON where there is one to
 * tell. What else the wire has as 64 bits is a string.
 */
export function info(value: object, config?: string): Record<string, string> {
  const plain = (key: string, inner: unknown) => {
    // How protobuf-es knows its messages is nobody else's business.
    if (key === "$typeName" || key === "$unknown") return undefined;
    if (typeof inner === "bigint") return String(inner);
    return inner instanceof Uint8Array ? Buffer.from(inner).toString() : inner;
  };
  const text = JSON.stringify(value, plain);
  // As text, since a number of 64 bits would lose digits as a value.
  return { info: config === undefined ? text : `${text.slice(0, -1)},"config":${config}}` };
}

/** A config as containerd tells it; undefined for one with a variable that JSON has no text for. */
export function goConfig<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
): string | undefined {
  try {
    return toGoJson(schema, message);
  } catch (error) {
    if (isCriError(error)) return undefined;
    throw error;
  }
}
