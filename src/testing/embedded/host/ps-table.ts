import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { wrongState } from "./failures.js";
import type { HostProcessEntry } from "./process-table.js";

/** Reads the processes with `ps`, where there is no `/proc`. What children used before they ended is not told. */
export async function readPs(markerName: string): Promise<HostProcessEntry[]> {
  // "e" adds the environment to the command, which therefore comes last.
  const columns = "pid=,ppid=,pgid=,stat=,rss=,time=,lstart=,command=";
  const options = {
    env: { PATH: process.env.PATH, LC_ALL: "C" },
    maxBuffer: 64 * 1024 * 1024,
    timeout: 10_000,
  };
  const { stdout } = await promisify(execFile)("ps", ["axeww", "-o", columns], options).catch((error) => {
    throw wrongState(`the processes of this host cannot be listed: ${error.message}`);
  });
  return parsePs(stdout, markerName);
}

const row = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(\d+)\s+(\S+)\s+(\w+\s+\w+\s+\w+\s+[\d:]+\s+\d+)\s?(.*)$/;

/** @internal */
export function parsePs(text: string, markerName: string): HostProcessEntry[] {
  return text.split("\n").flatMap((line) => {
    const [, pid, parent, group, state = "", kilobytes, time = "", started = "", command = ""] =
      row.exec(line) ?? [];
    if (pid === undefined || state.startsWith("Z")) return [];
    const marker = new RegExp(`(?:^|\\s)${markerName}=(\\S+)`).exec(command)?.[1];
    return {
      pid: Number(pid),
      parent: Number(parent),
      session: Number(group),
      start: `${Date.parse(started) / 1000}`,
      terminal: undefined,
      cpuNanos: cpuNanos(time),
      endedChildrenNanos: 0n,
      memoryBytes: BigInt(kilobytes ?? 0) * 1024n,
      marker,
    };
  });
}

/** From `[[days-]hours:]minutes:seconds[.hundredths]`. */
function cpuNanos(time: string): bigint {
  const [days, clock = ""] = time.includes("-") ? time.split("-") : ["0", time];
  const seconds = clock.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
  const all = Number(days) * 86_400 + seconds;
  return Number.isFinite(all) ? BigInt(Math.round(all * 1000)) * 1_000_000n : 0n;
}
