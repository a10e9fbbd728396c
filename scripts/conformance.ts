// Runs the conformance suite on a runtime: npm run conformance -- unix:///run/crio/crio.sock
import { existsSync, mkdtempSync, readdirSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect, parseArgs } from "node:util";
import { type CriErrorReason, connect, isCriError } from "../src/index.js";
import {
  type ConformanceGroup,
  type ConformanceImages,
  type ConformanceOptions,
  type ConformanceReport,
  type ConformanceResult,
  conformanceCases,
  conformanceGroups,
  type Deviations,
  formatJson,
  formatJUnit,
  formatTable,
  knownDeviations,
  runConformance,
  shellCommands,
} from "../src/testing/conformance/index.js";
import { conformanceReport } from "../src/testing/conformance/report.js";
import { cgroupMounts } from "./runtimes/traces.js";

const usage = `usage: npm run conformance -- [ENDPOINT] [OPTION]...

Checks whether a container runtime satisfies the rules of CRI. Runs pods on it and removes them. Without an endpoint, the
runtime of this machine is discovered.

  --image REF          the image of the containers: with a shell and the usual small programs
                       (default docker.io/library/busybox:1.37)
  --same-image REF     another tag of it (default docker.io/library/busybox:1.37.0)
  --other-image REF    another image, which is pulled and removed (default docker.io/library/hello-world:latest)
  --missing-image REF  a reference that its registry does not have (default docker.io/library/busybox:no-such-tag)
  --cgroup-parent PATH a parent cgroup for the pods; without it, containerd has no pod stats
  --log-dir DIR        the directory of the logs (default a new one, removed at the end, under ${tmpdir()})
  --group GROUP        run only this group of cases; may be repeated: ${conformanceGroups.join(", ")}
  --only ID            run only this case; may be repeated
  --filter TEXT        run only cases whose id or title contains this text, ignoring case; may be repeated
  --list               print the selected cases and their rules, and run none
  --deviations NAME    the set of known deviations: ${Object.keys(knownDeviations).join(", ")}, none
                       (default those of the runtime's name and version); may be repeated
  --timeout SECONDS    the time limit of a case (default 60)
  --format FORMAT      table, junit or json (default table)
  --out FILE           write the report to this file
  --help               print this text

A run always ends with a report and removes its pods; if it is interrupted, the report has the cases that have ended.

Exit code: 0 if the runtime conforms except for known deviations; 1 if it does not, or if the run was interrupted; 2 for
invalid arguments.`;

/** The cases that have ended, and the errors that belong to none. A run that ends early reports these. */
interface Progress {
  readonly startedAt: Date;
  readonly results: ConformanceResult[];
  readonly problems: string[];
  runtime: ConformanceReport["runtime"];
}

const formats = { table: formatTable, junit: formatJUnit, json: formatJson };

interface Command {
  readonly endpoint: string | undefined;
  readonly images: ConformanceImages;
  readonly cgroupParent: string | undefined;
  readonly logDirectory: string | undefined;
  readonly options: ConformanceOptions;
  readonly format: (report: ConformanceReport) => string;
  readonly out: string | undefined;
  /** Print the selected cases instead of running them. */
  readonly list: boolean;
}

/** The reasons of invalid arguments. */
const usageReasons: readonly CriErrorReason[] = ["invalid_option", "invalid_endpoint"];

class UsageError extends Error {}

/** Returns the command of these arguments; undefined if they ask for help. */
function readCommand(args: readonly string[]): Command | undefined {
  const text = { type: "string" } as const;
  const list = { type: "string", multiple: true } as const;
  const { positionals, values } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      help: { type: "boolean", short: "h" },
      list: { type: "boolean" },
      filter: list,
      image: text,
      "same-image": text,
      "other-image": text,
      "missing-image": text,
      "cgroup-parent": text,
      "log-dir": text,
      group: list,
      only: list,
      deviations: list,
      timeout: text,
      format: text,
      out: text,
    },
  });
  if (values.help) return undefined;
  if (positionals.length > 1) throw new UsageError(`expected one endpoint, got ${positionals.length}`);
  const seconds = Number(values.timeout ?? 60);
  if (!(seconds > 0 && seconds < 86_400))
    throw new UsageError(`--timeout must be a number of seconds, got ${values.timeout}`);
  return {
    endpoint: positionals[0],
    images: {
      main: values.image ?? "docker.io/library/busybox:1.37",
      sameImage: values["same-image"] ?? "docker.io/library/busybox:1.37.0",
      other: values["other-image"] ?? "docker.io/library/hello-world:latest",
      missing: values["missing-image"] ?? "docker.io/library/busybox:no-such-tag",
    },
    cgroupParent: values["cgroup-parent"],
    logDirectory: values["log-dir"],
    options: {
      groups: values.group?.map((name) => oneOf<ConformanceGroup>("group", conformanceGroups, name)),
      only: selectedIds(values.only, values.filter),
      deviations: values.deviations && Object.assign({}, ...values.deviations.map(deviationsNamed)),
      timeoutMs: seconds * 1_000,
    },
    format: formats[oneOf("format", ["table", "junit", "json"], values.format ?? "table")],
    out: values.out,
    list: values.list ?? false,
  };
}

