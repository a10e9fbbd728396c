// Tests the tarball, not the checkout: the files that npm publishes, as users install and import them. It is packed, bundled and
// compiled once. What depends on Node runs on the oldest release that the package supports, and on the newer lines.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { builtinModules } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { install, installNode } from "../../scripts/node-versions.mjs";
import { checkout } from "../support/checkout.js";
import { bundled, consumer, kubeletWithoutPeer, realmTests, typed } from "./programs.js";

// Inside the checkout, so that the package's dependencies are found without a registry.
const folder = join(checkout, ".cache", `package-${process.pid}`);
const installed = join(folder, "node_modules", "cri-sdk");
/**
 * The last measured size, 1,150,916 bytes in 132 files, plus 5 %. Compressed, in kB: code 715 (including the door for tests 129, the one for
 * kubelets 91, the room of Pods 105, the bundled yaml 39, protobuf 30, ws 17, tar-stream 14, and the generated codecs 10), declarations 206,
 * docs and other texts 144, source maps 111, schemas 28, notices 6.
 */
const limits = { files: 138, packedBytes: 1_208_000 };
let tarball: string;

const nodeVersions = ["20.19", "22", "24", "26"];
const limitMs = 600_000;

/** Runs a program to its end, and returns its output. An error has what it printed. */
async function run(program: string, args: readonly string[], cwd = folder): Promise<string> {
  const running = promisify(execFile)(program, args, { cwd, timeout: limitMs, maxBuffer: 2 ** 24 });
  running.child.stdin?.end();
  const { stdout } = await running.catch((error: Error & { stdout: string }) => {
    throw new Error(`${error.message}\n${error.stdout}`);
  });
  return stdout;
}

const bin = (name: string) => join(checkout, "node_modules", ".bin", name);
const doors = JSON.parse(readFileSync(join(checkout, "test/doors.json"), "utf8")) as Readonly<
  Record<string, readonly string[]>
>;
/** The names of the values of each door; the other names are types. */
const values = Object.fromEntries(
  Object.entries(doors).map(([door, names]) => [door, names.filter((name) => !name.startsWith("type "))]),
);

/** Copies a folder to a place where its programs find no package but those in the folder, for as long as `use` runs. */
async function elsewhere(from: string, use: (folder: string) => Promise<void>): Promise<void> {
  const alone = mkdtempSync(join(tmpdir(), "cri-sdk-alone-"));
  try {
    cpSync(from, alone, { recursive: true });
    await use(alone);
  } finally {
    rmSync(alone, { recursive: true });
  }
}

/** Writes a project of its own into the folder, and returns its path. */
function project(name: string, files: Readonly<Record<string, string>>): string {
  const path = join(folder, name);
  mkdirSync(path);
  for (const [file, text] of Object.entries(files)) writeFileSync(join(path, file), text);
  return path;
}

/** The bundlers, each with a function that creates a bundle in a folder, and returns its entry. */
const bundlers: Readonly<Record<string, (entry: string, folder: string) => Promise<string>>> = {
  async esbuild(entry, folder) {
    const bundle = join(folder, "main.mjs");
    await run(bin("esbuild"), [entry, "--bundle", "--platform=node", "--format=esm", `--outfile=${bundle}`]);
    return bundle;
  },
  async rollup(entry, folder) {
    const rollup = install(
      "rollup",
      "rollup-4",
      ["rollup@4", "@rollup/plugin-node-resolve@16"],
      ".bin/rollup",
    );
    const plugin = join(rollup, "../../@rollup/plugin-node-resolve/dist/es/index.js");
    const config = `import { nodeResolve } from ${JSON.stringify(plugin)};
      export default { plugins: [nodeResolve({ preferBuiltins: true })], external: ${JSON.stringify(builtinModules)} };`;
    writeFileSync(join(folder, "rollup.mjs"), config);
    const names = ["--entryFileNames=main.mjs", "--chunkFileNames=[name].mjs"];
    await run(rollup, ["-c", join(folder, "rollup.mjs"), "-i", entry, "-d", folder, "--silent", ...names]);
    return join(folder, "main.mjs");
  },
  async webpack(entry, folder) {
    const webpack = install("webpack", "webpack-5", ["webpack@5"], "webpack/lib/index.js");
    const options = {
      ...{ mode: "development", devtool: false, target: "node20", context: folder, entry },
      experiments: { outputModule: true },
      output: { path: folder, filename: "main.mjs", module: true, library: { type: "module" } },
    };
    writeFileSync(
      join(folder, "webpack.cjs"),
      `require(${JSON.stringify(webpack)})(${JSON.stringify(options)}, (error, stats) => {
        if (error || stats.hasErrors()) throw error ?? new Error(stats.toString());
      });`,
    );
    await run(process.execPath, [join(folder, "webpack.cjs")]);
    return join(folder, "main.mjs");
  },
};

