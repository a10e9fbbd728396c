/** Shorter strings occur in every sentence: masking them would hide nothing and make texts unreadable. */
const shortestSecret = 4;
/** How often a text is decoded: an error may quote JSON that quotes a URL. */
const maxDepth = 3;
/** The bytes that are searched for one text, so that a long and deeply encoded text costs milliseconds. */
const budgetBytes = 1 << 20;

/** Returns what must be searched for a secret, as strings of bytes: its value, also trimmed. Empty for a secret that is too short. */
export function secretForms(secret: string | Uint8Array): string[] {
  const bytes = typeof secret === "string" ? utf8(secret) : Buffer.from(secret).toString("latin1");
  // Bytes that are not UTF-8 are replacement characters in a text.
  const shown = typeof secret === "string" ? secret : new TextDecoder().decode(secret);
  const forms = new Set([bytes, utf8(shown), utf8(shown.trim())]);
  return [...forms].filter((form) => form.length >= shortestSecret);
}

/**
 * Replaces secrets in a text, in whatever form it contains them: plain, escaped by a backslash (JSON, Go, C), by an HTML entity or for a
 * URL, as hexadecimal or decimal bytes, in base64 at any offset, and in combinations of these. A base64 string with a secret in it is
 * replaced as a whole.
 */
export function maskSecrets(text: string, forms: Iterable<string>, mask: string): string {
  const needles = [...new Set(forms)].map((form) => new Needle(form));
  if (needles.length === 0) return text;
  const found: Range[] = [];
  const seen = new Set<string>();
  let searchedBytes = 0;
  const search = (view: View | undefined): View[] => {
    if (!view || seen.has(view.bytes)) return [];
    seen.add(view.bytes);
    searchedBytes += view.bytes.length;
    const haystack = new Haystack(view);
    for (const needle of needles) found.push(...haystack.find(needle));
    return [view];
  };
  let views = search(viewOf(text));
  for (let depth = 0; depth < maxDepth; depth++)
    views = views.flatMap((view) =>
      decoders.flatMap((decode) => (searchedBytes < budgetBytes ? search(decode(view)) : [])),
    );
  return replaced(text, found, mask);
}

/** A part of a text, by its indices in it. */
interface Range {
  readonly start: number;
  readonly end: number;
}

/** A text after decoding: its bytes, one character each, and for each byte the part of the original text that encodes it. */
interface View {
  readonly bytes: string;
  readonly starts: readonly number[];
  readonly ends: readonly number[];
}

/** A secret with the encodings that are searched without decoding: these may begin anywhere within a longer encoded text. */
class Needle {
  readonly plain: string;
  readonly hex: string;
  readonly base64: readonly string[];

  constructor(form: string) {
    this.plain = form;
    this.hex = Buffer.from(form, "latin1").toString("hex");
    this.base64 = [0, 1, 2].map((offset) => base64Core(form, offset));
  }
}

/** A view that is searched for secrets. */
class Haystack {
  readonly #view: View;
  readonly #lowerCase: string;
  /** With the digits of base64 for URLs replaced by those of standard base64. */
  readonly #base64: string;

  constructor(view: View) {
    this.#view = view;
    this.#lowerCase = view.bytes.toLowerCase();
    this.#base64 = view.bytes.replaceAll("-", "+").replaceAll("_", "/");
  }

  /** Returns the parts of the original text that encode a secret. */
  *find({ plain, hex, base64 }: Needle): Generator<Range> {
    for (const at of indices(this.#view.bytes, plain)) yield this.#range(at, at + plain.length);
    for (const at of indices(this.#lowerCase, hex)) yield this.#range(at, at + hex.length);
    const text = this.#base64;
    for (const core of base64)
      for (const at of indices(text, core)) {
        let [from, to] = [at, at + core.length];
        while (from > 0 && /[A-Za-z0-9+/]/.test(text.charAt(from - 1))) from--;
        while (to < text.length && /[A-Za-z0-9+/=]/.test(text.charAt(to))) to++;
        yield this.#range(from, to);
      }
  }

  #range(from: number, to: number): Range {
    const { starts, ends } = this.#view;
    return { start: starts[from] ?? 0, end: ends[to - 1] ?? 0 };
  }
}

/** Returns the digits of base64 that are the same whatever precedes and follows the secret, which begins `offset` bytes after a multiple of three. */
function base64Core(form: string, offset: number): string {
  const digits = Buffer.from("\0".repeat(offset) + form, "latin1").toString("base64");
  return digits.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + form.length) * 8) / 6));
}

function* indices(text: string, part: string): Generator<number> {
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length)) yield at;
}

function viewOf(text: string): View {
  const [starts, ends]: [number[], number[]] = [[], []];
  let at = 0;
  for (const character of text) {
    for (let rest = Buffer.byteLength(character); rest > 0; rest--) {
      starts.push(at);
      ends.push(at + character.length);
    }
    at += character.length;
  }
  return { bytes: utf8(text), starts, ends };
}

/** Decodes a view; returns undefined if it contains nothing to decode. */
type Decoder = (view: View) => View | undefined;

/** A decoded part of a match: its bytes, and the digits or the escape that encode them. */
interface Piece {
  readonly value: string;
  /** The index in the match. */
  readonly at: number;
  readonly length: number;
}

