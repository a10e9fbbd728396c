import { globMatches } from "../glob.js";

/** A pattern of a keyring, or an image's repository, in the parts that are compared. */
interface Location {
  readonly labels: readonly string[];
  readonly port: string;
  readonly path: string;
}

/**
 * Whether the credentials of a key are for a repository (`quay.io/team/app`), the kubelet's way: equal ports, as many labels
 * in the host, each fitting its pattern (`*`, `?`, `[a-z]`; none spans a dot), and a path that begins alike. `quay.io/foo` is
 * also for `quay.io/foobar`.
 */
export function keyMatches(key: string, repository: string): boolean {
  const pattern = locate(key);
  const target = locate(repository);
  return (
    pattern.port === target.port &&
    pattern.labels.length === target.labels.length &&
    pattern.labels.every((label, index) => globMatches(label, target.labels[index] ?? "")) &&
    target.path.startsWith(pattern.path)
  );
}

function locate(text: string): Location {
  const slash = text.indexOf("/");
  const host = slash < 0 ? text : text.slice(0, slash);
  // An address of IPv6 stands in brackets, which are no pattern there.
  const [, address, bare = "", port = ""] = /^(?:\[([0-9A-Fa-f:.]+)\]|(.*?))(?::([0-9]*))?$/.exec(host) ?? [];
  const name = address ?? bare;
  return { labels: name.split("."), port, path: slash < 0 ? "" : text.slice(slash) };
}
