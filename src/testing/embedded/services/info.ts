/** The `info` of a verbose answer: one entry of JSON, as containerd has it. What the wire has as 64 bits is a string. */
export function info(value: object): Record<string, string> {
  const plain = (key: string, inner: unknown) => {
    // How protobuf-es knows its messages is nobody else's business.
    if (key === "$typeName" || key === "$unknown") return undefined;
    if (typeof inner === "bigint") return String(inner);
    return inner instanceof Uint8Array ? Buffer.from(inner).toString() : inner;
  };
  return { info: JSON.stringify(value, plain) };
}