/** Creates a decoder that replaces each match by the bytes of the pieces that `decode` returns; undefined leaves the match as it is. */
function piecewise(
  pattern: RegExp,
  decode: (match: RegExpExecArray) => readonly Piece[] | undefined,
): Decoder {
  return ({ bytes, starts, ends }) => {
    let [decoded, copied] = ["", 0];
    const [newStarts, newEnds]: [number[], number[]] = [[], []];
    const copyTo = (end: number) => {
      decoded += bytes.slice(copied, end);
      for (; copied < end; copied++) {
        newStarts.push(starts[copied] ?? 0);
        newEnds.push(ends[copied] ?? 0);
      }
    };
    for (const match of bytes.matchAll(pattern)) {
      const pieces = decode(match);
      if (!pieces) continue;
      copyTo(match.index);
      for (const { value, at, length } of pieces) {
        const from = match.index + at;
        decoded += value;
        for (let rest = value.length; rest > 0; rest--) {
          newStarts.push(starts[from] ?? 0);
          newEnds.push(ends[from + length - 1] ?? 0);
        }
      }
      copied = match.index + match[0].length;
    }
    if (copied === 0) return undefined;
    copyTo(bytes.length);
    return { bytes: decoded, starts: newStarts, ends: newEnds };
  };
}

/** Creates a decoder that replaces each match by the bytes that `decode` returns; undefined leaves the match as it is. */
function decoder(pattern: RegExp, decode: (match: RegExpExecArray) => string | undefined): Decoder {
  return piecewise(pattern, (match) => {
    const value = decode(match);
    return value === undefined ? undefined : [{ value, at: 0, length: match[0].length }];
  });
}

/** Creates a decoder for lists of numbers, each of which is a byte. */
function listDecoder(pattern: RegExp, digits: RegExp, radix: number): Decoder {
  return piecewise(pattern, ([list]) => {
    const numbers = [...list.matchAll(digits)];
    const pieces = numbers.map(({ 0: text, index }) => {
      return { value: String.fromCharCode(parseInt(text, radix) & 255), at: index, length: text.length };
    });
    return numbers.every(({ 0: text }) => parseInt(text, radix) < 256) ? pieces : undefined;
  });
}

const letters: Readonly<Record<string, string>> = {
  n: "\n",
  t: "\t",
  r: "\r",
  b: "\b",
  f: "\f",
  v: "\v",
  a: "\x07",
};

// biome-ignore format: a table
const entities: Readonly<Record<string, string>> = {
  amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", excl: "!", num: "#", dollar: "$", percnt: "%", lpar: "(", rpar: ")", ast: "*",
  plus: "+", comma: ",", period: ".", sol: "/", colon: ":", semi: ";", equals: "=", quest: "?", commat: "@", lsqb: "[", lbrack: "[",
  bsol: "\\", rsqb: "]", rbrack: "]", Hat: "^", lowbar: "_", grave: "`", lcub: "{", lbrace: "{", verbar: "|", vert: "|", rcub: "}",
  rbrace: "}", Tab: "\t", NewLine: "\n", nbsp: "\u00a0",
};

/** One decoder for each encoding. They are applied separately, because a secret may contain what looks like an escape of another one. */
const decoders: readonly Decoder[] = [
  decoder(
    /\\(?:u([dD][89abAB][\da-fA-F]{2})\\u([dD][c-fC-F][\da-fA-F]{2})|u\{([\da-fA-F]{1,6})\}|u([\da-fA-F]{4})|U([\da-fA-F]{8})|x([\da-fA-F]{2})|([0-3][0-7]{2})|([\s\S]))/g,
    ([, high, low, braced, short, long, byte, octal, letter = ""]) => {
      if (high && low) return utf8(String.fromCharCode(parseInt(high, 16), parseInt(low, 16)));
      const codePoint = braced ?? short ?? long;
      if (codePoint) return character(parseInt(codePoint, 16));
      if (byte) return String.fromCharCode(parseInt(byte, 16));
      return octal ? String.fromCharCode(parseInt(octal, 8)) : (letters[letter] ?? letter);
    },
  ),
  decoder(/&(?:#(\d{1,7})|#x([\da-f]{1,6})|([a-z]{2,7}));/gi, ([, decimal, hex, name = ""]) => {
    if (decimal ?? hex) return character(decimal ? Number(decimal) : parseInt(hex ?? "", 16));
    return Object.hasOwn(entities, name) ? utf8(entities[name] ?? "") : undefined;
  }),
  decoder(/%([\da-f]{2})/gi, ([, hex = ""]) => String.fromCharCode(parseInt(hex, 16))),
  // In the query of a URL a space is a plus.
  decoder(/\+|%([\da-f]{2})/gi, ([, hex]) => (hex ? String.fromCharCode(parseInt(hex, 16)) : " ")),
  decoder(/[A-Za-z0-9+/_-]{8,}/g, ([digits]) => Buffer.from(digits, "base64").toString("latin1")),
  // As Go prints bytes: "73 65", "73:65", "0x73, 0x65", "[115 101]"; JSON has arrays of numbers.
  listDecoder(/(?:0x)?[\da-f]{2}(?:[\s:,-]{0,2}(?:0x)?[\da-f]{2}){3,}/gi, /(?:0x)?[\da-f]{2}/gi, 16),
  listDecoder(/(?<![\w.])\d{1,3}(?:[\s,]{1,3}\d{1,3}){3,}/g, /\d+/g, 10),
];

function character(codePoint: number): string | undefined {
  return codePoint <= 0x10ffff ? utf8(String.fromCodePoint(codePoint)) : undefined;
}

/** Returns the UTF-8 bytes of a text as a string with one character per byte. */
function utf8(text: string): string {
  return Buffer.from(text).toString("latin1");
}

function replaced(text: string, ranges: readonly Range[], mask: string): string {
  let [result, copied] = ["", 0];
  for (const { start, end } of [...ranges].sort((a, b) => a.start - b.start || b.end - a.end)) {
    // A range that overlaps the one before only extends it.
    if (start >= copied) result += text.slice(copied, start) + mask;
    copied = Math.max(copied, end);
  }
  return result + text.slice(copied);
}
