// Checks the pages against the code: tables, names of scripts, dependencies and links.
import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { criErrorReasons } from "../../src/index.js";
import { pages, proseOf, readPage, root, samples } from "../support/docs/pages.js";

const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
};

test("docs/errors.md lists every reason with its code and meaning", () => {
  const text = readPage("docs/errors.md");
  for (const [reason, { code, meaning }] of Object.entries(criErrorReasons)) {
    const row = `| \`${reason}\` | ${code ? `\`${code}\`` : "varies"} | ${meaning} |`;
    assert.ok(text.includes(row), `${reason} is missing, or its row differs`);
  }
});

test("docs/architecture.md lists every dependency", () => {
  const text = readPage("docs/architecture.md");
  for (const name of Object.keys({ ...manifest.dependencies, ...manifest.devDependencies }))
    assert.ok(text.includes(`\`${name}\``), `${name} is not in docs/architecture.md`);
});

test("every npm script that a page names exists", () => {
  for (const page of pages)
    for (const [, name = ""] of readPage(page).matchAll(/npm run ([a-z:-]+)/g))
      assert.ok(name in manifest.scripts, `${page}: npm run ${name}`);
});

test("every relative link leads to a file, and every anchor to a heading", () => {
  for (const page of pages)
    for (const [, target = ""] of proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [path = "", anchor] = target.split("#");
      const file = path === "" ? page : join(dirname(page), path);
      assert.ok(existsSync(join(root, file)), `${page}: ${target}`);
      if (anchor) assert.ok(anchorsOf(file).includes(anchor), `${page}: ${target}`);
    }
});

test("docs/README.md leads to every other page of docs/", () => {
  const text = readPage("docs/README.md");
  for (const page of pages.filter((page) => page.startsWith("docs/") && page !== "docs/README.md"))
    assert.ok(text.includes(`](${page.slice("docs/".length)})`), page);
});

test("every picture that a page shows exists and is small", () => {
  let count = 0;
  for (const page of pages)
    for (const [, path = ""] of proseOf(page).matchAll(/<(?:img|source)\b[^>]*\b(?:src|srcset)="([^"]+)"/g)) {
      const file = join(root, dirname(page), path);
      assert.ok(existsSync(file), `${page}: ${path}`);
      assert.ok(statSync(file).size < 150_000, `${page}: ${path} is too large`);
      count++;
    }
  assert.ok(count > 0, "no picture was found");
});

test("the README is short and begins with a program", () => {
  const text = readPage("README.md");
  assert.ok(text.split("\n").length < 200);
  assert.ok(samples().some(({ page, line }) => page === "README.md" && line < 10));
});

function anchorsOf(page: string): string[] {
  const headings = proseOf(page).matchAll(/^#+ (.*)$/gm);
  return [...headings].map(([, text = ""]) =>
    text
      .toLowerCase()
      .replace(/[^\w\s-]/g, "")
      .trim()
      .replaceAll(" ", "-"),
  );
}
