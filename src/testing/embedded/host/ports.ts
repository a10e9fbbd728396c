// Port-forward: connects to a port, if a process of the pod is listening on it.
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { codeOf, criError } from "../../../core/index.js";

/** The deadline of all connection attempts together. */
const connectTimeoutMs = 2_000;

/**
 * Connects to a port that one of the processes `pids` listens on: at the pod's own address, 127.0.0.1, or ::1. All pods
 * share the host's network, so on Linux the listeners of other processes are refused; elsewhere the system does not report
 * the owner, and any listener is accepted. Rejects with `port_refused`.
 */
export async function connectPort(
  ip: string | undefined,
  port: number,
  pids: () => Promise<readonly number[]>,
): Promise<Socket> {
  const addresses = [...new Set([...(ip ? [ip] : []), "127.0.0.1", "::1"])];
  const listeners = readListeners(port);
  const owned = listeners && listeners.length > 0 ? listenersOf(await pids(), listeners) : listeners;
  const until = performance.now() + connectTimeoutMs;
  let why = "connection refused";
  for (const address of addresses) {
    if (owned && !owned.some((listener) => accepts(listener, address))) continue;
    const outcome = await dial(address, port, until - performance.now());
    if (typeof outcome !== "string") return outcome;
    why = outcome;
  }
  throw criError("port_refused", `cannot connect to port ${port} of the pod: ${why}`);
}

/** Resolves with a socket whose halves end independently, or with the text of the failure. */
function dial(host: string, port: number, timeoutMs: number): Promise<Socket | string> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, allowHalfOpen: true });
    const fail = (why: string) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(why);
    };
    const timer = setTimeout(() => fail("connection refused: timed out"), Math.max(1, timeoutMs));
    const onError = (error: NodeJS.ErrnoException) =>
      fail(error.code === "ECONNREFUSED" ? "connection refused" : `connection refused: ${error.message}`);
    socket.once("error", onError);
    socket.once("connect", () => {
      clearTimeout(timer);
      socket.removeListener("error", onError);
      resolve(socket);
    });
  });
}

/** A listening TCP socket of this host. */
export interface Listener {
  readonly family: 4 | 6;
  /** Whether it listens on all addresses; an IPv6 socket then normally accepts IPv4 as well. */
  readonly any: boolean;
  /** The address in the notation of {@link kernelAddress}. */
  readonly address: string;
  readonly inode: string;
}

/** Reads the sockets that listen on a port from the kernel's tables; undefined on systems without them. */
function readListeners(port: number): Listener[] | undefined {
  const tables = ([4, 6] as const).map((family) => {
    try {
      const path = family === 4 ? "/proc/net/tcp" : "/proc/net/tcp6";
      return parseListeners(readFileSync(path, "latin1"), family, port);
    } catch {
      // A host without IPv6 has only the first table.
      return undefined;
    }
  });
  return tables[0] && [...tables[0], ...(tables[1] ?? [])];
}

const listenState = "0A";

/** Parses `/proc/net/tcp` or `/proc/net/tcp6`. */
export function parseListeners(table: string, family: 4 | 6, port: number): Listener[] {
  return table.split("\n").flatMap((line) => {
    const [, local = "", , state, , , , , , inode = ""] = line.trim().split(/\s+/);
    const [address = "", hexPort = ""] = local.split(":");
    if (state !== listenState || Number.parseInt(hexPort, 16) !== port) return [];
    return { family, any: /^0+$/.test(address), address, inode };
  });
}

/** Formats an IPv4 address, or `::1`, as the kernel's tables show it on this machine. */
export function kernelAddress(address: string): string {
  if (address === "::1") return `${"0".repeat(24)}${kernelWord([0, 0, 0, 1])}`;
  return kernelWord(address.split(".").map(Number));
}

function kernelWord(bytes: readonly number[]): string {
  // The tables print four bytes of memory as one number in the machine's byte order.
  const [number = 0] = new Uint32Array(Uint8Array.from(bytes).buffer);
  return number.toString(16).toUpperCase().padStart(8, "0");
}

function accepts({ family, any, address }: Listener, target: string): boolean {
  if (target === "::1") return family === 6 && (any || address === kernelAddress(target));
  if (any) return true;
  // An IPv6 socket can be bound to an IPv4 address: ::ffff:127.0.0.1.
  return family === 4
    ? address === kernelAddress(target)
    : address.endsWith(kernelAddress(target)) && address.startsWith("0".repeat(16));
}

/** Selects the listeners that the processes own: all of them when a process's open files are not readable. */
function listenersOf(pids: readonly number[], listeners: readonly Listener[]): Listener[] {
  const wanted = new Map(listeners.map((listener) => [`socket:[${listener.inode}]`, listener]));
  const owned = new Set<Listener>();
  for (const pid of pids) {
    if (owned.size === wanted.size) break;
    for (const file of openFiles(pid)) {
      if (file === undefined) return [...listeners];
      const listener = wanted.get(file);
      if (listener) owned.add(listener);
    }
  }
  return [...owned];
}

/** Lists what the file descriptors of a process refer to. Contains undefined where that may not be read. */
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
    // Otherwise the file was closed during the scan.
    return isForbidden(error) ? undefined : "";
  }
}

function isForbidden(error: unknown): boolean {
  return ["EACCES", "EPERM"].includes(codeOf(error) ?? "");
}
