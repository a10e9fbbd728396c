// Manifests are read as kubectl reads them: the plain scalars of YAML 1.1, a table of them and random ones.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { installKubectl } from "../../scripts/interop/kubectl.js";
import { parseManifests } from "../../src/kubernetes.js";
import { SeededRandom } from "../support/random.js";
import { tempFolder } from "../support/temp.js";

const execute = promisify(execFile);
let kubectl = "";

before(
  async () => {
    kubectl = await installKubectl();
  },
  { timeout: 300_000 },
);

/** The values that kubectl reads: `label --local` prints an object that it does not know in JSON, without a server. */
async function readByKubectl(t: TestContext, manifest: string): Promise<Readonly<Record<string, unknown>>> {
  const file = join(await tempFolder(t), "manifest.yaml");
  await writeFile(file, manifest);
  const arguments_ = ["label", "--local", "-f", file, "read=yes", "-o", "json"];
  const { stdout } = await execute(kubectl, arguments_, { timeout: 60_000, maxBuffer: 2 ** 26 });
  const { spec } = JSON.parse(stdout) as { readonly spec: { readonly affinity: Record<string, unknown> } };
  return spec.affinity;
}

async function compare(t: TestContext, scalars: readonly string[]): Promise<void> {
  const lines = scalars.map((scalar, index) => `    k${index}: ${scalar}`);
  const manifest = `apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers: []\n  affinity:\n${lines.join("\n")}\n`;
  const expected = await readByKubectl(t, manifest);
  const actual: Readonly<Record<string, unknown>> = {
    ...parseManifests(manifest).pods[0]?.object.spec?.affinity,
  };
  for (const [index, scalar] of scalars.entries()) {
    const value = actual[`k${index}`];
    // JSON has no other numbers than JavaScript, and kubectl prints no null.
    const plain = typeof value === "bigint" ? Number(value) : value;
    assert.deepEqual([scalar, plain === 0 ? 0 : plain], [scalar, expected[`k${index}`] ?? null]);
  }
}

test("scalars that are easily taken for others", { timeout: 120_000 }, (t) =>
  compare(
    t,
    `y Y yes YES yEs n no NO on On ON off OFF true TRUE tRue false ~ null Null nULL 0644 08 0o17 0x1F 0b101 1_000 1_000.5 _1 12e3 .5 5. +5 -0
    -0x10 +0x10 22:30 1:20:30 2001-12-14 2001-12-14T21:59:43Z 12345678901234567890 99999999999999999999 0o8 0x 1e -- 0_7 -1_0 = 1__0 123abc
    1.2.3 1e+3 1.e1 0. ._1 .207_1 -_32_6 9e0739 0777777777777777777777777`.split(/\s+/),
  ),
);

test("random scalars", { timeout: 120_000 }, async (t) => {
  const random = new SeededRandom();
  t.diagnostic(`seed ${random.seed}`);
  const alphabets = [
    "0123456789._-+eE",
    "01_xXbBoO",
    "0123456789abcdefx_",
    "yYnNoOeEsSfFtTrRuUaAlL~",
    "0123456789:-",
  ];
  const scalars = Array.from({ length: 1500 }, () => {
    const [first = "", ...rest] = alphabets;
    const letters = [...random.of(first, ...rest)];
    const [letter = "", ...others] = letters;
    return Array.from({ length: random.size(8) }, () => random.of(letter, ...others)).join("");
  });
  // These are no scalars in this place.
  await compare(
    t,
    [...new Set(scalars)].filter((text) => !/^[-:]($|\s)|:$|^:|^---|^-+$|^\.\.\.$/.test(text)),
  );
});
