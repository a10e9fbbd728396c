// Runs the conformance suite on a runtime that is there: npm run conformance -- unix:///run/crio/crio.sock
import { existsSync, mkdtempSync, readdirSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type CriErrorReason, connect, isCriError } from "../src/index.js";
import {
  type ConformanceGroup,
  type ConformanceImages,
  type ConformanceOptions,
  type ConformanceReport,
  conformanceGroups,
  type Deviations,
  formatJson,
  formatJUnit,
  formatTable,
  knownDeviations,
  runConformance,
  shellCommands,
} from "../src/testing/conformance/index.js";
import { cgroupMounts } from "./runtimes/traces.js";

const usage = `usage: npm run conformance -- [ENDPOINT] [OPTION]...

Checks whether a container runtime keeps the rules of CRI. Runs pods on it, and removes them. Without an endpoint, the
runtime of this machine is looked for.

  --image REF          the image that containers run: a shell and the usual small programs
                       (default docker.io/library/busybox:1.37)
  --same-image REF     another tag of it (default docker.io/library/busybox:1.37.0)
  --other-image REF    another image, which is pulled and removed (default docker.io/library/hello-world:latest)
  --missing-image REF  one that its registry does not have (default docker.io/library/busybox:no-such-tag)
  --cgroup-parent PATH a control group to put the pods below; containerd has no statistics of pods without it
  --log-dir DIR        where logs are written to, removed at the end (default a new folder under ${tmpdir()})
  --group GROUP        only cases of this group, may be repeated: ${conformanceGroups.join(", ")}
  --only ID            only this case, may be repeated
  --deviations NAME    which deviations are known: ${Object.keys(knownDeviations).join(", ")}, none
                       (default those of the runtime's name and version)
  --timeout SECONDS    how long a case may take (default 60)
  --format FORMAT      table, junit or json (default table)
  --out FILE           write the report there

Exit code: 0 when the runtime conforms, but for known deviations; 1 when not, or when the run was ended; 2 for a call
that cannot be understood.`;

const formats = { table: formatTable, junit: formatJUnit, json: formatJson };

interface Command {
  readonly endpoint: string | undefined;
  readonly images: ConformanceImages;
  readonly cgroupParent: string | undefined;
  readonly logDirectory: string | undefined;
  readonly options: ConformanceOptions;
  readonly format: (report: ConformanceReport) => string;
  readonly out: string | undefined;
}

/** What a call with wrong arguments ends with. */
const misunderstood: readonly CriErrorReason[] = ["invalid_option", "invalid_endpoint"];

class UsageError extends Error {}

function readCommand(args: readonly string[]): Command {
  const text = { type: "string" } as const;
  const list = { type: "string", multiple: true } as const;
  const { positionals, values } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      image: text,
      "same-image": text,
      "other-image": text,
      "missing-image": text,
      "cgroup-parent": text,
      "log-dir": text,
      group: list,
      only: list,
      deviations: text,
      timeout: text,
      format: text,
      out: text,
    },
  });
  if (positionals.length > 1) throw new UsageError(`one endpoint, not ${positionals.length}`);
  const seconds = Number(values.timeout ?? 60);
  if (!(seconds > 0 && seconds < 86_400)) throw new UsageError(`no number of seconds: ${values.timeout}`);
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
      only: values.only,
      deviations: values.deviations === undefined ? undefined : deviationsNamed(values.deviations),
      timeoutMs: seconds * 1_000,
    },
    format: formats[oneOf("format", ["table", "junit", "json"], values.format ?? "table")],
    out: values.out,
  };
}

function deviationsNamed(name: string): Deviations {
  if (name === "none") return {};
  const names = Object.keys(knownDeviations) as (keyof typeof knownDeviations)[];
  return knownDeviations[oneOf("set of deviations", names, name)];
}

function oneOf<T extends string>(what: string, known: readonly T[], name: string): T {
  const found = known.find((one) => one === name);
  if (found === undefined) throw new UsageError(`no ${what} ${name}: there are ${known.join(", ")}`);
  return found;
}

async function check(command: Command, signal: AbortSignal): Promise<ConformanceReport> {
  const { endpoint, images, options } = command;
  // Of this run's own, so that what is left of it can be removed: a pod's group outlives the pod.
  const cgroupParent = command.cgroupParent && join(command.cgroupParent, `cri-sdk-${process.pid}`);
  // What a runtime says itself is looked at, not what this package makes of it.
  const cri = await connect({ endpoint, signal, normalize: false });
  const directory = command.logDirectory ?? mkdtempSync(join(tmpdir(), "cri-sdk-conformance-"));
  try {
    const target = { cri, images, commands: shellCommands, directory, cgroupParent };
    return await runConformance(target, {
      ...options,
      signal,
      onResult: ({ id, outcome }) => {
        if (process.stderr.isTTY) process.stderr.write(`\x1b[2K\r${outcome} ${id}`);
      },
    });
  } finally {
    if (process.stderr.isTTY) process.stderr.write("\x1b[2K\r");
    await cri.close();
    if (cgroupParent) for (const mount of cgroupMounts()) removeGroups(join(mount, cgroupParent));
    if (command.logDirectory === undefined) rmSync(directory, { recursive: true, force: true });
  }
}

/** Removes empty control groups, from the leaves up. */
function removeGroups(group: string): void {
  if (!existsSync(group)) return;
  for (const entry of readdirSync(group, { withFileTypes: true }))
    if (entry.isDirectory()) removeGroups(join(group, entry.name));
  try {
    rmdirSync(group);
  } catch {
    // Something is still in it; it is not ours to end.
  }
}

async function main(): Promise<number> {
  let command: Command;
  try {
    command = readCommand(process.argv.slice(2));
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${usage}`);
    return 2;
  }
  const stop = new AbortController();
  // A second signal ends the process as signals do.
  for (const name of ["SIGINT", "SIGTERM"] as const)
    process.once(name, () => stop.abort(new Error(`ended by ${name}`)));
  try {
    const report = await check(command, stop.signal);
    const text = command.format(report);
    if (command.out === undefined) process.stdout.write(text);
    else writeFileSync(command.out, text);
    return report.ok ? 0 : 1;
  } catch (error) {
    if (stop.signal.aborted) {
      console.error(`${stop.signal.reason.message}; what was made is removed`);
      return 1;
    }
    console.error(isCriError(error) ? error.message : error);
    return isCriError(error) && misunderstood.includes(error.reason) ? 2 : 1;
  }
}

process.exitCode = await main();
