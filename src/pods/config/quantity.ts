import type { Violations } from "../../core/index.js";
import { checkArgument, type OptionCheck } from "../../core/index.js";
import { didYouMean, validated } from "./fields.js";
import type { Quantity } from "./spec-resources.js";

/** The decimal suffixes, as powers of ten of a billionth. */
const decimalSuffixes = { n: 0, u: 3, m: 6, "": 9, k: 12, M: 15, G: 18, T: 21, P: 24, E: 27 } as const;
/** The binary suffixes, as powers of two. */
const binarySuffixes = { Ki: 10n, Mi: 20n, Gi: 30n, Ti: 40n, Pi: 50n, Ei: 60n } as const;

const grammar = /^([+-]?)(\d*)(?:\.(\d*))?(?:([KMGTPE]i)|[eE]([+-]?\d+)|([numkMGTPE]?))$/;
const grammarMessage =
  "must be a number with at most one suffix of n u m k M G T P E, Ki Mi Gi Ti Pi Ei, or an exponent such as 1e3";

const nanosPerUnit = 10n ** 9n;
const nanosPerMilli = 10n ** 6n;
/** The largest amount in binary units; Kubernetes caps larger ones. */
const binaryCap = (2n ** 63n - 1n) * nanosPerUnit;
/** Limits beyond every real amount. Without them, `1e999999999` would exhaust the memory. */
const maxLength = 1000;
const maxPower = 1000;

const quantityCheck: OptionCheck<ParsedQuantity> = (value) =>
  typeof value?.nanos === "bigint" ? undefined : "must be a parsed quantity: pass `parseQuantity(amount)`";

/**
 * An amount of a resource, exact to a billionth of a unit (a CPU, a byte). Immutable. `parseQuantity()` creates one.
 */
export class ParsedQuantity {
  /** The amount in billionths of a unit. */
  readonly nanos: bigint;
  readonly #binary: boolean;

  /** @param binary Whether `toString()` uses Ki, Mi, ... where that is exact */
  constructor(nanos: bigint, binary = false) {
    this.nanos = nanos;
    this.#binary = binary;
    Object.freeze(this);
  }

  /** Returns the amount in whole units, rounded away from zero. */
  value(): bigint {
    return divideAwayFromZero(this.nanos, nanosPerUnit);
  }

  /** Returns the amount in thousandths of a unit, rounded away from zero. */
  milliValue(): bigint {
    return divideAwayFromZero(this.nanos, nanosPerMilli);
  }

  /** Returns -1, 0 or 1: this amount is less than, equal to or more than the other. */
  compare(other: ParsedQuantity): -1 | 0 | 1 {
    checkArgument("compare", "other", other, quantityCheck);
    if (this.nanos === other.nanos) return 0;
    return this.nanos < other.nanos ? -1 : 1;
  }

