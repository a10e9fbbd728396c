// DER, the encoding of ASN.1 in certificates: each value is a tag, a length and the content.

const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectId: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** Encodes a value with a tag of its own. */
export function tagged(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  return Buffer.concat([Buffer.from([tag]), lengthOf(content.length), content]);
}

/** Encodes a value of several parts. */
export function sequence(...parts: readonly Uint8Array[]): Buffer {
  return tagged(tags.sequence, ...parts);
}

/** Encodes a set of one part. */
export function setOf(part: Uint8Array): Buffer {
  return tagged(tags.set, part);
}

/** Encodes a non-negative integer, given by its bytes. */
export function integer(bytes: Uint8Array): Buffer {
  const first = bytes.findIndex((byte) => byte !== 0);
  const digits = first < 0 ? Buffer.from([0]) : bytes.subarray(first);
  // The first bit is the sign.
  const sign = (digits[0] ?? 0) >= 0x80 ? [0] : [];
  return tagged(tags.integer, Buffer.from(sign), digits);
}

/** Encodes `true`. */
export function trueValue(): Buffer {
  return tagged(tags.boolean, Buffer.from([0xff]));
}

/** Encodes whole bytes as a string of bits. */
export function bitString(bytes: Uint8Array, unusedBits = 0): Buffer {
  return tagged(tags.bitString, Buffer.from([unusedBits]), bytes);
}

/** Encodes bytes, which are often a value in DER themselves. */
export function octetString(bytes: Uint8Array): Buffer {
  return tagged(tags.octetString, bytes);
}

/** Encodes text. */
export function utf8String(text: string): Buffer {
  return tagged(tags.utf8String, Buffer.from(text, "utf8"));
}

/** Encodes an object identifier such as `2.5.4.3`. */
export function objectId(id: string): Buffer {
  const [first = 0, second = 0, ...rest] = id.split(".").map(Number);
  const bytes = [first * 40 + second, ...rest].flatMap((number) => {
    const digits = [number & 0x7f];
    for (let left = Math.floor(number / 128); left > 0; left = Math.floor(left / 128))
      digits.unshift((left & 0x7f) | 0x80);
    return digits;
  });
  return tagged(tags.objectId, Buffer.from(bytes));
}

/** Encodes a time in whole seconds: with two digits of the year until 2049, as RFC 5280 demands. */
export function time(date: Date): Buffer {
  const digits = date.toISOString().replace(/\.\d+/, "").replaceAll(/[-:T]/g, "");
  const isShort = date.getUTCFullYear() < 2050;
  return tagged(
    isShort ? tags.utcTime : tags.generalizedTime,
    Buffer.from(isShort ? digits.slice(2) : digits),
  );
}

/** The length: in one byte up to 127, otherwise the number of its bytes before them. */
function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  const bytes: number[] = [];
  for (let left = length; left > 0; left = Math.floor(left / 256)) bytes.unshift(left % 256);
  return Buffer.from([0x80 | bytes.length, ...bytes]);
}