describe("the package", { concurrency: 2 }, () => {
  before(async () => {
    mkdirSync(installed, { recursive: true });
    // A package of its own: in the checkout's, `cri-sdk` would be the checkout itself.
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "consumer", private: true }));
    await run("npm", ["pack", "--pack-destination", folder], checkout);
    tarball = join(folder, readdirSync(folder).find((name) => name.endsWith(".tgz")) ?? "");
    await run("tar", ["-xzf", tarball, "--strip-components=1", "-C", installed]);
  });

  after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }));

  // The longest first, so that it does not run alone at the end.
  for (const [name, tsc] of [
    ["the oldest supported", "../typescript-oldest/bin/tsc"],
    ["the current TypeScript", "tsc"],
  ] as const)
    test(`the declarations compile in the strictest mode, without the DOM library: ${name}`, async () => {
      const compilerOptions = {
        target: "es2022",
        lib: ["es2023", "esnext.disposable"],
        types: ["node"],
        module: "nodenext",
        strict: true,
        exactOptionalPropertyTypes: true,
        noUncheckedIndexedAccess: true,
        verbatimModuleSyntax: true,
        skipLibCheck: false,
        noEmit: true,
      };
      const settings = JSON.stringify({ compilerOptions, files: ["program.mts"] });
      const path = project(name, { "program.mts": typed, "tsconfig.json": settings });
      await run(bin(tsc), ["-p", path]);
    });

  test("the tarball contains the build, the schemas and the texts, within the limits of its size", async () => {
    const files = (await run("tar", ["-tzf", tarball])).trim().split("\n");
    const allowed =
      /^package\/(?:dist\/[\w/-]+(?:\.js|\.js\.map|\.d\.ts)|dist\/THIRD-PARTY-NOTICES\.txt|schemas\/[\w.-]+\.json|docs\/[\w-]+\.md|package\.json|LICENSE|(?:README|CHANGELOG|SECURITY)\.md)$/;
    assert.deepEqual(
      files.filter((file) => !allowed.test(file)),
      [],
    );
    for (const needed of ["LICENSE", "README.md", "dist/index.js", "dist/index.d.ts", "dist/v1.js"])
      assert.ok(existsSync(join(installed, needed)), `${needed} is missing`);
    assert.ok(files.length <= limits.files, `${files.length} files`);
    const { size } = statSync(tarball);
    assert.ok(size <= limits.packedBytes, `${size} bytes packed`);
  });

  test("every relative link of the texts leads to a file of the package", () => {
    const texts = readdirSync(installed, { recursive: true, encoding: "utf8" }).filter((name) =>
      /\.md$/.test(name),
    );
    assert.ok(texts.includes("docs/pods.md") && texts.includes("SECURITY.md"));
    const dead = texts.flatMap((name) => {
      const links = [...readFileSync(join(installed, name), "utf8").matchAll(/\]\(([^)\s]+)\)/g)];
      return links
        .map(([, link = ""]) => link.replace(/#.*/, ""))
        .filter(
          (link) =>
            link !== "" && !/^[a-z]+:/.test(link) && !existsSync(join(installed, dirname(name), link)),
        )
        .map((link) => `${name}: ${link}`);
    });
    assert.deepEqual(dead, []);
  });

  test("publint and attw report no problem", async () => {
    const { messages } = await publint({ pkgDir: installed, pack: false, strict: true });
    const pkg = JSON.parse(readFileSync(join(installed, "package.json"), "utf8")) as Record<string, unknown>;
    assert.deepEqual(
      messages.map((message) => formatMessage(message, pkg)),
      [],
    );
    await run(bin("attw"), [tarball, "--profile", "esm-only", "--format", "ascii"]);
  });

  test("the lock file contains every optional package, so that npm ci installs it on every platform", () => {
    const lock = JSON.parse(readFileSync(join(checkout, "package-lock.json"), "utf8")) as {
      readonly packages: Readonly<
        Record<string, { readonly optionalDependencies?: Readonly<Record<string, string>> }>
      >;
    };
    const missing = Object.entries(lock.packages).flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter(
        (name) =>
          !(`node_modules/${name}` in lock.packages) && !(`${path}/node_modules/${name}` in lock.packages),
      ),
    );
    assert.deepEqual(missing, []);
  });

  for (const [name, bundle] of Object.entries(bundlers))
    test(`an ES module that ${name} bundles works`, async () => {
      const output = join(folder, name);
      mkdirSync(output);
      const entry = join(folder, `${name}.mjs`);
      writeFileSync(entry, bundled);
      const main = await bundle(entry, output);
      await elsewhere(dirname(main), async (alone) => {
        for (const version of nodeVersions)
          assert.equal(await run(installNode(version), ["main.mjs"], alone), "done\n", `Node ${version}`);
      });
    });

  for (const version of nodeVersions) {
    const node = installNode(version);

    test(`Node ${version}: import and require load each door, and a program works`, async () => {
      const names = JSON.stringify([...Object.keys(doors), "cri-sdk/v1"]);
      const print = "console.log(JSON.stringify(Object.fromEntries(loaded)))";
      const keys = "Object.keys(door).filter((key) => key !== 'module.exports').sort()";
      const path = project(`doors-${version}`, {
        "esm.mjs": `const loaded = []; for (const name of ${names}) { const door = await import(name); loaded.push([name, ${keys}]); } ${print}`,
        "cjs.cjs": `const loaded = ${names}.map((name) => { const door = require(name); return [name, ${keys}]; }); ${print}`,
        "consumer.mjs": consumer,
      });
      for (const file of ["esm.mjs", "cjs.cjs"]) {
        const { "cri-sdk/v1": generated = [], ...loaded } = JSON.parse(
          await run(node, ["--no-warnings", file], path),
        ) as Record<string, string[]>;
        assert.deepEqual(loaded, values, file);
        assert.ok(generated.includes("RuntimeService"), file);
      }
      await run(node, ["consumer.mjs"], path);
    });

    test(`Node ${version}: only the doors can be imported`, async () => {
      const path = project(`deep-${version}`, { "deep.mjs": `import "cri-sdk/dist/chunks/core.js";` });
      await assert.rejects(run(node, ["deep.mjs"], path), /ERR_PACKAGE_PATH_NOT_EXPORTED/);
    });

    test(`Node ${version}: importing the root loads none of the dependencies`, async () => {
      const path = project(`root-${version}`, {
        "root.mjs": `import { connect } from "cri-sdk"; connect.lazy("unix:///run/x.sock");`,
      });
      cpSync(installed, join(path, "node_modules", "cri-sdk"), { recursive: true });
      await elsewhere(path, async (alone) => void (await run(node, ["root.mjs"], alone)));
    });

    test(`Node ${version}: kubelets need the optional package only for an API server`, async () => {
      const path = project(`kubelet-${version}`, { "kubelet.mjs": kubeletWithoutPeer });
      cpSync(installed, join(path, "node_modules", "cri-sdk"), { recursive: true });
      await elsewhere(path, async (alone) => {
        assert.equal(await run(node, ["kubelet.mjs"], alone), "Running\nclient_node_missing\n");
      });
    });

    test(`Node ${version}: stack traces name functions, and refer to the TypeScript sources with source maps`, async () => {
      const path = project(`stack-${version}`, {
        "stack.mjs": `import { parseReference } from "cri-sdk"; try { parseReference("Bad!"); } catch (error) { console.log(error.stack); }`,
      });
      const plain = await run(node, ["stack.mjs"], path);
      assert.match(plain, /at parseReference \(.*\/dist\/[\w/]+\.js:\d+:\d+\)/);
      const mapped = await run(node, ["--enable-source-maps", "stack.mjs"], path);
      const [, source = "", line] =
        /at parseReference \(.*?(src\/[\w/-]+\.ts):(\d+):\d+\)/.exec(mapped) ?? [];
      assert.equal(source, "src/core/image-reference.ts", mapped);
      const lines = readFileSync(join(checkout, source), "utf8").split("\n");
      assert.match(lines[Number(line) - 1] ?? "", /throw|invalid\(/);
    });

    test(`Node ${version}, jest: errors, the embedded runtime and the fixtures`, async () => {
      const jest = install("jest", "jest-30", ["jest@30"], "jest/bin/jest.js");
      const manifest = JSON.stringify({ name: "jest-user", type: "module" });
      const path = project(`jest-${version}`, { "package.json": manifest, "realm.test.js": realmTests });
      const flags = ["--experimental-vm-modules", "--no-warnings", jest];
      await run(node, [...flags, "--rootDir", path, "--testTimeout=60000", "--watchman=false"], path);
    });

    test(`Node ${version}, vitest's vmThreads: errors, the embedded runtime and the fixtures`, async () => {
      const path = project(`vitest-${version}`, { "realm.test.js": realmTests });
      const vitest = join(checkout, "node_modules/vitest/vitest.mjs");
      const options = ["--pool=vmThreads", "--globals", "--testTimeout=60000"];
      await run(node, [vitest, "run", "--root", path, ...options]);
    });
  }
});
