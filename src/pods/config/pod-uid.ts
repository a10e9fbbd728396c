import { createHash } from "node:crypto";

/**
 * The uid of the pod of this name, the same on every machine and at every time: a UUID of version 8 (RFC 9562) from a SHA-256 of
 * both. `ensure` finds a pod again by it.
 */
export function podUid(namespace: string, name: string): string {
  const bytes = createHash("sha256")
    .update(`cri-sdk pod uid\0${namespace}\0${name}`)
    .digest()
    .subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