/** Returns the ids of `--only` and of the cases that match a `--filter`; undefined without either. */
function selectedIds(only: readonly string[] = [], filters: readonly string[] = []): string[] | undefined {
  if (only.length === 0 && filters.length === 0) return undefined;
  const matching = filters.flatMap((filter) => {
    const text = filter.toLowerCase();
    const cases = conformanceCases.filter(({ id, title }) => `${id}\n${title}`.toLowerCase().includes(text));
    if (cases.length === 0)
      throw new UsageError(`--filter ${filter}: no case has this text in its id or title`);
    return cases.map(({ id }) => id);
  });
  return [...only, ...matching];
}

function deviationsNamed(name: string): Deviations {
  if (name === "none") return {};
  const names = Object.keys(knownDeviations) as (keyof typeof knownDeviations)[];
  return knownDeviations[oneOf("set of deviations", names, name)];
}

function oneOf<T extends string>(what: string, known: readonly T[], name: string): T {
  const found = known.find((one) => one === name);
  if (found === undefined)
    throw new UsageError(`unknown ${what} ${name}; expected one of ${known.join(", ")}`);
  return found;
}

async function check(command: Command, progress: Progress, signal: AbortSignal): Promise<ConformanceReport> {
  const { endpoint, images, options } = command;
  // Unique to this run, so that it can be removed at the end: a pod's cgroup outlives the pod.
  const cgroupParent = command.cgroupParent && join(command.cgroupParent, `cri-sdk-${process.pid}`);
  // The checks must see the runtime's own errors.
  const cri = await connect({ endpoint, signal, normalize: false });
  const { runtimeName: name, runtimeVersion: version } = await cri.runtime.version({}, { signal });
  progress.runtime = { name, version };
  const directory = command.logDirectory ?? mkdtempSync(join(tmpdir(), "cri-sdk-conformance-"));
  try {
    const target = { cri, images, commands: shellCommands, directory, cgroupParent };
    return await runConformance(target, {
      ...options,
      signal,
      onResult: (result) => {
        progress.results.push(result);
        if (process.stderr.isTTY) process.stderr.write(`\x1b[2K\r${result.outcome} ${result.id}`);
      },
    });
  } finally {
    if (process.stderr.isTTY) process.stderr.write("\x1b[2K\r");
    await cri.close();
    if (cgroupParent) for (const mount of cgroupMounts()) removeGroups(join(mount, cgroupParent));
    if (command.logDirectory === undefined) rmSync(directory, { recursive: true, force: true });
  }
}

/** Removes empty cgroups, leaves first. */
function removeGroups(group: string): void {
  if (!existsSync(group)) return;
  for (const entry of readdirSync(group, { withFileTypes: true }))
    if (entry.isDirectory()) removeGroups(join(group, entry.name));
  try {
    rmdirSync(group);
  } catch {
    // The cgroup still has processes, which this run did not start.
  }
}

async function main(): Promise<number> {
  let command: Command | undefined;
  try {
    command = readCommand(process.argv.slice(2));
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${usage}`);
    return 2;
  }
  if (command === undefined) {
    console.log(usage);
    return 0;
  }
  if (command.list) {
    const { groups, only } = command.options;
    for (const { id, group, rule } of conformanceCases)
      if ((groups?.includes(group) ?? true) && (only?.includes(id) ?? true))
        console.log(`${id}\n    ${rule}`);
    return 0;
  }
  const stop = new AbortController();
  // A second signal ends the process at once.
  for (const name of ["SIGINT", "SIGTERM"] as const)
    process.once(name, () => stop.abort(new Error(`interrupted by ${name}`)));
  const progress: Progress = {
    startedAt: new Date(),
    results: [],
    problems: [],
    runtime: { name: "unknown", version: "" },
  };
  // An error that a case fails to handle must neither end the run nor be lost.
  for (const name of ["unhandledRejection", "uncaughtException"] as const)
    process.on(name, (error: unknown) => progress.problems.push(`${name}: ${inspect(error)}`));
  try {
    const report = await check(command, progress, stop.signal);
    return print(
      command,
      conformanceReport({ ...report, problems: [...progress.problems, ...report.problems] }),
    );
  } catch (error) {
    if (isCriError(error) && usageReasons.includes(error.reason)) {
      console.error(error.message);
      return 2;
    }
    progress.problems.push(
      stop.signal.aborted
        ? `${stop.signal.reason.message}; everything that the run created was removed`
        : isCriError(error)
          ? error.message
          : inspect(error),
    );
    return print(command, conformanceReport(progress));
  }
}

/** Prints or writes the report, and returns the exit code. */
function print({ format, out }: Command, report: ConformanceReport): number {
  const text = format(report);
  if (out === undefined) process.stdout.write(text);
  else writeFileSync(out, text);
  return report.ok ? 0 : 1;
}

process.exitCode = await main();
