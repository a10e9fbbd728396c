// The checks of `npm run docs`, on small packages: links that lead nowhere, names that no door exports, and members without comments.
// `.ci/run` makes the same checks of this package.
import assert from "node:assert/strict";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { brokenLinks } from "../../scripts/docs/links.js";
import {
  coverageTable,
  type Findings,
  sourcesOfPackage,
  writeReference,
} from "../../scripts/docs/reference.js";
import { checkout } from "../support/checkout.js";
import { pages } from "../support/docs/pages.js";
import { tempFolder } from "../support/temp.js";

const door = "/**\n * The door.\n *\n * @packageDocumentation\n */\n";
const compilerOptions = { strict: true, module: "nodenext", target: "es2022", types: [] };

/** Writes the site of a package with these files. `src/index.ts` is its only door; `docs/README.md`, if it exists, the start page. */
async function checked(
  t: TestContext,
  files: Readonly<Record<string, string>>,
  options: { readonly notExported?: readonly string[] } = {},
): Promise<Findings & { readonly site: string }> {
  const root = await tempFolder(t);
  const all = {
    "package.json": JSON.stringify({ name: "fixture", type: "module" }),
    "tsconfig.json": JSON.stringify({ compilerOptions, include: ["src"] }),
    ...files,
  };
  for (const [name, text] of Object.entries(all)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), text);
  }
  const guides = Object.keys(files).filter((name) => name.startsWith("docs/") && name !== "docs/README.md");
  const found = await writeReference(
    {
      ...{ root, doors: { fixture: join(root, "src/index.ts") }, tsconfig: join(root, "tsconfig.json") },
      ...("docs/README.md" in files && {
        guides: { start: join(root, "docs/README.md"), pages: guides.map((name) => join(root, name)) },
      }),
      ...options,
    },
    join(root, "site"),
  );
  return { ...found, site: join(root, "site") };
}

test("a package without faults: the site has a page for the door and for each guide, and no other host is asked", async (t) => {
  const { problems, coverage, site } = await checked(t, {
    "src/index.ts": `${door}/** Returns the {@link Answer}. */\nexport declare function answer(): Answer;\nexport type { Answer } from "./answer.js";\nimport type { Answer } from "./answer.js";\n`,
    "src/answer.ts":
      "/** A number. */\nexport interface Answer {\n  /** Its value. */\n  readonly value: number;\n}\n",
    "docs/README.md": "# Start\n\nRead [the guide](guide.md#one-more-thing).\n",
    "docs/guide.md": "# The `guide`\n\n[Back](README.md).\n\n## One more thing\n",
  });
  assert.deepEqual(problems, []);
  assert.deepEqual(coverage, [{ door: "fixture", members: 4, undocumented: [] }]);
  assert.deepEqual(await readdir(join(site, "documents")), ["The_guide.html"]);
  assert.match(await readFile(join(site, "modules/fixture.html"), "utf8"), /The door\./);
  assert.match(
    await readFile(join(site, "index.html"), "utf8"),
    /href="documents\/The_guide\.html#one-more-thing"/,
  );
});

test("links that lead nowhere are problems: of comments, to a page, and to a heading", async (t) => {
  const { problems } = await checked(t, {
    "src/index.ts": `${door}/** See {@link Gone}. */\nexport declare const value: number;\n`,
    "docs/README.md": "# Start\n\n[A](gone.md) [B](guide.md#gone)\n",
    "docs/guide.md": "# Guide\n",
  });
  const text = problems.join("\n");
  assert.match(text, /Failed to resolve link to "Gone" in comment for fixture\.value/);
  assert.match(text, /docs\/README\.md:3: The relative path gone\.md is not a file/);
  assert.deepEqual(problems.slice(-2), [
    "index.html: the link gone.md leads to no file",
    "index.html: the link documents/Guide.html#gone leads to no place on its page",
  ]);
});

