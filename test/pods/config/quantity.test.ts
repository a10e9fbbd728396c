// Quantities: the results of Kubernetes' parser, and exact arithmetic.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isCriError, Violations } from "../../../src/core/index.js";
import { parseQuantity, readQuantity } from "../../../src/pods/config/quantity.js";
import type { Quantity } from "../../../src/pods/config/spec-resources.js";

const amounts: readonly (readonly [text: Quantity, value: bigint, milli: bigint, printed: string])[] = [
  ["100m", 1n, 100n, "100m"],
  ["0.5m", 1n, 1n, "500u"],
  ["1.5", 2n, 1500n, "1500m"],
  ["1.5Gi", 1_610_612_736n, 1_610_612_736_000n, "1536Mi"],
  ["129e6", 129_000_000n, 129_000_000_000n, "129M"],
  ["0.1Mi", 104_858n, 104_857_600n, "104857600m"],
  ["1E3", 1000n, 1_000_000n, "1k"],
  ["1E", 10n ** 18n, 10n ** 21n, "1E"],
  ["1Ei", 2n ** 60n, 2n ** 60n * 1000n, "1Ei"],
  ["1e-3", 1n, 1n, "1m"],
  ["1E+3", 1000n, 1_000_000n, "1k"],
  ["1.", 1n, 1000n, "1"],
  [".5", 1n, 500n, "500m"],
  ["+3k", 3000n, 3_000_000n, "3k"],
  ["0", 0n, 0n, "0"],
  ["-0Mi", 0n, 0n, "0"],
  ["-1.5", -2n, -1500n, "-1500m"],
  ["-0.0001", -1n, -1n, "-100u"],
  ["0.1n", 1n, 1n, "1n"],
  ["-0.1n", -1n, -1n, "-1n"],
  ["1.0000000001", 2n, 1001n, "1000000001n"],
  ["1e-99999999999999999999", 1n, 1n, "1n"],
  ["0e99999999999999999999", 0n, 0n, "0"],
  ["8Ei", 2n ** 63n - 1n, (2n ** 63n - 1n) * 1000n, "9223372036854775807"],
  ["-9000Ei", -(2n ** 63n) + 1n, -(2n ** 63n - 1n) * 1000n, "-9223372036854775807"],
  ["20E", 20n * 10n ** 18n, 20n * 10n ** 21n, "20E"],
  ["1024Mi", 2n ** 30n, 2n ** 30n * 1000n, "1Gi"],
  [0.1, 1n, 100n, "100m"],
  [1e21, 10n ** 21n, 10n ** 24n, "1000E"],
  [5e-324, 1n, 1n, "1n"],
  [-0, 0n, 0n, "0"],
  [2n ** 70n, 2n ** 70n, 2n ** 70n * 1000n, "1180591620717411303424"],
];

test("texts parse and print as in Kubernetes", () => {
  for (const [text, value, milli, printed] of amounts) {
    const amount = parseQuantity(text);
    assert.deepEqual(
      [amount.value(), amount.milliValue(), String(amount)],
      [value, milli, printed],
      `${text}`,
    );
    assert.equal(parseQuantity(printed).compare(amount), 0, `${printed} is not ${text}`);
    assert.equal(JSON.stringify({ amount }), `{"amount":"${printed}"}`);
  }
});

test("a text that is not a quantity is rejected, with the text and the allowed format", () => {
  const invalid: readonly unknown[] = [
    "1K",
    "5mi",
    "1 Gi",
    "1e",
    "",
    ".",
    "+",
    "-",
    "Mi",
    "1e3.5",
    "1e3k",
    "1MiB",
  ];
  const more: readonly unknown[] = [
    " 1",
    "1\n",
    "0x10",
    "1_000",
    "--1",
    "1.1.M",
    "１",
    "Infinity",
    "1e99999",
    null,
    true,
  ];
  for (const text of [
    ...invalid,
    ...more,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    "1".repeat(1001),
    {},
    10n ** 995n,
  ])
    assert.throws(
      () => parseQuantity(text as Quantity),
      (error) => {
        assert.ok(isCriError(error), `${text}: ${error}`);
        assert.deepEqual([error.code, error.reason], ["invalid_argument", "invalid_spec"]);
        assert.equal(error.problems[0]?.value, text);
        assert.match(error.message, /must /);
        return true;
      },
    );
  assert.throws(() => parseQuantity("1K"), /suffix of n u m k M .*got "1K"/);
});

test("readQuantity reports problems under the given path, and none for a valid text", () => {
  const violations = new Violations();
  assert.equal(readQuantity("1K", "resources.memory", violations), undefined);
  assert.deepEqual(
    violations.problems.map(({ path, value }) => [path, value]),
    [["resources.memory", "1K"]],
  );
  assert.equal(readQuantity("1k", "resources.memory", violations)?.value(), 1000n);
  assert.equal(violations.problems.length, 1);
});

test("a quantity is immutable", () => {
  const amount = parseQuantity("1Gi");
  assert.throws(() => Object.assign(amount, { nanos: 0n }), TypeError);
  amount.plus(parseQuantity(1));
  assert.equal(String(amount), "1Gi");
});

