/** The lengths of the codes of the symbols 0 to 256 in bits (RFC 7541, appendix B), as `length` or `length x count`. */
const lengths =
  "13 23 28x7 24 30 28x2 30 28x8 30 28x9 6 10x2 12 13 6 8 11 10x2 8 11 8 6x3 5x3 6x7 7 8 15 6 12 10 13 6 7x22 8 7 8 13 19 13 " +
  "14 6 15 5 6 5 6 5 6x3 5 7x2 6x3 5 6 7 6 5x2 6 7x5 15 11 14 13 28 20 22 20x2 22x3 23 22 23x5 24 23 24x2 22 23 24 23x4 21 22 23 " +
  "22 23x2 24 22 21 20 22x2 23x2 21 23 22x2 24 21 22 23x2 21x2 22 21 23 22 23x2 20 22x3 23 22x2 23 26x2 20 19 22 23 22 25 26x3 " +
  "27x2 26 24 25 19 21 26 27x2 26 27 24 21x2 26x2 28 27x3 20 24 20 21 22 21x2 23 22x2 25x2 24x2 26 23 26 27 26x2 27x5 28 27x5 26 30";

const maxBits = 30;
/** The symbol that must not occur in a string. */
const endOfString = 256;

/**
 * The codes are canonical: codes of one length are consecutive, in the order of their symbols. So a code is decoded by its length alone:
 * `symbols[offset[length] + code - first[length]]`.
 */
const symbols: number[] = [];
const first = new Int32Array(maxBits + 1);
const offset = new Int32Array(maxBits + 1);
/** The code after the last one of each length. */
const limit = new Int32Array(maxBits + 1);
/** By the next eight bits: the code of up to eight bits that they begin with, as 16 times its symbol plus its length; 0 for none. */
const short = new Int32Array(256);

/** Fills the tables, when they are first needed. */
function buildTables(): void {
  const all = lengths.split(" ").flatMap((run) => {
    const [length = 0, count = 1] = run.split("x").map(Number);
    return Array<number>(count).fill(length);
  });
  let code = 0;
  for (let length = 1; length <= maxBits; length++) {
    code *= 2;
    first[length] = code;
    offset[length] = symbols.length;
    for (let symbol = 0; symbol < all.length; symbol++) {
      if (all[symbol] !== length) continue;
      symbols.push(symbol);
      if (length <= 8) short.fill(symbol * 16 + length, code << (8 - length), (code + 1) << (8 - length));
      code++;
    }
    limit[length] = code;
  }
}

/** Decodes a string in the Huffman code. Returns undefined for an invalid code, EOS, or wrong padding. */
export function decodeHuffman(bytes: Uint8Array): string | undefined {
  if (symbols.length === 0) buildTables();
  const bits = bytes.length * 8;
  const decoded = Buffer.allocUnsafe(Math.ceil(bits / 5));
  let count = 0;
  let at = 0;
  while (at < bits) {
    const byte = at >> 3;
    const pair = ((bytes[byte] ?? 0) << 8) | (bytes[byte + 1] ?? 0xff);
    const next = (pair >> (8 - (at & 7))) & 0xff;
    const known = short[next] ?? 0;
    if (known !== 0) {
      if (at + (known & 15) > bits) return undefined;
      at += known & 15;
      decoded[count++] = known >> 4;
      continue;
    }
    // Only ones begin no short code; fewer than eight of them at the end are the padding.
    if (bits - at < 8) return next === 0xff ? decoded.toString("latin1", 0, count) : undefined;
    const end = findLongCode(bytes, at + 8, next);
    if (end === undefined) return undefined;
    at = end.at;
    decoded[count++] = end.symbol;
  }
  return decoded.toString("latin1", 0, count);
}

/** Reads the rest of a code of more than eight bits. Returns its symbol and its end; undefined for EOS and for an incomplete code. */
function findLongCode(
  bytes: Uint8Array,
  from: number,
  begin: number,
): { readonly symbol: number; readonly at: number } | undefined {
  let code = begin;
  let at = from;
  for (let length = 9; length <= maxBits && at < bytes.length * 8; length++) {
    code = (code << 1) | (((bytes[at >> 3] ?? 0) >> (7 - (at & 7))) & 1);
    at++;
    if (code >= (limit[length] ?? 0)) continue;
    const symbol = symbols[(offset[length] ?? 0) + code - (first[length] ?? 0)] ?? endOfString;
    return symbol === endOfString ? undefined : { symbol, at };
  }
  return undefined;
}
