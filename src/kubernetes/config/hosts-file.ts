import { checkArgument, OptionTable, option } from "../../core/index.js";
import type { HostAlias } from "../api/index.js";
import type { PodHostname } from "./hostname.js";

/** The input of {@link hostsFileText}. */
export interface HostsFileInput {
  /** The pod's addresses; ignored in the host's network. */
  readonly podIPs: readonly string[];
  /** `podHostname()` */
  readonly hostname: PodHostname;
  /** `spec.hostAliases` */
  readonly hostAliases: readonly HostAlias[];
  /** The text of the node's file, for a pod in the host's network; undefined for other pods. */
  readonly nodeHostsFile: string | undefined;
}

const inputTable = new OptionTable<HostsFileInput>({
  podIPs: option.required(option.listOf(option.nonEmptyString)),
  hostname: option.required(
    option.nested(
      new OptionTable<PodHostname>({
        name: option.required(option.string),
        domain: option.required(option.string),
      }),
    ),
  ),
  hostAliases: option.required(
    option.listOf(
      option.nested(
        new OptionTable<HostAlias>({
          ip: option.required(option.string),
          hostnames: option.listOf(option.string),
        }),
      ),
    ),
  ),
  nodeHostsFile: option.string,
});

/** Returns the text of a pod's /etc/hosts, equal to the kubelet's. */
export function hostsFileText(input: HostsFileInput): string {
  checkArgument("hostsFileText", "input", input, option.nested(inputTable));
  const { podIPs, hostname, hostAliases, nodeHostsFile } = input;
  const { name, domain } = hostname;
  const names = domain === "" ? name : `${name}.${domain}\t${name}`;
  const own =
    nodeHostsFile === undefined
      ? [
          "# Kubernetes-managed hosts file.",
          "127.0.0.1\tlocalhost",
          "::1\tlocalhost ip6-localhost ip6-loopback",
          "fe00::0\tip6-localnet",
          "fe00::0\tip6-mcastprefix",
          "fe00::1\tip6-allnodes",
          "fe00::2\tip6-allrouters",
          ...podIPs.map((ip) => `${ip}\t${names}`),
        ]
          .map((line) => `${line}\n`)
          .join("")
      : `# Kubernetes-managed hosts file (host network).\n${nodeHostsFile}`;
  if (hostAliases.length === 0) return own;
  const aliases = hostAliases.map(({ ip, hostnames = [] }) => `${ip}\t${hostnames.join("\t")}\n`);
  return `${own}\n# Entries added by HostAliases.\n${aliases.join("")}`;
}
