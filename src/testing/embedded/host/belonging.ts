import type { HostProcessEntry } from "./process-table.js";

/** A session that a driver started, by the process that leads it. */
export interface StartedSession {
  readonly pid: number;
  readonly start: string;
  readonly marker: string;
}

/** Whose processes are meant: those whose marker begins like this. A marker is `<state>/<container>/<number>/`. */
export interface Claim {
  readonly marker: string;
  /** The sessions that were started; those with another marker are left out. */
  readonly sessions: readonly StartedSession[];
}

/**
 * The processes that somebody's are: those with the marker in their environment; those of a session that was started for
 * it, as a program may overwrite its environment (to show a title) or clear it; and all that these have started and
 * what shares a session with them. Only what does all at once, clears its environment, leaves its session and its
 * parent, is not found.
 */
export function belonging(table: readonly HostProcessEntry[], claim: Claim): HostProcessEntry[] {
  const own = table.find(({ pid }) => pid === process.pid);
  const starts = new Map(table.map(({ pid, start }) => [pid, start]));
  const sessions = new Set<number>();
  for (const { pid, start, marker } of claim.sessions) {
    // The number of a session is not given to another process while anybody is in it, so it is ours even where the
    // process that led it has ended. A leader that started at another time means that the number was given again.
    const leads = starts.get(pid) ?? start;
    if (marker.startsWith(claim.marker) && leads === start) sessions.add(pid);
  }
  const found = new Map<number, HostProcessEntry>();
  const rest = new Set(
    table.filter(({ pid, session }) => pid !== 1 && pid !== own?.pid && session !== own?.session),
  );
  for (let before = -1; before < found.size; ) {
    before = found.size;
    for (const entry of rest) {
      const { pid, parent, session, marker } = entry;
      if (!marker?.startsWith(claim.marker) && !sessions.has(session) && !found.has(parent)) continue;
      found.set(pid, entry);
      sessions.add(session);
      rest.delete(entry);
    }
  }
  return [...found.values()];
}
