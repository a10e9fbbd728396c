import { parseArgs } from "node:util";

export interface BenchOptions {
  /** Rounds that count; one more goes before them to warm up. */
  readonly rounds: number;
  /** How long one client runs one workload in a round. */
  readonly durationMs: number;
  /** Whether the results are only printed. */
  readonly quick: boolean;
  /** Endpoint of a real runtime to measure as well. */
  readonly runtime: string | undefined;
  /** Whether to start a containerd for that. */
  readonly withContainerd: boolean;
}

const usage = `usage: npm run bench -- [options]
  --rounds N            rounds that count (default 40)
  --quick               3 short rounds, printed and not written to RESULTS.md
  --runtime ENDPOINT    a real runtime on a unix socket to measure as well
                        (default: CONTAINER_RUNTIME_ENDPOINT, or the well-known socket that exists)
  --with-containerd     start a containerd 2.1 for that (root, Debian)
Bytes are moved through the runtime, too, where an image with a shell is known: IMAGE, or that of --with-containerd.`;

/** Throws on what is no option. */
export function parseOptions(args: string[]): BenchOptions {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: "string" },
      quick: { type: "boolean", default: false },
      runtime: { type: "string" },
      "with-containerd": { type: "boolean", default: false },
    },
  });
  const { quick, runtime, "with-containerd": withContainerd } = values;
  const rounds = Number(values.rounds ?? (quick ? 3 : 40));
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error(usage);
  return { rounds, durationMs: quick ? 150 : 100, quick, runtime, withContainerd };
}
