import { spawn } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Fence, root } from "./pages.js";
import { brokenPromise, programOf } from "./promises.js";

const timeLimitMs = 30_000;
const compileLimitMs = 120_000;

/** How a sample is run. */
export interface SampleRun {
  /** What is replaced in the program, and with what: a text, or all that a pattern matches. */
  readonly changes?: ReadonlyMap<string | RegExp, string> | undefined;
  /** Its environment, on top of this process's. */
  readonly env: Readonly<Record<string, string>>;
}

/** Where samples are compiled once, with the types that users see, and then run, each as a program of its own. */
export class Workshop implements Disposable {
  /** What the compiler says of the samples: `page-line.ts(line,column): error …`, with the page's own line numbers. */
  readonly problems: readonly string[];
  readonly #folder: string;

  private constructor(folder: string, problems: readonly string[]) {
    this.#folder = folder;
    this.problems = problems;
  }

  static async open(samples: readonly Fence[]): Promise<Workshop> {
    // Inside the checkout, where the package's own dependencies are.
    const folder = join(root, ".cache", `docs-${process.pid}`);
    mkdirSync(join(folder, "samples"), { recursive: true });
    try {
      for (const sample of samples) {
        const { code } = programOf(sample);
        // Without an import or an export it would be no module, and could not await.
        writeFileSync(join(folder, "samples", `${nameOf(sample)}.ts`), `${code}\nexport {};\n`);
      }
      return new Workshop(folder, await compile(folder));
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** Runs a sample. Tells what is wrong with it, in words; undefined where it ends well and prints what it promises. */
  async run(sample: Fence, { changes = new Map(), env }: SampleRun): Promise<string | undefined> {
    const compiled = join(this.#folder, outFolder, ".cache", `docs-${process.pid}`, "samples");
    let code = readFileSync(join(compiled, `${nameOf(sample)}.js`), "utf8");
    for (const [what, becomes] of changes) code = code.replaceAll(what, () => becomes);
    const file = join(compiled, `${nameOf(sample)}-${++runs}.js`);
    writeFileSync(file, code);
    const ended = await runProgram([file], env, timeLimitMs);
    const { promised } = programOf(sample);
    const problem = ended.code === 0 ? brokenPromise(promised, ended.stdout) : `it ended with ${ended.code}`;
    return problem && `${sample.page}:${sample.line}: ${problem}\n${ended.stdout}\n${ended.stderr}`;
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

let runs = 0;
/** The package as it would be installed: samples are compiled into it, and so `cri-sdk` is what they are part of. */
const outFolder = join("package", "dist");

function nameOf({ page, line }: Fence): string {
  return `${page.replace(/\.md$/, "").replace(/\W/g, "-")}-${line}`;
}

async function compile(folder: string): Promise<string[]> {
  const options = {
    extends: join(root, "tsconfig.json"),
    compilerOptions: { noEmit: false, rootDir: root, outDir: outFolder, skipLibCheck: true },
    include: [join(root, "types"), "samples"],
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(options));
  const tsc = join(root, "node_modules", ".bin", "tsc");
  const { stdout, stderr } = await runProgram([tsc, "-p", folder, "--pretty", "false"], {}, compileLimitMs);
  mkdirSync(join(folder, outFolder), { recursive: true });
  copyFileSync(join(root, "package.json"), join(folder, "package", "package.json"));
  // Of the sources, too, there may be something to say; that is the type check's own affair.
  const ours = `.cache/docs-${process.pid}/samples/`;
  return `${stdout}${stderr}`.split("\n").flatMap((line) => {
    const at = line.indexOf(ours);
    return at < 0 ? [] : [line.slice(at + ours.length)];
  });
}

/** A program that ended. */
export interface Ended {
  /** The exit code, or the name of the signal that ended it. */
  readonly code: number | string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs Node, without what says which runtime to take or that this is a test; what runs for too long is killed. */
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
