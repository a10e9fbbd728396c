import assert from "node:assert/strict";
import { test } from "node:test";
import { type BackoffOptions, CriError, OptionTable, option, type TlsOptions } from "../../src/core/index.js";

interface Options {
  readonly dryRun?: boolean | undefined;
  readonly waitMs?: number | undefined;
  readonly state?: "running" | "exited" | undefined;
  readonly backoff?: BackoffOptions | undefined;
  readonly ids?: readonly string[] | undefined;
  readonly name: string;
}

const backoffTable = new OptionTable<BackoffOptions>({
  firstMs: option.milliseconds,
  maxMs: option.milliseconds,
  factor: option.number(1),
  jitter: option.number(0, 1),
});
const checks = {
  dryRun: option.boolean,
  waitMs: option.milliseconds,
  state: option.oneOf("running", "exited"),
  backoff: option.nested(backoffTable),
  ids: option.listOf(option.string),
};
const table = new OptionTable<Options>({ ...checks, name: option.required(option.string) });

/** Returns the problems with options, without the operation and the code. */
function problemWith(options: unknown): string {
  try {
    table.check("images.prune", options as Options);
  } catch (error) {
    assert.ok(error instanceof CriError);
    assert.equal(error.reason, "invalid_option");
    assert.equal(error.problems.length, 1);
    assert.match(error.rawMessage, /^images\.prune: /);
    return error.rawMessage.slice("images.prune: ".length);
  }
  return "valid";
}

const cases: readonly (readonly [options: unknown, problem: string])[] = [
  [{ name: "a", dryRun: true, waitMs: Number.POSITIVE_INFINITY, state: "exited", ids: ["b"] }, "valid"],
  [{ name: "a", dryRun: undefined, dryrun: undefined }, "valid"],
  [{ name: "a", backoff: { firstMs: 1, jitter: 1 } }, "valid"],
  [{ name: "a", dryrun: true }, "dryrun is not an option (did you mean dryRun?)"],
  [{ name: "a", toString: 1 }, /^toString is not an option; the options are dryRun, /.source],
  [JSON.parse('{"name":"a","__proto__":1}'), /^__proto__ is not an option/.source],
  [{ name: "a", "x-y": 1 }, /^\["x-y"\] is not an option/.source],
  [Object.create({ name: "a", dryrun: true }), "dryrun is not an option (did you mean dryRun?)"],
  [{ name: "a", dryRun: "yes" }, 'dryRun must be true or false, got "yes"'],
  [{ name: "a", dryRun: null }, "dryRun must not be null, got null"],
  [{ name: "a", waitMs: Number.NaN }, "waitMs must be 0 or more milliseconds, got NaN"],
  [{ name: "a", waitMs: 5n }, "waitMs must be 0 or more milliseconds, got 5n"],
  [
    { name: "a", state: "Running" },
    'state must be one of "running", "exited" (did you mean "running"?), got "Running"',
  ],
  [{ name: "a", backoff: { jiter: 1 } }, "backoff.jiter is not an option (did you mean jitter?)"],
  [{ name: "a", backoff: { jitter: 2 } }, "backoff.jitter must be from 0 to 1, got 2"],
  [{ name: "a", backoff: 5 }, "backoff must be an object, got 5"],
  [{ name: "a", ids: ["b", 5] }, "ids[1] must be a string, got 5"],
  [{ name: "a", ids: "b" }, 'ids must be an array, got "b"'],
  [{}, "name is required"],
  [undefined, "options must be an object, got undefined"],
  [null, "options must be an object, got null"],
  ["a", 'options must be an object, got "a"'],
  [[], "options must be an object, got an array of 0"],
];

for (const [options, expected] of cases)
  test(`options ${describeCase(options)}: ${expected}`, () => {
    const actual = problemWith(options);
    if (expected.startsWith("^")) assert.match(actual, new RegExp(expected));
    else assert.equal(actual, expected);
  });

function describeCase(options: unknown): string {
  return (
    JSON.stringify(options, (_, value) => (typeof value === "bigint" ? `${value}n` : value)) ?? "undefined"
  );
}

test("a table does not compile without a check for each option and each of its types", () => {
  const name = option.required(option.string);
  // Compiled, and not called.
  const tables = () => {
    // @ts-expect-error an option without a check
    new OptionTable<Options>({ ...checks, name, ids: undefined });
    // @ts-expect-error a check for an option that does not exist
    new OptionTable<Options>({ ...checks, name, idz: option.string });
    // @ts-expect-error a check of another type
    new OptionTable<Options>({ ...checks, name, dryRun: option.string });
    // @ts-expect-error a check without one of the values
    new OptionTable<Options>({ ...checks, name, state: option.oneOf("running") });
    // @ts-expect-error an optional check of a required option
    new OptionTable<Options>({ ...checks, name: option.string });
    // @ts-expect-error a check that is missing
    new OptionTable<TlsOptions>({ ca: option.any });
  };
  assert.equal(typeof tables, "function");
});

test("the values of secrets are not in errors", () => {
  const secrets = new OptionTable<{ readonly password?: string | undefined }>({ password: option.secret });
  assert.throws(
    () => secrets.check("keyring", { password: ["hunter2"] } as never),
    (error) =>
      error instanceof CriError && !JSON.stringify({ ...error, m: error.message }).includes("hunter2"),
  );
  assert.throws(
    () => secrets.check("keyring", { pasword: "hunter2" } as never),
    (error) =>
      error instanceof CriError && !JSON.stringify({ ...error, m: error.message }).includes("hunter2"),
  );
});

test("signals of another realm are signals, and controllers are not", () => {
  const signals = new OptionTable<{ readonly signal?: AbortSignal | undefined }>({ signal: option.signal });
  const controller = new AbortController();
  signals.check("f", { signal: controller.signal });
  const foreign = { aborted: false, addEventListener() {}, removeEventListener() {} };
  signals.check("f", { signal: foreign as never });
  assert.throws(() => signals.check("f", { signal: controller as never }), /pass `controller.signal`/);
});
