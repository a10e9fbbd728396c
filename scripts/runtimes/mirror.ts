import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

interface AptSource {
  readonly uri: string;
  readonly suites: readonly string[];
  readonly components: readonly string[];
}

/**
 * Returns the Debian mirror of this machine, read from its apt sources.
 * `CRI_SDK_RUNTIMES_MIRROR` overrides it; it is required on a machine that does not run Debian.
 */
export function debianMirror(etc = "/etc"): string {
  const override = process.env.CRI_SDK_RUNTIMES_MIRROR;
  if (override !== undefined && override !== "") return override;
  const release = existsSync(join(etc, "os-release")) ? readFileSync(join(etc, "os-release"), "utf8") : "";
  const codename = /^VERSION_CODENAME=(\S+)$/m.exec(release)?.[1];
  for (const source of aptSources(join(etc, "apt"))) {
    const isDebian = /\/debian\/?$/.test(source.uri) || source.uri.startsWith("mirror+");
    const isMain = source.components.includes("main");
    if (isDebian && isMain && codename !== undefined && source.suites.includes(codename)) return source.uri;
  }
  throw new Error(
    `${etc}/apt: no Debian mirror found. Set CRI_SDK_RUNTIMES_MIRROR, for example to http://deb.debian.org/debian`,
  );
}

function aptSources(folder: string): AptSource[] {
  const parts = join(folder, "sources.list.d");
  const files = [join(folder, "sources.list")];
  if (existsSync(parts)) for (const name of readdirSync(parts).sort()) files.push(join(parts, name));
  return files.filter(existsSync).flatMap((file) => {
    const text = readFileSync(file, "utf8");
    return file.endsWith(".sources") ? stanzas(text) : oneLiners(text);
  });
}

function oneLiners(text: string): AptSource[] {
  return text.split("\n").flatMap((line) => {
    const found = /^deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s+(.*)$/.exec(line.trim());
    if (found === null) return [];
    const [, uri = "", suite = "", components = ""] = found;
    return [{ uri, suites: [suite], components: components.split(/\s+/) }];
  });
}

function stanzas(text: string): AptSource[] {
  return text.split(/\n\s*\n/).flatMap((stanza) => {
    const words = (field: string): string[] =>
      new RegExp(`^${field}:[ \t]*(.*)$`, "im").exec(stanza)?.[1]?.trim().split(/\s+/) ?? [];
    if (words("Enabled")[0] === "no" || !words("Types").includes("deb")) return [];
    return words("URIs").map((uri) => ({ uri, suites: words("Suites"), components: words("Components") }));
  });
}
