// AssemblyScript, for WebAssembly with SIMD: finds the usual records of a log, sixteen bytes at a time. scripts/log-scanner.ts
// makes ../code.ts of it. Lines that it does not know are left to RecordHeader, which knows all of them.
//
// A usual record: `2026-11-23T10:05:03.085175260Z stdout F content`, in UTC, with one to nine digits of a second, and one tag.

/** Where the bytes are put that are to be scanned; so many at most. */
export const windowBytes: u32 = 262_144;
/** Behind what is scanned so many bytes may be looked at, and written over. */
const beyondBytes: u32 = 64;
/** Where the records are told: for each where its content begins, and where its newline is, with three flags below that. */
export const tableAt: usize = windowBytes + beyondBytes;
/** Where two blocks follow, as long as Scanner.blockBytes says: what is in them need not be copied to be scanned. */
export const blocksAt: usize = 327_680;
const stderrFlag: u32 = 1;
const pieceFlag: u32 = 2;
/** Not set only when all of the content is ASCII. */
const otherFlag: u32 = 4;
/** ` std`, `out `, `err `, `F `, `P ` as numbers. */
const std: u32 = 0x64747320;
const out: u32 = 0x2074756f;
const err: u32 = 0x20727265;
const full: u32 = 0x2046;
const piece: u32 = 0x2050;

/** Where the last scan stopped: at the end, or at a line that it does not know. */
export let next: usize = 0;
/** Where the last record begins that it found. */
export let last: usize = 0;

/** What `isHeader` found. */
let contentAt: usize = 0;
let flags: u32 = 0;
/**
 * The second that was read last, as its first 16 bytes and its last four, which overlap. Most records have the one before's. No
 * bytes are like these first two.
 */
let secondHead: v128 = i8x16.splat(0);
let secondTail: u32 = 1;

/** Writes the records from `from` to `to` into the table; gives how many. */
export function scan(from: usize, to: usize): u32 {
  let at = from;
  let entry = tableAt;
  while (at < to && isHeader(at)) {
    const end = endOf(contentAt, to);
    if (end >= to) break;
    store<u32>(entry, contentAt);
    store<u32>(entry, (end << 3) | flags, 4);
    entry += 8;
    last = at;
    at = end + 1;
  }
  next = at;
  return <u32>(entry - tableAt) >> 3;
}

/**
 * Moves the messages of the records from `from` to `to` together, to where `from` is, each line with its newline: of stdout, of
 * stderr or both, as the bits 1 and 2 of `streams` say. Gives where they end.
 */
export function compact(from: usize, to: usize, streams: u32): usize {
  let at = from;
  let written = from;
  while (at < to && isHeader(at)) {
    const isWanted = (streams & (1 << (flags & stderrFlag))) !== 0;
    // A header is longer than 16 bytes, so nothing is written over that was not read yet.
    const end = isWanted ? moveLine(contentAt, to, written) : endOf(contentAt, to);
    if (end >= to) break;
    if (isWanted) {
      written += end - contentAt;
      if ((flags & pieceFlag) === 0) store<u8>(written++, 10);
    }
    last = at;
    at = end + 1;
  }
  next = at;
  return written;
}

/** Where the next newline is; `to` or more when it is not before that. Sets `otherFlag` for what is before it, or close behind it. */
function endOf(from: usize, to: usize): usize {
  let at = from;
  let bytes = v128.load(at);
  let all = bytes;
  let found = newlinesIn(bytes);
  while (found === 0 && at < to) {
    at += 16;
    bytes = v128.load(at);
    all = v128.or(all, bytes);
    found = newlinesIn(bytes);
  }
  if (i8x16.bitmask(all) !== 0) flags |= otherFlag;
  return at + ctz(found);
}

/** The same, with what stands before it written to `target`, and up to 15 bytes behind that. */
function moveLine(from: usize, to: usize, target: usize): usize {
  const shift = from - target;
  let at = from;
  let bytes = v128.load(at);
  v128.store(at - shift, bytes);
  let found = newlinesIn(bytes);
  while (found === 0 && at < to) {
    at += 16;
    bytes = v128.load(at);
    v128.store(at - shift, bytes);
    found = newlinesIn(bytes);
  }
  return at + ctz(found);
}

function newlinesIn(bytes: v128): i32 {
  return i8x16.bitmask(i8x16.eq(bytes, i8x16.splat(10)));
}

function isHeader(at: usize): bool {
  const isSameSecond =
    load<u32>(at, 15) === secondTail && !v128.any_true(v128.xor(v128.load(at), secondHead));
  if (!isSameSecond && !isSecond(at)) return false;
  if (load<u8>(at, 19) !== 46) return false;
  const values = i8x16.sub(v128.load(at, 20), i8x16.splat(48));
  const digits = ctz(~i8x16.bitmask(i8x16.lt_u(values, i8x16.splat(10))));
  if (digits < 1 || digits > 9) return false;
  const zone = at + 20 + digits;
  if (load<u8>(zone) !== 90 || load<u32>(zone, 1) !== std) return false;
  const stream = load<u32>(zone, 5);
  if (stream !== out && stream !== err) return false;
  const tag = <u32>load<u16>(zone, 9);
  if (tag !== full && tag !== piece) return false;
  flags = (stream === err ? stderrFlag : 0) | (tag === piece ? pieceFlag : 0);
  contentAt = zone + 11;
  return true;
}

/** Whether there is a second as `2026-11-23T10:05:03`; notes it. */
function isSecond(at: usize): bool {
  const isOne =
    load<u8>(at, 4) === 45 &&
    load<u8>(at, 7) === 45 &&
    load<u8>(at, 10) === 84 &&
    load<u8>(at, 13) === 58 &&
    load<u8>(at, 16) === 58 &&
    isDay(twoDigits(at), twoDigits(at + 2), twoDigits(at + 5), twoDigits(at + 8)) &&
    twoDigits(at + 11) < 24 &&
    twoDigits(at + 14) < 60 &&
    twoDigits(at + 17) < 60;
  if (!isOne) return false;
  secondHead = v128.load(at);
  secondTail = load<u32>(at, 15);
  return true;
}

function isDay(century: u32, year: u32, month: u32, day: u32): bool {
  if (century > 99 || year > 99 || month < 1 || month > 12 || day < 1) return false;
  if (month === 2) return day <= ((year === 0 ? century : year) % 4 === 0 ? <u32>29 : <u32>28);
  return day <= (month === 4 || month === 6 || month === 9 || month === 11 ? <u32>30 : <u32>31);
}

/** A number of two digits; 100 or more for none. */
function twoDigits(at: usize): u32 {
  const tens = <u32>load<u8>(at) - 48;
  const ones = <u32>load<u8>(at, 1) - 48;
  return tens > 9 || ones > 9 ? 100 : tens * 10 + ones;
}