test("a type in a public signature must be exported, unless it is listed or shown in place", async (t) => {
  const files = {
    "src/index.ts": `${door}export type { Door } from "./door.js";\n`,
    "src/door.ts":
      "interface Hidden {\n  /** X. */\n  readonly x: number;\n}\n/** Y. @inline */\ninterface Inlined {\n  /** Y. */\n  readonly y: number;\n}\n/** Z. */\nexport interface Door {\n  /** H. */\n  readonly hidden: Hidden;\n  /** I. */\n  readonly inlined: Inlined;\n}\n",
  };
  const { problems, coverage } = await checked(t, files);
  assert.equal(problems.length, 1, problems.join("\n"));
  assert.match(
    problems[0] ?? "",
    /^Hidden, defined in fixture\/src\/door\.ts, is referenced by fixture\.Door\.hidden /,
  );
  // The door, the type, its two members, and the member of the type that is shown in place.
  assert.equal(coverage[0]?.members, 5);
  const listed = await checked(t, files, { notExported: ["src/door.ts:Hidden"] });
  assert.deepEqual(listed.problems, []);
});

test("what counts as a public member, and which of them have a comment", async (t) => {
  const { problems, coverage } = await checked(t, {
    "src/index.ts": 'export * from "./members.js";\nexport { words as again } from "./members.js";\n',
    "src/members.ts": `
export interface Base { readonly inherited: string }
export interface Derived extends Base { readonly own: { readonly deep: number }; readonly kind: "derived"; readonly none?: undefined }
/** Documented. */
export type Union =
  | {
      /** A. */
      readonly a: 1 | 2;
    }
  | { readonly b: (parameter: { readonly ignored: string }) => void };
export class Plain { constructor() {} #hidden = 1; private secret = 2; get value(): number { return this.#hidden + this.secret } }
export class WithArgument { constructor(readonly argument: string) {} }
/** First overload. */
export function overloaded(value: string): void;
export function overloaded(value: number): void;
export function overloaded(): void {}
export const words = { one: "1", table: { two: 2 } } as const;
`,
  });
  const undocumented = coverage[0]?.undocumented.map(({ path }) => path).sort();
  const names =
    "Base Base.inherited Derived Derived.own Derived.own.deep Plain Plain.value Union.b WithArgument WithArgument.argument WithArgument.constructor fixture words words.one";
  assert.deepEqual(undocumented, names.split(" "));
  // And those with a comment: Union, Union.a and both overloads, since the site has the comment of the first for the second, too.
  assert.equal(coverage[0]?.members, 18);
  assert.deepEqual(problems, ["fixture: 22.2 % of the public members have comments, and not 98 %"]);
  const table = coverageTable(coverage).split("\n");
  assert.equal(table[1], "fixture                      18          4   22.2 %");
  assert.match(table[2] ?? "", /^src\/index\.ts:1: fixture has no comment$/);
  assert.equal(table.at(-1), "… and 9 more");
});

test("a page that requests something from another host is a problem; a link to another host is none", async (t) => {
  const folder = await tempFolder(t);
  await writeFile(
    join(folder, "index.html"),
    '<a href="https://example.com/">x</a><script src="https://example.com/a.js"></script><img alt="" src="//example.com/b.png"><a href="#x&amp;y">z</a><p id="x&#38;y"></p>',
  );
  await writeFile(
    join(folder, "style.css"),
    '@import "x.css";\na { background: url("https://example.com/c.png") }\n',
  );
  assert.deepEqual(brokenLinks(folder), [
    "index.html: <script> requests https://example.com/a.js from another host",
    "index.html: <img> requests //example.com/b.png from another host",
    'style.css: requests @import "x.css" from another host',
    'style.css: requests url("https://example.com/c.png" from another host',
  ]);
});

test("the site has every door and every guide, in the order of the start page", () => {
  const { doors, guides } = sourcesOfPackage(checkout);
  assert.equal(Object.keys(doors).length, 12);
  assert.equal(guides?.pages.length, pages.filter((page) => page.startsWith("docs/")).length - 1);
  assert.match(guides?.pages[0] ?? "", /docs\/getting-started\.md$/);
});