test("sums and order are exact", () => {
  assert.equal(String(parseQuantity("0.1").plus(parseQuantity("0.2"))), "300m");
  assert.equal(String(parseQuantity(0).plus(parseQuantity("64Mi")).plus(parseQuantity(0))), "64Mi");
  assert.equal(parseQuantity("1").compare(parseQuantity("1000m")), 0);
  assert.equal(parseQuantity("999999999n").compare(parseQuantity(1)), -1);
  assert.equal(parseQuantity("1Ki").compare(parseQuantity("1k")), 1);
});

/** Texts near the grammar: most match it, some differ by a character. */
const nearQuantity = fc
  .tuple(
    fc.constantFrom("", "-", "+", " "),
    fc.stringMatching(/^\d{0,25}$/),
    fc.constantFrom("", ".", ".0", ".5", ".000000000001", ".999999999", "..", ".1234567890123"),
    fc.oneof(
      fc.constantFrom("", "n", "u", "m", "k", "M", "G", "T", "P", "E", "K", "i", "mi"),
      fc.constantFrom("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"),
      fc
        .tuple(fc.constantFrom("e", "E"), fc.integer({ min: -1200, max: 1200 }))
        .map(([e, by]) => `${e}${by}`),
    ),
  )
  .map((parts) => parts.join(""));

test("any text is either rejected, or prints as a text that parses to the same amount", () => {
  let accepted = 0;
  fc.assert(
    fc.property(fc.oneof({ weight: 4, arbitrary: nearQuantity }, fc.string({ unit: "binary" })), (text) => {
      let amount: ReturnType<typeof parseQuantity>;
      try {
        amount = parseQuantity(text);
      } catch (error) {
        assert.ok(isCriError(error) && error.reason === "invalid_spec", `${error}`);
        return;
      }
      accepted++;
      assert.equal(parseQuantity(String(amount)).nanos, amount.nanos);
      assert.equal(String(parseQuantity(String(amount))), String(amount));
    }),
    { numRuns: 3000 },
  );
  assert.ok(accepted > 500, `only ${accepted} texts were quantities`);
});

const powers = { n: -9, u: -6, m: -3, "": 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 } as const;
const binaryPowers = { Ki: 10n, Mi: 20n, Gi: 30n, Ti: 40n, Pi: 50n, Ei: 60n } as const;

/** A text with its amount as a fraction of two integers, computed independently. */
const exact = fc
  .tuple(
    fc.boolean(),
    fc.bigInt(0n, 10n ** 24n),
    fc.integer({ min: 0, max: 20 }),
    fc.oneof(
      fc.constantFrom(...(Object.keys(powers) as (keyof typeof powers)[])).map((suffix) => ({
        suffix: suffix as string,
        up: 10n ** BigInt(Math.max(0, powers[suffix])),
        down: 10n ** BigInt(Math.max(0, -powers[suffix])),
        cap: undefined as bigint | undefined,
      })),
      fc.constantFrom(...(Object.keys(binaryPowers) as (keyof typeof binaryPowers)[])).map((suffix) => ({
        suffix: suffix as string,
        up: 1n << binaryPowers[suffix],
        down: 1n,
        cap: 2n ** 63n - 1n,
      })),
      fc.integer({ min: -30, max: 30 }).map((by) => ({
        suffix: `e${by}`,
        up: 10n ** BigInt(Math.max(0, by)),
        down: 10n ** BigInt(Math.max(0, -by)),
        cap: undefined as bigint | undefined,
      })),
    ),
  )
  .map(([minus, digits, places, { suffix, up, down, cap }]) => {
    const padded = digits.toString().padStart(places + 1, "0");
    const dot = padded.length - places;
    const text = `${minus ? "-" : ""}${padded.slice(0, dot)}${places ? "." : ""}${padded.slice(dot)}${suffix}`;
    return { text, minus, above: digits * up, below: 10n ** BigInt(places) * down, cap };
  });

test("value and milliValue are exact, rounded away from zero to nanos and then to their unit", () => {
  const ceiling = (above: bigint, below: bigint) => (above + below - 1n) / below;
  fc.assert(
    fc.property(exact, ({ text, minus, above, below, cap }) => {
      const counted = ceiling(above * 10n ** 9n, below);
      const nanos = cap !== undefined && counted > cap * 10n ** 9n ? cap * 10n ** 9n : counted;
      const sign = minus ? -1n : 1n;
      const amount = parseQuantity(text);
      assert.equal(amount.nanos, sign * nanos, text);
      assert.equal(amount.value(), sign * ceiling(nanos, 10n ** 9n), text);
      assert.equal(amount.milliValue(), sign * ceiling(nanos, 10n ** 6n), text);
    }),
    { numRuns: 2000 },
  );
});

test("a number parses as its decimal text", () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (number) => {
      assert.equal(parseQuantity(number).nanos, parseQuantity(String(number)).nanos);
      if (Number.isSafeInteger(number)) assert.equal(parseQuantity(number).value(), BigInt(number));
    }),
  );
});
