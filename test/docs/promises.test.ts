import assert from "node:assert/strict";
import { test } from "node:test";
import type { Fence } from "../support/docs/pages.js";
import { brokenPromise, programOf } from "../support/docs/promises.js";

const sample = (...lines: string[]): Fence => ({
  ...{ page: "a.md", line: 3, language: "ts" },
  text: `${lines.join("\n")}\n`,
});

test("`// =>` states a line of output or a value, and line numbers do not change", () => {
  const { code, promised } = programOf(
    sample("console.log(1); // => 1", "  1 + 1; // => 2", "// => 3", "const x = 4; // a comment"),
  );
  assert.deepEqual(code.split("\n").slice(2), [
    "console.log(1); // => 1",
    "  console.log(1 + 1);",
    "// => 3",
    "const x = 4; // a comment",
    "",
  ]);
  assert.deepEqual(promised, ["1", "2", "3"]);
});

test("`// =>` after a statement without a value is an error", () => {
  for (const line of ["const x = 1; // => 1", "} // => 1", "call( // => 1", "if (x) y(); // => 1"])
    assert.throws(() => programOf(sample("", line)), /^Error: a\.md:4: /, line);
});

test("output must equal the expected lines, in which … matches anything", () => {
  assert.equal(brokenPromise([], "any output\n"), undefined);
  assert.equal(brokenPromise(["a.b", "id …!"], "a.b\nid 4711!\n"), undefined);
  for (const printed of ["a.b", "a.b\nid 1", "a.b\nid 1!\nmore", "axb\nid 1!", ""])
    assert.match(
      brokenPromise(["a.b", "id …!"], printed) ?? "",
      /^it should print\na\.b\nid …!\nbut prints\n/,
    );
});
