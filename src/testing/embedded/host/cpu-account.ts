import type { HostProcessEntry } from "./process-table.js";

/**
 * The CPU time of a group of processes, as far as it was seen: never less than before, and counted once. What a process
 * used goes to its parent when that waits for it, and is lost when nobody of the group does.
 */
export class CpuAccount {
  #totalNanos = 0n;
  #before = new Map<string, HostProcessEntry>();

  /** The total with what was used since the last look. */
  add(entries: readonly HostProcessEntry[]): bigint {
    const now = new Map(entries.map((entry) => [key(entry), entry]));
    const byPid = new Map([...this.#before.values()].map((entry) => [entry.pid, entry]));
    const counted = new Map<string, bigint>();
    for (const [id, gone] of this.#before) {
      if (now.has(id)) continue;
      // Counted already, and told once more by the nearest ancestor that is still there.
      let heir = byPid.get(gone.parent);
      for (let steps = 0; heir && !now.has(key(heir)) && steps < 100; steps++) heir = byPid.get(heir.parent);
      if (!heir) continue;
      counted.set(key(heir), (counted.get(key(heir)) ?? 0n) + gone.cpuNanos + gone.endedChildrenNanos);
    }
    for (const [id, entry] of now) {
      const before = this.#before.get(id);
      const own = entry.cpuNanos - (before?.cpuNanos ?? 0n);
      const children = entry.endedChildrenNanos - (before?.endedChildrenNanos ?? 0n);
      this.#totalNanos += positive(own) + positive(children - (counted.get(id) ?? 0n));
    }
    this.#before = now;
    return this.#totalNanos;
  }
}

function key({ pid, start }: HostProcessEntry): string {
  return `${pid}.${start}`;
}

function positive(nanos: bigint): bigint {
  return nanos > 0n ? nanos : 0n;
}
