import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** An address at which somebody listens on a port. */
export interface Listener {
  readonly family: 4 | 6;
  /** Every address of its family; for IPv6, as systems are set up, those of IPv4 as well. */
  readonly any: boolean;
  /** The address where it is not any, as {@link addressKey} writes it. */
  readonly address: string;
  readonly inode: string;
}

/** Who listens on a TCP port of this host, by the kernel's tables; undefined where the system has none. */
export function listenersOn(port: number): Listener[] | undefined {
  const tables = ([4, 6] as const).map((family) => {
    try {
      return parseListeners(
        readFileSync(family === 4 ? "/proc/net/tcp" : "/proc/net/tcp6", "latin1"),
        family,
        port,
      );
    } catch {
      // A host without IPv6 has one table.
      return undefined;
    }
  });
  return tables[0] && [...tables[0], ...(tables[1] ?? [])];
}

const listening = "0A";

/** @internal */
export function parseListeners(table: string, family: 4 | 6, port: number): Listener[] {
  return table.split("\n").flatMap((line) => {
    const [, local = "", , state, , , , , , inode = ""] = line.trim().split(/\s+/);
    const [address = "", hexPort = ""] = local.split(":");
    if (state !== listening || Number.parseInt(hexPort, 16) !== port) return [];
    return { family, any: /^0+$/.test(address), address, inode };
  });
}

/** An IPv4 address, or the loopback of IPv6, as the kernel's tables write it on this machine. */
export function addressKey(address: string): string {
  if (address === "::1") return `${"0".repeat(24)}${wordKey([0, 0, 0, 1])}`;
  return wordKey(address.split(".").map(Number));
}

function wordKey(bytes: readonly number[]): string {
  // The table prints the four bytes in the memory of a number as that number.
  const [number = 0] = new Uint32Array(Uint8Array.from(bytes).buffer);
  return number.toString(16).toUpperCase().padStart(8, "0");
}

/**
 * Of these listeners, those that one of the processes holds. A process whose files may not be looked at might hold any
 * of them.
 */
export function heldBy(pids: readonly number[], listeners: readonly Listener[]): Listener[] {
  const wanted = new Map(listeners.map((listener) => [`socket:[${listener.inode}]`, listener]));
  const held = new Set<Listener>();
  for (const pid of pids) {
    if (held.size === wanted.size) break;
    for (const link of openFiles(pid)) {
      if (link === undefined) return [...listeners];
      const listener = wanted.get(link);
      if (listener) held.add(listener);
    }
  }
  return [...held];
}

/** What the file descriptors of a process lead to; undefined among them means that they may not be read. */
function openFiles(pid: number): (string | undefined)[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((name) => readLink(`/proc/${pid}/fd/${name}`));
  } catch (error) {
    return isForbidden(error) ? [undefined] : [];
  }
}

function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (error) {
    // Closed meanwhile.
    return isForbidden(error) ? undefined : "";
  }
}

function isForbidden(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "EACCES" || error.code === "EPERM");
}
