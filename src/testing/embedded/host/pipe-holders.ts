import { readlinkSync } from "node:fs";
import type { StartedSession } from "./belonging.js";
import type { HostProcessEntry } from "./process-table.js";

/**
 * The sessions in which somebody has one of these pipes as its output; `pipes` leads from a pipe's number to a marker.
 * By this a process is found that was started right before its driver was killed, and forgot its environment at once.
 */
export function sessionsWriting(
  table: readonly HostProcessEntry[],
  pipes: ReadonlyMap<string, string>,
): StartedSession[] {
  if (pipes.size === 0) return [];
  const starts = new Map(table.map(({ pid, start }) => [pid, start]));
  return table.flatMap(({ pid, session }) => {
    const marker = pipes.get(outputOf(pid, 1)) ?? pipes.get(outputOf(pid, 2));
    return marker === undefined ? [] : { pid: session, start: starts.get(session) ?? "ended", marker };
  });
}

function outputOf(pid: number, descriptor: number): string {
  try {
    return /^pipe:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${descriptor}`))?.[1] ?? "";
  } catch {
    // It ended, or belongs to somebody else.
    return "";
  }
}
