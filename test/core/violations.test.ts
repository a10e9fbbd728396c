import assert from "node:assert/strict";
import { test } from "node:test";
import { Violations } from "../../src/core/index.js";

test("Violations lists every problem in one error, in order", () => {
  const violations = new Violations();
  assert.equal(violations.check(true, "name", "must not be empty"), true);
  violations.throwIfAny("invalid_spec", "the pod's spec is invalid");
  assert.equal(violations.check(false, "name", "must not be empty"), false);
  assert.equal(violations.check(false, "cpu", "must be 0 or more", undefined), false);
  violations.addValue("memory", "must be a number", "64MB");
  violations.add("", "the file is empty");
  assert.throws(
    () => violations.throwIfAny("invalid_spec", "the pod's spec is invalid", "See docs/configs.md"),
    {
      code: "invalid_argument",
      reason: "invalid_spec",
      hint: "See docs/configs.md",
      rawMessage:
        "the pod's spec is invalid: name: must not be empty; cpu: must be 0 or more, got undefined; " +
        'memory: must be a number, got "64MB"; the file is empty',
      problems: [
        { path: "name", message: "must not be empty" },
        { path: "cpu", message: "must be 0 or more, got undefined", value: undefined },
        { path: "memory", message: 'must be a number, got "64MB"', value: "64MB" },
        { path: "", message: "the file is empty" },
      ],
    },
  );
});

test("the error keeps the problems it was created with", () => {
  const violations = new Violations();
  violations.add("a", "is missing");
  const error = violations.toError("invalid_response", "the response is invalid");
  violations.add("b", "is missing");
  assert.equal(error?.problems.length, 1);
  assert.equal(error?.code, "internal");
});

test("addProblem() keeps the value out of the message", () => {
  const violations = new Violations();
  violations.addProblem({
    path: "env.TOKEN",
    message: "must not contain a NUL character",
    value: "secret\0",
  });
  const error = violations.toError("invalid_spec", "the spec is invalid");
  assert.equal(error?.rawMessage, "the spec is invalid: env.TOKEN: must not contain a NUL character");
  assert.equal(error?.problems[0]?.value, "secret\0");
});
