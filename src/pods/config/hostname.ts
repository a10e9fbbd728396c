import type { Fields } from "./fields.js";
import { dnsLabel, dnsSubdomain } from "./kubernetes-names.js";
import type { PodSpec } from "./spec-pod.js";

/** The kernel's limit. Runtimes fail beyond it. */
const maxFqdn = 64;

/**
 * PodSandboxConfig.hostname: that of the spec, else the pod's name, cut as the kubelet does. A pod on the host's network has the
 * host's.
 */
export function readHostname(fields: Fields<PodSpec>, podName: string, hostNetwork: boolean): string {
  const domain = fields.text("domain", dnsSubdomain);
  const given = fields.text("hostname", domain === undefined ? dnsSubdomain : dnsLabel);
  if (hostNetwork) {
    for (const key of ["hostname", "domain"] as const)
      if (fields.has(key))
        fields.wrong(key, "must not be there with namespaces.hostNetwork: the pod has the host's");
    return "";
  }
  const short = cutHostname(given ?? podName);
  if (domain === undefined) return short;
  const whole = `${short}.${domain}`;
  if (whole.length > maxFqdn)
    fields.wrong(
      "domain",
      `must make a name of at most ${maxFqdn} characters with the hostname, which is ${short}`,
    );
  return whole;
}

/** The first 63 characters, without `-` and `.` at the end. */
export function cutHostname(name: string): string {
  return name.length > 63 ? name.slice(0, 63).replace(/[-.]+$/, "") : name;
}
