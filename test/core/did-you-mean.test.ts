import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { nearest } from "../../src/core/did-you-mean.js";

const words = ["hostPath", "hostPort", "containerPath", "readOnly", "env", "tty", "args"];

test("a slip of the fingers is understood", () => {
  assert.equal(nearest("hostpath", words), "hostPath");
  assert.equal(nearest("hotsPath", words), "hostPath");
  assert.equal(nearest("hostPorts", words), "hostPort");
  assert.equal(nearest("readonly", words), "readOnly");
  assert.equal(nearest("contanerPath", words), "containerPath");
  assert.equal(nearest("envs", words), "env");
  assert.equal(nearest("ragS", words), "args");
});

test("what resembles nothing stays alone", () => {
  assert.equal(nearest("volumes", words), undefined);
  assert.equal(nearest("ab", words), undefined);
  assert.equal(nearest("", words), undefined);
  assert.equal(nearest("x".repeat(1_000_000), ["x".repeat(1_000_000)]), undefined);
  assert.equal(nearest("env", []), undefined);
});

test("the first of equals, and an equal one before all", () => {
  assert.equal(nearest("hostPa", ["hostPb", "hostPc"]), "hostPb");
  assert.equal(nearest("tty", ["tt", "tty", "ttty"]), "tty");
});

test("one letter of any word taken away: it is found again", () => {
  const word = fc.string({ minLength: 4, maxLength: 30, unit: "grapheme-ascii" });
  fc.assert(
    fc.property(word, fc.nat(29), (text, at) => {
      const position = at % text.length;
      assert.equal(nearest(text.slice(0, position) + text.slice(position + 1), [text]), text);
    }),
  );
});
