import { isIP } from "node:net";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { DNSConfigSchema } from "../../../gen/runtime/v1/api_pb.js";
import type { Fields } from "./fields.js";
import { dnsSubdomain } from "./kubernetes-names.js";
import type { DnsSpec, PodSpec } from "./spec-pod.js";

const maxServers = 3;
const maxSearches = 32;
const maxSearchLength = 2048;

/** DNSConfig, within the limits that Kubernetes keeps: a resolver would overlook what is beyond. */
export function readDns(fields: Fields<PodSpec>): MessageInitShape<typeof DNSConfigSchema> | undefined {
  const dns = fields.nested<DnsSpec>("dns");
  const servers = dns.texts("servers", address);
  const searches = dns.texts("searches", searchDomain);
  const options = dns.texts("options", option);
  if (servers.length > maxServers) dns.wrong("servers", `must be at most ${maxServers}`);
  if (searches.length > maxSearches) dns.wrong("searches", `must be at most ${maxSearches}`);
  if (searches.join(" ").length > maxSearchLength)
    dns.wrong("searches", `must have at most ${maxSearchLength} characters together`);
  dns.end();
  return fields.has("dns") ? { servers, searches, options } : undefined;
}

function address(text: string): string | undefined {
  return isIP(text) === 0 ? "must be an IP address" : undefined;
}

/** The root, or a subdomain; a dot at its end and underscores are usual here. */
function searchDomain(text: string): string | undefined {
  if (text === ".") return undefined;
  return dnsSubdomain(text.replace(/\.$/, "").toLowerCase().replaceAll("_", "a"));
}

/** It becomes a part of a line of resolv.conf. */
function option(text: string): string | undefined {
  return /^[!-~]+$/.test(text) ? undefined : 'must be one word, as "ndots:5"';
}
