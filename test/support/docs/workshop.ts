import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { build } from "esbuild";
import { type Fence, root } from "./pages.js";
import { brokenPromise, programOf } from "./promises.js";

const timeLimitMs = 60_000;
const compileLimitMs = 120_000;

/** How a sample is run. */
export interface SampleRun {
  /** Replacements in the compiled program: of a string, or of every match of a pattern. */
  readonly changes?: ReadonlyMap<string | RegExp, string> | undefined;
  /** Variables that are added to the environment of this process. */
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Type-checks samples, and runs each as a program of its own. They run inside a copy of the package that is bundled as the
 * published one is, since a sample loads that three times as fast as the single files.
 */
export class Workshop implements Disposable {
  /** The compiler's errors as `page-line.ts(line,column): error …`, with the line numbers of the page. */
  readonly problems: readonly string[];
  readonly #samples: string;
  readonly #folder: string;

  private constructor(folder: string, samples: string, problems: readonly string[]) {
    this.#folder = folder;
    this.#samples = samples;
    this.problems = problems;
  }

  static async open(samples: readonly Fence[]): Promise<Workshop> {
    // Inside the checkout, where Node finds the dependencies of the package.
    const folder = join(root, ".cache", `docs-${process.pid}`);
    const sources = join(folder, "samples");
    mkdirSync(sources, { recursive: true });
    try {
      for (const sample of samples) {
        const { code } = programOf(sample);
        // Makes a sample without imports a module, so that it can use `await`.
        writeFileSync(join(sources, `${nameOf(sample)}.ts`), `${code}\nexport {};\n`);
      }
      const names = samples.map((sample) => join(sources, `${nameOf(sample)}.ts`));
      const compiled = join(folder, "package", "samples");
      await bundlePackage(join(folder, "package"));
      await build({ entryPoints: names, outdir: compiled, target: "node20.19", logLevel: "silent" });
      return new Workshop(folder, compiled, await checkTypes(folder));
    } catch (error) {
      rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
      throw error;
    }
  }

  /** Runs a sample. Returns a description of the failure, or undefined if it exits with 0 and prints what it promises. */
  async run(sample: Fence, { changes = new Map(), env }: SampleRun): Promise<string | undefined> {
    let code = readFileSync(join(this.#samples, `${nameOf(sample)}.js`), "utf8");
    for (const [what, becomes] of changes) code = code.replaceAll(what, () => becomes);
    const file = join(this.#samples, `${nameOf(sample)}-${++runs}.js`);
    writeFileSync(file, code);
    const ended = await runProgram([file], env, timeLimitMs);
    const { promised } = programOf(sample);
    const problem = ended.code === 0 ? brokenPromise(promised, ended.stdout) : `it ended with ${ended.code}`;
    return problem && `${sample.page}:${sample.line}: ${problem}\n${ended.stdout}\n${ended.stderr}`;
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 10 });
  }
}

let runs = 0;

function nameOf({ page, line }: Fence): string {
  return `${page.replace(/\.md$/, "").replace(/\W/g, "-")}-${line}`;
}

/** Bundles the doors, so that `cri-sdk` in this folder and below is this copy. */
async function bundlePackage(folder: string): Promise<void> {
  const { name, type, exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    readonly name: string;
    readonly type: string;
    readonly exports: Readonly<Record<string, string | { readonly "cri-sdk-source": string }>>;
  };
  const doors = Object.entries(exports).flatMap(([door, target]) =>
    typeof target === "string" ? [] : [[door, target["cri-sdk-source"]] as const],
  );
  await build({
    ...{ absWorkingDir: root, entryPoints: doors.map(([, source]) => source), outdir: folder, outbase: "." },
    ...{
      bundle: true,
      splitting: true,
      keepNames: true,
      format: "esm",
      platform: "node",
      target: "node20.19",
    },
    ...{ external: ["ws", "yaml", "tar-stream", "@opentelemetry/api"], logLevel: "error" },
  });
  const compiled = doors.map(([door, source]) => [door, source.replace(/\.ts$/, ".js")]);
  const manifest = { name, type, exports: Object.fromEntries(compiled) };
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
}

/** Checks the types of the samples, once for the same samples, sources and compiler: the release of Node makes no difference. */
async function checkTypes(folder: string): Promise<readonly string[]> {
  const hash = createHash("sha256");
  const sources = ["src", "gen", "types"].map((name) => join(root, name));
  const files = [...sources, join(folder, "samples")].flatMap((from) =>
    readdirSync(from, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts"))
      .sort()
      .map((name) => ({ name, path: join(from, name) })),
  );
  const settings = ["tsconfig.json", "package-lock.json", "package.json"].map((name) => ({
    name,
    path: join(root, name),
  }));
  for (const { name, path } of [...settings, ...files]) hash.update(`${name}\0`).update(readFileSync(path));
  const cached = join(root, ".cache", "docs-types", `${hash.digest("hex")}.json`);
  if (existsSync(cached)) return JSON.parse(readFileSync(cached, "utf8")) as string[];
  const problems = await compile(folder);
  mkdirSync(dirname(cached), { recursive: true });
  // Renamed, so that a concurrent test reads all of it.
  writeFileSync(`${cached}.${process.pid}`, JSON.stringify(problems));
  renameSync(`${cached}.${process.pid}`, cached);
  return problems;
}

async function compile(folder: string): Promise<string[]> {
  const options = {
    extends: join(root, "tsconfig.json"),
    compilerOptions: { skipLibCheck: true },
    include: [join(root, "types"), "samples"],
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(options));
  const tsc = join(root, "node_modules", ".bin", "tsc");
  const ended = await runProgram([tsc, "-p", folder, "--pretty", "false"], {}, compileLimitMs);
  const { code, stdout, stderr } = ended;
  // Exit codes 1 and 2 mean errors in the program; a compiler that was killed has checked nothing.
  if (code !== 0 && code !== 1 && code !== 2) throw new Error(`tsc ended with ${code}: ${stderr}`);
  // Errors in the sources themselves are reported by `npm run check`.
  const ours = `.cache/docs-${process.pid}/samples/`;
  return `${stdout}${stderr}`.split("\n").flatMap((line) => {
    const at = line.indexOf(ours);
    return at < 0 ? [] : [line.slice(at + ours.length)];
  });
}

/** The result of a program. */
export interface Ended {
  /** The exit code, or the name of the signal that killed the program. */
  readonly code: number | string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs Node, without the variables that name a runtime or mark a test, and kills it after the limit. */
export function runProgram(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  limitMs: number,
): Promise<Ended> {
  const { CONTAINER_RUNTIME_ENDPOINT, IMAGE_SERVICE_ENDPOINT, CRI_CONFIG_FILE, NODE_TEST_CONTEXT, ...own } =
    process.env;
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd: root,
      env: { ...own, ...env },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: limitMs,
      killSignal: "SIGKILL",
    });
    const printed = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const)
      child[name].setEncoding("utf8").on("data", (text: string) => {
        printed[name] += text;
      });
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code: code ?? signal, ...printed }));
  });
}
