// A pod's network namespace, seen from outside through the files of a process in it.
import { type FileHandle, open, readFile, stat } from "node:fs/promises";
import { SocketAddress } from "node:net";
import { criError } from "cri-sdk/server";

/**
 * Opens the network namespace of a process; undefined if the process is gone. The open file keeps the namespace alive when the
 * process ends, so that plugins can still clean up in it. The host's own namespace is refused: plugins delete interfaces.
 */
export async function openNamespace(pid: number): Promise<FileHandle | undefined> {
  const file = await open(`/proc/${pid}/ns/net`).catch(() => undefined);
  if (!file) return undefined;
  const [itsOwn, host] = await Promise.all([file.stat(), stat("/proc/self/ns/net")]);
  if (itsOwn.ino !== host.ino) return file;
  await file.close();
  throw criError("wrong_state", `process ${pid} is in the network namespace of the host`);
}

/** Returns a path of an open namespace that other processes can use. */
export function pathOf(namespace: FileHandle): string {
  return `/proc/${process.pid}/fd/${namespace.fd}`;
}

/**
 * Returns the addresses in the network namespace of a process, those of IPv4 first, without those of the loopback interface and
 * link-local ones. They are read from files, which costs no process. Files do not name the interface of an IPv4 address: a pod
 * with several interfaces has the addresses of all of them, in numeric order.
 */
export async function addressesOf(pid: number): Promise<string[]> {
  const [trie, interfaces] = await Promise.all(
    // The process has ended, or the kernel has no IPv6.
    ["fib_trie", "if_inet6"].map((name) => readFile(`/proc/${pid}/net/${name}`, "utf8").catch(() => "")),
  );
  return [...ipv4Addresses(trie ?? ""), ...ipv6Addresses(interfaces ?? "")];
}

/** Parses the routing tables, in which a local address is a leaf `|-- 10.88.0.4` with a line `/32 host LOCAL` below it. */
function ipv4Addresses(trie: string): Set<string> {
  const found = new Set<string>();
  let leaf = "";
  for (const line of trie.split("\n")) {
    leaf = /\|-- (\S+)/.exec(line)?.[1] ?? leaf;
    if (line.includes("/32 host LOCAL") && !leaf.startsWith("127.")) found.add(leaf);
  }
  return found;
}

/** Parses lines of address, index, prefix length, scope, flags and name, in hexadecimal digits. Scope 0 is global. */
function ipv6Addresses(interfaces: string): string[] {
  return interfaces.split("\n").flatMap((line) => {
    const [digits = "", , , scope] = line.split(/\s+/);
    if (scope !== "00") return [];
    const address = (digits.match(/.{4}/g) ?? []).join(":");
    return [new SocketAddress({ family: "ipv6", address }).address];
  });
}
