import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CriError,
  codeFromNumber,
  codeToNumber,
  criError,
  criErrorCodes,
  invalidOption,
  isCriError,
} from "../../src/core/index.js";

const init = { code: "unavailable", reason: "socket_missing", rawMessage: "no socket" } as const;

test("codes convert to gRPC's numbers and back", () => {
  assert.equal(criErrorCodes.length, 16);
  for (const code of criErrorCodes) assert.equal(codeFromNumber(codeToNumber(code)), code);
  assert.equal(codeToNumber("canceled"), 1);
  assert.equal(codeToNumber("unauthenticated"), 16);
  for (const strange of [0, 17, -1, 1.5, Number.NaN]) assert.equal(codeFromNumber(strange), "unknown");
});

test("the message has method, endpoint, text, code, reason and hint", () => {
  assert.equal(new CriError(init).message, "no socket [unavailable: socket_missing]");
  assert.equal(
    new CriError({ ...init, method: "Version", endpoint: "unix:///x", hint: "Start it" }).message,
    "Version at unix:///x: no socket [unavailable: socket_missing]. Start it",
  );
  assert.equal(new CriError({ ...init, endpoint: "unix:///x" }).message.startsWith("at unix:///x: "), true);
});

test("with() keeps the other properties and the stack of the original", () => {
  const cause = new Error("why");
  const error = new CriError({ ...init, cause, rawMessage: "costs $& and $'" });
  const more = error.with({ method: "Version" });
  assert.equal(more.cause, cause);
  assert.equal(more.method, "Version");
  assert.equal(more.rawMessage, "costs $& and $'");
  assert.equal(more.stack?.split("\n    at ")[1], error.stack?.split("\n    at ")[1]);
  assert.ok(more.stack?.includes(more.message), "the stack shows the new message as it is");
  assert.equal(error.method, undefined);
});

test("without a cause, the property `cause` is absent", () => {
  assert.equal(Object.hasOwn(new CriError(init), "cause"), false);
});

test("isCriError and instanceof recognize errors of another copy of the package", async () => {
  const url = new URL("../../src/core/errors.js?copy=2", import.meta.url).href;
  const other = (await import(url)) as typeof import("../../src/core/errors.js");
  assert.notEqual(other.CriError, CriError, "it is one copy, the test proves nothing");
  const foreign = new other.CriError(init);
  assert.ok(foreign instanceof CriError);
  assert.ok(isCriError(foreign));
  assert.ok(new CriError(init) instanceof other.CriError);
  for (const not of [null, undefined, "x", new Error("x"), { ...init }])
    assert.equal(not instanceof (CriError as never), false);
});

test("invalidOption describes path, rule and any kind of value", () => {
  const error = invalidOption("timeoutMs", -1, "must be 0 or more");
  assert.equal(error.rawMessage, "timeoutMs must be 0 or more, got -1");
  assert.deepEqual(error.problems, [{ path: "timeoutMs", message: "must be 0 or more", value: -1 }]);
  for (const [value, shown] of [
    [5n, "5n"],
    [[1, 2], "an array of 2"],
    [{ a: 1 }, "an object"],
    [Object.create(null), "an object"],
    ["a\nb", '"a\\nb"'],
    [Symbol("s"), "Symbol(s)"],
  ] as const)
    assert.ok(invalidOption("x", value, "is wrong").rawMessage.endsWith(`got ${shown}`));
  assert.ok(invalidOption("x", "y".repeat(1000), "is long").rawMessage.length < 200);
});

test("criError: the reason determines the code, and a varying reason takes it as a detail", () => {
  const missing = criError("socket_missing", "no socket", { hint: "Start it" });
  assert.deepEqual([missing.code, missing.hint], ["unavailable", "Start it"]);
  assert.equal(criError("runtime_error", "failed", { code: "aborted" }).code, "aborted");
  // @ts-expect-error the code of runtime_error varies, so it must be passed
  assert.equal(criError("runtime_error", "failed").code, "unknown");
  // @ts-expect-error socket_missing implies its code
  assert.equal(criError("socket_missing", "no socket", { code: "internal" }).code, "unavailable");
});
