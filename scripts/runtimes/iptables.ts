import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder } from "./cache-folder.js";
import { debianTriplet, libraryPath } from "./debian-triplet.js";

/** The packages of `iptables` with the libraries that minimal images lack. */
export const iptablesPackages = ["iptables", "libxtables12", "libmnl0", "libnftnl11"];

/** The names of the programs that plugins run; each name is also the prefix of the `-restore` program. */
export const iptablesNames = ["iptables", "ip6tables"] as const;

/** Returns the folder into which `iptables` is unpacked. Not part of the installed programs: takedown works without an installation. */
export function iptablesFolder(): string {
  return join(cacheFolder(), "iptables");
}

/** Returns the path of an unpacked program in its form for nftables, which is Debian's default. */
export function iptablesProgram(name: string): string {
  return join(iptablesFolder(), "usr/sbin", name.replace(/^(ip6?tables)/, "$1-nft"));
}

/** Returns the variables that the unpacked programs need to find their libraries and extensions. */
export function iptablesEnvironment(): Record<string, string> {
  const folder = iptablesFolder();
  return {
    LD_LIBRARY_PATH: libraryPath(folder),
    XTABLES_LIBDIR: join(folder, "usr/lib", debianTriplet, "xtables"),
  };
}

/** Runs an unpacked program synchronously; returns its stdout, or `undefined` if it is not installed or fails. */
export function runIptables(name: string, args: readonly string[], input = ""): string | undefined {
  const program = iptablesProgram(name);
  if (!existsSync(program)) return undefined;
  const env = { ...process.env, ...iptablesEnvironment() };
  const { status, stdout } = spawnSync(program, args, { env, input, encoding: "utf8", timeout: 10_000 });
  return status === 0 ? stdout : undefined;
}