  /** Returns the sum, in the format of the first operand that is not zero. */
  plus(other: ParsedQuantity): ParsedQuantity {
    checkArgument("plus", "other", other, quantityCheck);
    return new ParsedQuantity(this.nanos + other.nanos, (this.nanos === 0n ? other : this).#binary);
  }

  /** Returns the shortest text of a whole number and a suffix. It parses to the same amount. */
  toString(): string {
    if (this.nanos === 0n) return "0";
    const binary = this.#binary ? binaryText(this.nanos) : undefined;
    if (binary !== undefined) return binary;
    const fitting = Object.entries(decimalSuffixes).findLast(([, power]) => this.nanos % tenTo(power) === 0n);
    const [suffix, power] = fitting ?? ["n", 0];
    return `${this.nanos / tenTo(power)}${suffix}`;
  }

  /** Returns the text of {@link toString}. */
  toJSON(): string {
    return this.toString();
  }
}

export const zero = new ParsedQuantity(0n);

/** Returns an amount, or undefined for 0. */
export function unlessZero(amount: ParsedQuantity | undefined): ParsedQuantity | undefined {
  return amount?.nanos === 0n ? undefined : amount;
}

/**
 * Parses a Kubernetes quantity: a sign, digits with an optional dot, and a decimal suffix (`n u m k M G T P E`), a binary suffix
 * (`Ki Mi Gi Ti Pi Ei`) or an exponent (`1e3`). A number or bigint counts whole units; a number stands for its decimal text, so that
 * 0.1 is 100m. Fractions of a billionth are rounded away from zero. Amounts with a binary suffix are capped at 2^63 - 1.
 *
 * @throws CriError `invalid_argument: invalid_spec` when it is not a quantity
 */
export function parseQuantity(text: Quantity): ParsedQuantity {
  return validated("invalid quantity", (violations) => readQuantity(text, "quantity", violations) ?? zero);
}

/** Parses as {@link parseQuantity} does; reports a problem and returns undefined when it is not a quantity. */
export function readQuantity(
  text: Quantity,
  path: string,
  violations: Violations,
): ParsedQuantity | undefined {
  const reject = (message: string): undefined => {
    violations.addValue(path, message, text);
  };
  if (typeof text === "number" && !Number.isFinite(text)) return reject("must be finite");
  if (!["string", "number", "bigint"].includes(typeof text))
    return reject("must be a string, a number or a bigint");
  const written = String(text);
  if (written.length > maxLength) return reject(`must have at most ${maxLength} characters`);
  const [, sign, whole = "", fraction = "", binary, exponent, decimal = ""] = grammar.exec(written) ?? [];
  if (sign === undefined || whole + fraction === "")
    return reject(`${grammarMessage}${meantQuantity(written)}`);
  const digits = BigInt(whole + fraction);
  if (digits === 0n) return zero;
  // The grammar matches only the suffixes of the two tables.
  const shift = binary === undefined ? 0n : binarySuffixes[binary as keyof typeof binarySuffixes];
  const suffixPower = exponent === undefined ? decimalSuffixes[decimal as keyof typeof decimalSuffixes] : 9;
  const power = suffixPower + Number(exponent ?? 0) - fraction.length;
  if (String(digits).length + power > maxPower) return reject(`must be less than 1e${maxPower - 9}`);
  const exact = power < 0 ? divideByTenTo(digits << shift, -power) : (digits << shift) * tenTo(power);
  const nanos = binary !== undefined && exact > binaryCap ? binaryCap : exact;
  return new ParsedQuantity(sign === "-" ? -nanos : nanos, binary !== undefined);
}

/** Suffixes that other tools take, without the `B` or `iB` of bytes, from lower case to the suffix of a power of 1000. */
const looseSuffixes: Readonly<Record<string, string>> = { k: "k", m: "M", g: "G", t: "T", p: "P", e: "E" };

/** Suggests what an amount such as `64MB`, `64 MiB` or `64mi` means; "" for other texts. */
function meantQuantity(text: string): string {
  const [, number, letter = "", i] = /^\s*(\d+(?:\.\d+)?)\s*([kmgtpe])(i?)b?\s*$/i.exec(text) ?? [];
  const decimal = looseSuffixes[letter.toLowerCase()];
  if (number === undefined || decimal === undefined) return "";
  const binary = `"${number}${decimal.toUpperCase()}i"`;
  return i
    ? didYouMean(binary)
    : didYouMean(`"${number}${decimal}" for powers of 1000, or ${binary} for powers of 1024`);
}

/** Formats with a binary suffix; undefined where none is exact, as for 187.5Ki, which is 192k. */
function binaryText(nanos: bigint): string | undefined {
  const unitOf = (shift: bigint) => nanosPerUnit << shift;
  const fitting = Object.entries(binarySuffixes).findLast(([, shift]) => nanos % unitOf(shift) === 0n);
  return fitting && `${nanos / unitOf(fitting[1])}${fitting[0]}`;
}

function tenTo(power: number): bigint {
  return 10n ** BigInt(power);
}

/** Divides a positive number, rounding up. The result is at least 1, so that a huge power need not be computed. */
function divideByTenTo(positive: bigint, power: number): bigint {
  return power > 2 * maxLength ? 1n : divideAwayFromZero(positive, tenTo(power));
}

function divideAwayFromZero(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  if (dividend % divisor === 0n) return quotient;
  return quotient + (dividend < 0n ? -1n : 1n);
}
