import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { closestMatch } from "../../src/core/suggestions.js";

const words = ["hostPath", "hostPort", "containerPath", "readOnly", "env", "tty", "args"];

test("finds the word that a typo means", () => {
  assert.equal(closestMatch("hostpath", words), "hostPath");
  assert.equal(closestMatch("hotsPath", words), "hostPath");
  assert.equal(closestMatch("hostPorts", words), "hostPort");
  assert.equal(closestMatch("readonly", words), "readOnly");
  assert.equal(closestMatch("contanerPath", words), "containerPath");
  assert.equal(closestMatch("envs", words), "env");
  assert.equal(closestMatch("ragS", words), "args");
});

test("returns undefined when no candidate is close", () => {
  assert.equal(closestMatch("volumes", words), undefined);
  assert.equal(closestMatch("ab", words), undefined);
  assert.equal(closestMatch("", words), undefined);
  assert.equal(closestMatch("x".repeat(1_000_000), ["x".repeat(1_000_000)]), undefined);
  assert.equal(closestMatch("env", []), undefined);
});

test("prefers an exact match, then the first of equally close ones", () => {
  assert.equal(closestMatch("hostPa", ["hostPb", "hostPc"]), "hostPb");
  assert.equal(closestMatch("tty", ["tt", "tty", "ttty"]), "tty");
});

test("finds every word of which one letter is missing", () => {
  const word = fc.string({ minLength: 4, maxLength: 30, unit: "grapheme-ascii" });
  fc.assert(
    fc.property(word, fc.nat(29), (text, at) => {
      const position = at % text.length;
      assert.equal(closestMatch(text.slice(0, position) + text.slice(position + 1), [text]), text);
    }),
  );
});
