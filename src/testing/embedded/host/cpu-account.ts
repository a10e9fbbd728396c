import type { HostProcessEntry } from "./process-table.js";

/**
 * The CPU time of a group of processes over all samples; never decreases. The kernel adds the time of an ended process to
 * its parent when the parent waits for it, and this account counts it only once. Time of a process that no member waits for
 * is lost after its last sample.
 */
export class CpuAccount {
  #totalNanos = 0n;
  #previous = new Map<string, HostProcessEntry>();

  /** Adds a sample of all running members. Returns the new total. */
  add(entries: readonly HostProcessEntry[]): bigint {
    const current = new Map(entries.map((entry) => [key(entry), entry]));
    const byPid = new Map([...this.#previous.values()].map((entry) => [entry.pid, entry]));
    const alreadyCounted = new Map<string, bigint>();
    for (const [id, ended] of this.#previous) {
      if (current.has(id)) continue;
      // Its time is in the total, and now also in that of its nearest running ancestor.
      let heir = byPid.get(ended.parentPid);
      for (let steps = 0; heir && !current.has(key(heir)) && steps < 100; steps++)
        heir = byPid.get(heir.parentPid);
      if (!heir) continue;
      const counted = alreadyCounted.get(key(heir)) ?? 0n;
      alreadyCounted.set(key(heir), counted + ended.cpuNanos + ended.endedChildrenNanos);
    }
    for (const [id, entry] of current) {
      const before = this.#previous.get(id);
      const own = entry.cpuNanos - (before?.cpuNanos ?? 0n);
      const children = entry.endedChildrenNanos - (before?.endedChildrenNanos ?? 0n);
      this.#totalNanos += atLeastZero(own) + atLeastZero(children - (alreadyCounted.get(id) ?? 0n));
    }
    this.#previous = current;
    return this.#totalNanos;
  }
}

function key({ pid, startTime }: HostProcessEntry): string {
  return `${pid}.${startTime}`;
}

function atLeastZero(nanos: bigint): bigint {
  return nanos > 0n ? nanos : 0n;
}
