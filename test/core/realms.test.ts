import assert from "node:assert/strict";
import { test } from "node:test";
import { createContext, runInContext } from "node:vm";
import {
  abortError,
  codeOf,
  errorsOf,
  isBytes,
  isDate,
  isError,
  isKeyed,
  isPromiseLike,
  messageOf,
  tagOf,
} from "../../src/core/index.js";

const other = createContext({});
const foreign = (source: string): unknown => runInContext(source, other);

test("values of another realm are recognized, where instanceof does not", () => {
  assert.equal(foreign("new Error('x')") instanceof Error, false);
  for (const source of ["new Error('x')", "new TypeError('x')", "new (class A extends Error {})('x')"]) {
    assert.ok(isError(foreign(source)), source);
    assert.equal(messageOf(foreign(source)), "x", source);
  }
  assert.equal(codeOf(foreign("Object.assign(new Error(), { code: 'ENOENT' })")), "ENOENT");
  assert.deepEqual([...(errorsOf(foreign("new AggregateError([1, 2])")) ?? [])], [1, 2]);
  assert.ok(isBytes(foreign("new Uint8Array(3)")));
  assert.ok(isDate(foreign("new Date(0)")));
  assert.ok(isPromiseLike(foreign("Promise.resolve()")));
  assert.ok(isPromiseLike(foreign("({ then() {} })")));
});

test("values of this realm are recognized, too, and others are not", () => {
  assert.ok(isError(new RangeError("x")));
  assert.ok(isError(Object.create(Error.prototype)));
  assert.ok(isError(new DOMException("x", "TimeoutError")));
  assert.ok(isBytes(Buffer.alloc(1)));
  for (const value of [undefined, null, "x", 1, {}, { message: "x", name: "Error" }, [], () => undefined]) {
    assert.equal(isError(value), false);
    assert.equal(codeOf(value), undefined);
    assert.equal(errorsOf(value), undefined);
    assert.equal(isBytes(value), false);
    assert.equal(isDate(value), false);
    assert.equal(isPromiseLike(value), false);
    assert.equal(messageOf(value), String(value));
  }
  assert.equal(isBytes(new ArrayBuffer(1)), false);
  assert.equal(isBytes(new Uint16Array(1)), false);
  assert.equal(codeOf(Object.assign(new Error(), { code: 5 })), undefined);
  assert.equal(tagOf(new Blob([])), "Blob");
});

test("the timeout of a signal from another realm is a deadline", () => {
  const reason: unknown = foreign("Object.assign(new Error('late'), { name: 'TimeoutError' })");
  assert.equal(abortError({ aborted: true, reason } as AbortSignal).reason, "deadline");
});

test("objects with keys are told from those that would be taken for empty ones", async () => {
  class Options {}
  const namespace = await import("../../src/core/realms.js");
  for (const value of [{}, Object.create(null), new Options(), namespace, process.env, foreign("({ a: 1 })")])
    assert.ok(isKeyed(value), String(Object.prototype.toString.call(value)));
  for (const source of [
    "new Map()",
    "Promise.resolve()",
    "new Date(0)",
    "[]",
    "null",
    "new Uint8Array(1)",
    "'x'",
  ])
    assert.equal(isKeyed(foreign(source)), false, source);
  for (const value of [new Map(), Promise.resolve(), new Date(0), [], null, undefined, Buffer.alloc(1), "x"])
    assert.equal(isKeyed(value), false);
});
