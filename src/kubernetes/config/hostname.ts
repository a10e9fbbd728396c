import { truncateHostname } from "../../pods/index.js";
import { StartError } from "../start-error.js";
import { isDnsLabel, isDnsSubdomain } from "./names.js";
import type { NodeFacts } from "./node-facts.js";
import type { PodView } from "./pod-view.js";

/** The kernel's limit of a hostname. */
const maxHostnameLength = 64;

/** A pod's name and its domain, "" for none. */
export interface PodHostname {
  /** The host name, without a domain. */
  readonly name: string;
  /** `<subdomain>.<namespace>.svc.<cluster domain>`, or "". */
  readonly domain: string;
}

/**
 * Returns the name and domain of a pod: `spec.hostnameOverride`; otherwise `spec.hostname` or the pod's name, cut to 63 characters, and
 * with `spec.subdomain` the domain `<subdomain>.<namespace>.svc.<clusterDomain>`.
 */
export function podHostname(view: PodView, node: Pick<NodeFacts, "clusterDomain">): PodHostname {
  const { hostname, hostnameOverride, subdomain } = view.spec;
  if (hostnameOverride !== undefined) {
    if (!isDnsSubdomain(hostnameOverride))
      throw invalid("hostnameOverride", "a DNS subdomain", hostnameOverride);
    return { name: cut(hostnameOverride, "spec.hostnameOverride"), domain: "" };
  }
  if (hostname !== undefined && hostname !== "" && !isDnsLabel(hostname))
    throw invalid("hostname", "a DNS label", hostname);
  if (subdomain !== undefined && subdomain !== "" && !isDnsLabel(subdomain))
    throw invalid("subdomain", "a DNS label", subdomain);
  const name = cut(hostname || view.name, hostname ? "spec.hostname" : "metadata.name");
  const domain = subdomain ? [subdomain, view.namespace, "svc", node.clusterDomain] : [];
  return { name, domain: domain.filter(Boolean).join(".") };
}

/** Returns PodSandboxConfig.hostname: "" in the host's network; the name with its domain with `setHostnameAsFQDN`. */
export function sandboxHostname(view: PodView, node: Pick<NodeFacts, "clusterDomain">): string {
  if (view.spec.hostNetwork) return "";
  const { name, domain } = podHostname(view, node);
  if (!view.spec.setHostnameAsFQDN || domain === "") return name;
  const fqdn = `${name}.${domain}`;
  if (fqdn.length <= maxHostnameLength) return fqdn;
  throw new StartError(
    "FailedCreatePodSandBox",
    `spec.setHostnameAsFQDN: the hostname ${JSON.stringify(fqdn)} has ${fqdn.length} characters, at most ${maxHostnameLength} are allowed`,
  );
}

function cut(name: string, path: string): string {
  const short = truncateHostname(name);
  if (short !== "") return short;
  throw new StartError("FailedCreatePodSandBox", `${path}: no hostname remains of ${JSON.stringify(name)}`);
}

function invalid(field: string, what: string, value: string): StartError {
  return new StartError(
    "FailedCreatePodSandBox",
    `spec.${field}: must be ${what}, got ${JSON.stringify(value)}`,
  );
}
