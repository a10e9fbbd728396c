import { describe } from "../../core/index.js";
import { type Fields, readText } from "./fields.js";
import type { PodSpec } from "./spec-pod.js";

const grammar = /^[A-Za-z0-9_-]+(?:[./][A-Za-z0-9_-]+)+$/;
/** Parameters of the IPC namespace; all of `net.` belong to the network's. */
const ipc = /^(?:kernel\.(?:shm|msg)|kernel\.sem$|fs\.mqueue\.)/;

/** LinuxPodSandboxConfig.sysctls, by their dotted names. */
export function readSysctls(
  fields: Fields<PodSpec>,
  host: { readonly network: boolean; readonly ipc: boolean },
): Record<string, string> {
  const seen = new Set<string>();
  const read = fields.entries("sysctls", (given, value, path) => {
    const wrong = (message: string) => fields.report({ path, message, value });
    if (!grammar.test(given))
      wrong("is named wrongly: a parameter's name is words with dots, net.core.somaxconn");
    const name = dotted(given);
    if (seen.has(name)) wrong(`is there twice: ${describe(name)} is another way to write it`);
    seen.add(name);
    if (host.network && name.startsWith("net."))
      wrong("must not be there with namespaces.hostNetwork: it would change the host");
    if (host.ipc && ipc.test(name))
      wrong("must not be there with namespaces.hostIpc: it would change the host");
    return readText(value, path, fields.report);
  });
  return Object.fromEntries(read.map(([name, value]) => [dotted(name), value]));
}

/** A name whose first separator is a slash is a path, where dots are a part of names; others are as they should be. */
export function dotted(name: string): string {
  if (/[./]/.exec(name)?.[0] !== "/") return name;
  return name.replace(/[./]/g, (separator) => (separator === "/" ? "." : "/"));
}
