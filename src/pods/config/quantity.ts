import { collecting, type Report, reportValue } from "./report.js";
import type { Quantity } from "./spec-resources.js";

/** Powers of ten, of a billionth: what each decimal suffix multiplies nanos by. */
const decimalSuffixes = { n: 0, u: 3, m: 6, "": 9, k: 12, M: 15, G: 18, T: 21, P: 24, E: 27 } as const;
/** Powers of two. */
const binarySuffixes = { Ki: 10n, Mi: 20n, Gi: 30n, Ti: 40n, Pi: 50n, Ei: 60n } as const;

const grammar = /^([+-]?)(\d*)(?:\.(\d*))?(?:([KMGTPE]i)|[eE]([+-]?\d+)|([numkMGTPE]?))$/;
const allowed =
  "must be a number with at most one suffix of n u m k M G T P E, Ki Mi Gi Ti Pi Ei, or an exponent as in 1e3";

const nanosPerUnit = 10n ** 9n;
const nanosPerMilli = 10n ** 6n;
/** Where Kubernetes stops counting in binary units. */
const binaryCap = (2n ** 63n - 1n) * nanosPerUnit;
/** Longer texts and larger amounts are nobody's resources; without a bound, `1e999999999` would eat all memory. */
const maxLength = 1000;
const maxPower = 1000;

/**
 * An amount of something, exact to a billionth of a unit (CPUs, bytes). Immutable; `parseQuantity()` makes one.
 */
export class ParsedQuantity {
  /** The amount in billionths of a unit. */
  readonly nanos: bigint;
  readonly #binary: boolean;

  /** @param binary Whether it is printed with Ki, Mi, ... where that is exact */
  constructor(nanos: bigint, binary = false) {
    this.nanos = nanos;
    this.#binary = binary;
    Object.freeze(this);
  }

  /** In whole units; a part of one counts as one, away from zero. */
  value(): bigint {
    return divideAway(this.nanos, nanosPerUnit);
  }

  /** In thousandths of a unit; a part of one counts as one, away from zero. */
  milliValue(): bigint {
    return divideAway(this.nanos, nanosPerMilli);
  }

  /** Less than 0, 0 or more than 0, as this is less than, equal to or more than the other. */
  compare(other: ParsedQuantity): -1 | 0 | 1 {
    if (this.nanos === other.nanos) return 0;
    return this.nanos < other.nanos ? -1 : 1;
  }

  /** The sum of the two, printed as the first of them that is not zero. */
  plus(other: ParsedQuantity): ParsedQuantity {
    return new ParsedQuantity(this.nanos + other.nanos, (this.nanos === 0n ? other : this).#binary);
  }

  /** The shortest text with a whole number and a suffix; it parses back to the same amount. */
  toString(): string {
    if (this.nanos === 0n) return "0";
    const binary = this.#binary ? binaryText(this.nanos) : undefined;
    if (binary !== undefined) return binary;
    const fitting = Object.entries(decimalSuffixes).findLast(([, power]) => this.nanos % tenTo(power) === 0n);
    const [suffix, power] = fitting ?? ["n", 0];
    return `${this.nanos / tenTo(power)}${suffix}`;
  }

  /** In JSON, its text. */
  toJSON(): string {
    return this.toString();
  }
}

/** No amount. */
export const zero = new ParsedQuantity(0n);

/**
 * Reads an amount as Kubernetes writes it: a sign, digits with a dot, and a suffix of powers of 1000 (`n u m k M G T P E`), of
 * powers of 1024 (`Ki Mi Gi Ti Pi Ei`) or an exponent (`1e3`). A number or bigint is one of whole units; a number is what its
 * decimal text says, so that 0.1 is 100m. Parts of a billionth count as one, away from zero. Binary amounts end at 2^63 - 1.
 *
 * @throws CriError `invalid_argument: invalid_spec` when it is none
 */
export function parseQuantity(text: Quantity): ParsedQuantity {
  return collecting("The quantity", (report) => readQuantity(text, "quantity", report) ?? zero);
}

/** {@link parseQuantity}, reporting what is wrong; then the result is undefined. */
export function readQuantity(text: Quantity, path: string, report: Report): ParsedQuantity | undefined {
  const wrong = (message: string): undefined => {
    reportValue(report, path, message, text);
    return undefined;
  };
  if (typeof text === "number" && !Number.isFinite(text)) return wrong("must be finite");
  if (!["string", "number", "bigint"].includes(typeof text))
    return wrong("must be a string, number or bigint");
  const written = String(text);
  if (written.length > maxLength) return wrong(`must have at most ${maxLength} characters`);
  const [, sign, whole = "", fraction = "", binary, exponent, decimal = ""] = grammar.exec(written) ?? [];
  if (sign === undefined || whole + fraction === "") return wrong(allowed);
  const digits = BigInt(whole + fraction);
  if (digits === 0n) return zero;
  // The grammar takes only the suffixes of the two tables.
  const shift = binary === undefined ? 0n : binarySuffixes[binary as keyof typeof binarySuffixes];
  const suffixPower = exponent === undefined ? decimalSuffixes[decimal as keyof typeof decimalSuffixes] : 9;
  const power = suffixPower + Number(exponent ?? 0) - fraction.length;
  if (String(digits).length + power > maxPower) return wrong(`must be less than 1e${maxPower - 9}`);
  const exact = power < 0 ? divideByTenTo(digits << shift, -power) : (digits << shift) * tenTo(power);
  const nanos = binary !== undefined && exact > binaryCap ? binaryCap : exact;
  return new ParsedQuantity(sign === "-" ? -nanos : nanos, binary !== undefined);
}

/** In binary units; undefined where none fits, as for 187.5Ki, which is 192k. */
function binaryText(nanos: bigint): string | undefined {
  const unitOf = (shift: bigint) => nanosPerUnit << shift;
  const fitting = Object.entries(binarySuffixes).findLast(([, shift]) => nanos % unitOf(shift) === 0n);
  return fitting && `${nanos / unitOf(fitting[1])}${fitting[0]}`;
}

function tenTo(power: number): bigint {
  return 10n ** BigInt(power);
}

/** Of something that is not 0: an exponent may be as far below as it likes, and 1 remains. */
function divideByTenTo(positive: bigint, power: number): bigint {
  return power > 2 * maxLength ? 1n : divideAway(positive, tenTo(power));
}

function divideAway(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  if (dividend % divisor === 0n) return quotient;
  return quotient + (dividend < 0n ? -1n : 1n);
}
