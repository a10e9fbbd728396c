import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CriError,
  codeFromNumber,
  codeToNumber,
  criErrorCodes,
  invalidOption,
  isCriError,
} from "../../src/core/index.js";

const init = { code: "unavailable", reason: "socket_missing", text: "no socket" } as const;

test("codes have gRPC's numbers, there and back", () => {
  assert.equal(criErrorCodes.length, 16);
  for (const code of criErrorCodes) assert.equal(codeFromNumber(codeToNumber(code)), code);
  assert.equal(codeToNumber("canceled"), 1);
  assert.equal(codeToNumber("unauthenticated"), 16);
  for (const strange of [0, 17, -1, 1.5, Number.NaN]) assert.equal(codeFromNumber(strange), "unknown");
});

test("the message says where, what, which code and what to do", () => {
  assert.equal(new CriError(init).message, "no socket [unavailable: socket_missing]");
  assert.equal(
    new CriError({ ...init, method: "Version", endpoint: "unix:///x", hint: "Start it" }).message,
    "Version at unix:///x: no socket [unavailable: socket_missing]. Start it",
  );
  assert.equal(new CriError({ ...init, endpoint: "unix:///x" }).message.startsWith("at unix:///x: "), true);
});

test("with() keeps what it is not given, and the place of the throw", () => {
  const cause = new Error("why");
  const error = new CriError({ ...init, cause, text: "costs $& and $'" });
  const more = error.with({ method: "Version" });
  assert.equal(more.cause, cause);
  assert.equal(more.method, "Version");
  assert.equal(more.text, "costs $& and $'");
  assert.equal(more.stack?.split("\n    at ")[1], error.stack?.split("\n    at ")[1]);
  assert.ok(more.stack?.includes(more.message), "the stack shows the new message as it is");
  assert.equal(error.method, undefined);
});

test("no cause given means no cause", () => {
  assert.equal(Object.hasOwn(new CriError(init), "cause"), false);
});

test("an error of another copy of the package is recognised", async () => {
  const url = new URL("../../src/core/errors.ts?copy=2", import.meta.url).href;
  const other = (await import(url)) as typeof import("../../src/core/errors.js");
  assert.notEqual(other.CriError, CriError, "it is one copy, the test proves nothing");
  const foreign = new other.CriError(init);
  assert.ok(foreign instanceof CriError);
  assert.ok(isCriError(foreign));
  assert.ok(new CriError(init) instanceof other.CriError);
  for (const not of [null, undefined, "x", new Error("x"), { ...init }])
    assert.equal(not instanceof (CriError as never), false);
});

test("a bad option is told by path, rule and value, whatever the value", () => {
  const error = invalidOption("timeoutMs", -1, "must be 0 or more");
  assert.equal(error.text, "timeoutMs must be 0 or more, got -1");
  assert.deepEqual(error.problems, [{ path: "timeoutMs", message: "must be 0 or more", value: -1 }]);
  for (const [value, shown] of [
    [5n, "5n"],
    [[1, 2], "a list of 2"],
    [{ a: 1 }, "an object"],
    [Object.create(null), "an object"],
    ["a\nb", '"a\\nb"'],
    [Symbol("s"), "Symbol(s)"],
  ] as const)
    assert.ok(invalidOption("x", value, "is wrong").text.endsWith(`got ${shown}`));
  assert.ok(invalidOption("x", "y".repeat(1000), "is long").text.length < 200);
});
