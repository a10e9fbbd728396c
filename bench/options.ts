import { parseArgs } from "node:util";

/** The parts of the benchmark. */
export const parts = ["clients", "servers", "events", "logs", "streaming", "package"] as const;
export type Part = (typeof parts)[number];

export interface BenchOptions {
  /** The number of rounds, without the warm-up round. */
  readonly rounds: number;
  /** How long each client runs each workload per round, in milliseconds. */
  readonly durationMs: number;
  /** Whether the results are only printed, not written to RESULTS.md. */
  readonly quick: boolean;
  /** The parts to measure. */
  readonly only: readonly Part[];
  /** The endpoint of a real runtime to include. */
  readonly runtime: string | undefined;
  /** Whether to start a containerd and include it. */
  readonly withContainerd: boolean;
}

const usage = `usage: npm run bench -- [options]
  --rounds N            rounds after the warm-up (default 40)
  --quick               3 short rounds, printed and not written to RESULTS.md
  --only PARTS          some of ${parts.join(",")}; printed and not written to RESULTS.md
  --runtime ENDPOINT    a real runtime on a unix socket to include
                        (default: CONTAINER_RUNTIME_ENDPOINT, or the well-known socket that exists)
  --with-containerd     start a containerd 2.1 and include it (root, Debian)
The transfers through the runtime require an image with a shell: set IMAGE, or use --with-containerd.`;

/** Parses the arguments. Throws for unknown options; prints the usage and exits for `--help`. */
export function parseOptions(args: string[]): BenchOptions {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: "string" },
      quick: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
      only: { type: "string" },
      runtime: { type: "string" },
      "with-containerd": { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    process.exit();
  }
  const { quick, runtime, "with-containerd": withContainerd } = values;
  const rounds = Number(values.rounds ?? (quick ? 3 : 40));
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error(usage);
  const only =
    values.only === undefined ? parts : parts.filter((part) => values.only?.split(",").includes(part));
  if (only.length < (values.only?.split(",").length ?? 1)) throw new Error(usage);
  return { only, rounds, durationMs: 100, quick, runtime, withContainerd };
}
