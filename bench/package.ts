import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { median, medianRatio } from "./statistics.js";

/** The size of the package, and what it costs to import each of its doors. */
export interface PackageMeasured {
  readonly files: number;
  readonly packedBytes: number;
  readonly unpackedBytes: number;
  readonly imports: readonly ImportCost[];
}

/** The cost of one import in a new process, beyond that of an empty one. */
export interface ImportCost {
  readonly name: string;
  readonly cpuMs: number;
  /** In multiples of importing `@grpc/grpc-js`, the median within the rounds. */
  readonly ratio: number;
}

/** The largest size and import costs that the package may have. */
export const packageGoals = {
  files: 100,
  packedBytes: 600_000,
  ratios: { "cri-sdk": 1.5, "cri-sdk/logs": 0.6 } as Readonly<Record<string, number>>,
};

const root = fileURLToPath(new URL("..", import.meta.url));
const base = "@grpc/grpc-js";
const peers = [base, "@kubernetes/client-node", "dockerode"];

/** Packs the build in dist/, and imports each door and peer in processes of their own, one after the other. */
export function measurePackage(rounds: number): PackageMeasured {
  const names = [...peers, ...doors()];
  const empty: number[] = [];
  const costs = new Map<string, number[]>(names.map((name) => [name, []]));
  // The first round fills the page cache and does not count.
  for (let round = -1; round < rounds; round++) {
    const idle = cpuMsOfImport(undefined);
    if (round >= 0) empty.push(idle);
    for (const [name, samples] of costs) {
      const cpuMs = cpuMsOfImport(name) - idle;
      if (round >= 0) samples.push(cpuMs);
    }
  }
  const ofBase = costs.get(base) ?? [];
  const imports = [...costs].map(([name, samples]) => ({
    name,
    cpuMs: median(samples),
    ratio: medianRatio(samples, ofBase),
  }));
  return { ...sizes(), imports };
}

function doors(): string[] {
  const { exports } = JSON.parse(readFileSync(`${root}package.json`, "utf8")) as {
    readonly exports: Readonly<Record<string, unknown>>;
  };
  return Object.entries(exports)
    .filter(([, target]) => typeof target === "object")
    .map(([door]) => door.replace(".", "cri-sdk"));
}

/** The CPU time of a process that imports a module, or nothing, in milliseconds. */
function cpuMsOfImport(name: string | undefined): number {
  const program = `${name === undefined ? "" : `await import(${JSON.stringify(name)});`}
    const { user, system } = process.cpuUsage();
    console.log((user + system) / 1000);`;
  const args = ["--input-type=module", "--eval", program];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: "utf8" });
  if (status !== 0) throw new Error(`importing ${name} failed: ${stderr}`);
  return Number(stdout);
}

function sizes(): Pick<PackageMeasured, "files" | "packedBytes" | "unpackedBytes"> {
  const args = ["pack", "--dry-run", "--json", "--ignore-scripts"];
  const [packed] = JSON.parse(execFileSync("npm", args, { cwd: root, encoding: "utf8" })) as readonly {
    readonly size: number;
    readonly unpackedSize: number;
    readonly entryCount: number;
  }[];
  if (!packed) throw new Error("npm pack reported no package");
  return { files: packed.entryCount, packedBytes: packed.size, unpackedBytes: packed.unpackedSize };
}
