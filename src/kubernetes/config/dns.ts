import { isIPv6 } from "node:net";
import type { PodDNSConfig } from "../api/index.js";
import type { NodeFacts } from "./node-facts.js";
import type { ConfigNotice } from "./pod-configs.js";
import type { PodView } from "./pod-view.js";

/** The limits of resolvers, as Kubernetes has them. */
const maxServers = 3;
const maxSearches = 32;
const maxSearchLength = 253;
const maxSearchesLength = 2048;

/** DNSConfig of a sandbox. */
export interface PodDns {
  readonly servers: string[];
  readonly searches: string[];
  /** Sorted, so that equal pods have equal configs. */
  readonly options: string[];
}

/**
 * Returns the DNS config of a pod by its `dnsPolicy` and `dnsConfig`, and what was left out of it: resolvers know at most 3 servers and 32
 * search domains of 2,048 characters together. The kubelet leaves out the same.
 */
export function podDns(
  view: PodView,
  node: Pick<NodeFacts, "clusterDns" | "clusterDomain" | "resolvConf" | "nodeIPs">,
): { readonly dns: PodDns; readonly notices: readonly ConfigNotice[] } {
  const host = hostDns(node);
  const base = baseDns(view, node, host);
  const { dnsConfig } = view.spec;
  const merged = dnsConfig === undefined ? base : mergeDns(base, dnsConfig);
  return limited({ ...merged, options: merged.options.toSorted() });
}

function baseDns(
  { namespace, spec }: PodView,
  { clusterDns, clusterDomain }: Pick<NodeFacts, "clusterDns" | "clusterDomain">,
  host: PodDns,
): PodDns {
  const { dnsPolicy = "ClusterFirst", hostNetwork = false } = spec;
  if (dnsPolicy === "None") return { servers: [], searches: [], options: [] };
  const isHost = dnsPolicy === "Default" || (dnsPolicy === "ClusterFirst" && hostNetwork);
  if (isHost || clusterDns.length === 0) return host;
  const own =
    clusterDomain === "" ? [] : [`${namespace}.svc.`, "svc.", ""].map((part) => part + clusterDomain);
  return { servers: [...clusterDns], searches: unique([...own, ...host.searches]), options: ["ndots:5"] };
}

/** Returns the node's own DNS. Without a resolv.conf, the resolver of the node itself. */
function hostDns({ resolvConf, nodeIPs }: Pick<NodeFacts, "resolvConf" | "nodeIPs">): PodDns {
  if (resolvConf !== undefined && resolvConf !== "") return parseResolvConf(resolvConf);
  if (resolvConf === "") return { servers: [], searches: [], options: [] };
  const servers = unique(nodeIPs.map((ip) => (isIPv6(ip) ? "::1" : "127.0.0.1")));
  return { servers, searches: ["."], options: [] };
}

/** Parses a resolv.conf as the kubelet does: the last `search` counts, and a later option replaces one of the same name. */
export function parseResolvConf(text: string): PodDns {
  const servers: string[] = [];
  let searches: string[] = [];
  let options: string[] = [];
  for (const line of text.split("\n")) {
    const [keyword = "", ...words] = line.trim().split(/\s+/);
    if (keyword.startsWith("#")) continue;
    if (keyword === "nameserver" && words[0] !== undefined) servers.push(words[0]);
    if (keyword === "search")
      searches = words.filter((word) => word !== ".").map((word) => word.replace(/\.$/, ""));
    if (keyword === "options") options = mergeOptions(options, words);
  }
  return { servers, searches, options };
}

function mergeDns(base: PodDns, { nameservers = [], searches = [], options = [] }: PodDNSConfig): PodDns {
  const given = options.flatMap(({ name, value }) =>
    name === undefined ? [] : [value ? `${name}:${value}` : name],
  );
  return {
    servers: unique([...base.servers, ...nameservers]),
    searches: unique([...base.searches, ...searches]),
    options: mergeOptions(base.options, given),
  };
}

/** Merges options by their name: the last one of a name counts. */
function mergeOptions(options: readonly string[], others: readonly string[]): string[] {
  const byName = new Map([...options, ...others].map((option) => [option.split(":")[0], option]));
  return [...byName.values()];
}

function limited(dns: PodDns): { readonly dns: PodDns; readonly notices: readonly ConfigNotice[] } {
  const notices: ConfigNotice[] = [];
  const report = (message: string) => notices.push({ reason: "DNSConfigForming", message });
  const servers = dns.servers.slice(0, maxServers);
  if (servers.length < dns.servers.length)
    report(`nameserver limits were exceeded, the applied nameservers are: ${servers.join(" ")}`);
  const short = dns.searches.filter((search) => search.length <= maxSearchLength).slice(0, maxSearches);
  while (short.join(" ").length > maxSearchesLength) short.pop();
  if (short.length < dns.searches.length)
    report(`search limits were exceeded, the applied search domains are: ${short.join(" ")}`);
  return { dns: { ...dns, servers, searches: short }, notices };
}

function unique(texts: readonly string[]): string[] {
  return [...new Set(texts)];
}
