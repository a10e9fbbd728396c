import { dnsLabel, dnsSubdomain, labelKey } from "../../pods/index.js";
import type { PodDNSConfig, Toleration } from "../api/index.js";
import type { FieldPath, FieldProblems } from "../schema/index.js";
import { checkGiven, checkIp, checkRange, checkReference, checkWord } from "./checks.js";
import { checkContainers } from "./containers.js";
import { checkLabels, checkString } from "./metadata.js";
import type { PodContext } from "./pod-context.js";
import { checkOverhead, checkPodResources } from "./resources.js";
import { checkPodSecurity } from "./security.js";
import { checkVolumes } from "./volumes.js";

const maxInt32 = 2 ** 31 - 1;
const maxNameservers = 3;
const maxSearches = 32;
const maxSearchLength = 2048;
const maxHostname = 64;

/** Reports what an API server refuses in the spec of a Pod. */
export function checkPodSpec(context: PodContext, path: FieldPath): void {
  const { spec, problems } = context;
  checkVolumes(spec.volumes, path.child("volumes"), context);
  checkContainers(context, path);
  checkPodResources(context, path.child("resources"));
  checkPodSecurity(context, path.child("securityContext"));
  checkNamespaces(context, path);
  checkWord(spec.restartPolicy, ["Always", "OnFailure", "Never"], path.child("restartPolicy"), problems);
  checkDns(context, path);
  checkHostnames(context, path);
  checkScheduling(context, path);
  checkWord(spec.os?.name, ["linux"], path.child("os").child("name"), problems);
  checkRange(
    spec.terminationGracePeriodSeconds,
    0,
    Number.POSITIVE_INFINITY,
    path.child("terminationGracePeriodSeconds"),
    problems,
  );
  checkRange(spec.activeDeadlineSeconds, 1, maxInt32, path.child("activeDeadlineSeconds"), problems);
  checkOverhead(spec.overhead, path.child("overhead"), problems);
  for (const [index, { name }] of (spec.imagePullSecrets ?? []).entries())
    checkReference(name, path.child("imagePullSecrets").index(index).child("name"), problems);
  for (const field of ["serviceAccountName", "nodeName", "priorityClassName", "runtimeClassName"] as const) {
    const name = spec[field];
    if (name) checkString(name, path.child(field), problems, dnsSubdomain);
  }
}

function checkNamespaces({ spec, problems }: PodContext, path: FieldPath): void {
  if (spec.shareProcessNamespace && spec.hostPID)
    problems.invalid(path.child("shareProcessNamespace"), true, "must not be true together with hostPID");
  if (spec.hostUsers !== false) return;
  for (const field of ["hostNetwork", "hostPID", "hostIPC"] as const)
    if (spec[field]) problems.forbidden(path.child(field), "must not be true when hostUsers is false");
}

function checkDns({ spec, problems }: PodContext, path: FieldPath): void {
  const policies = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];
  checkWord(spec.dnsPolicy, policies, path.child("dnsPolicy"), problems);
  const here = path.child("dnsConfig");
  if (spec.dnsPolicy === "None" && !spec.dnsConfig?.nameservers?.length)
    problems.required(
      spec.dnsConfig ? here.child("nameservers") : here,
      "a Pod with dnsPolicy None needs at least one nameserver",
    );
  if (spec.dnsConfig) checkDnsConfig(spec.dnsConfig, here, problems);
}

function checkDnsConfig(
  { nameservers = [], searches = [], options = [] }: PodDNSConfig,
  path: FieldPath,
  problems: FieldProblems,
): void {
  if (nameservers.length > maxNameservers)
    problems.tooMany(path.child("nameservers"), nameservers.length, maxNameservers);
  for (const [index, address] of nameservers.entries())
    checkIp(address, path.child("nameservers").index(index), problems);
  const here = path.child("searches");
  if (searches.length > maxSearches) problems.tooMany(here, searches.length, maxSearches);
  if (searches.join(" ").length > maxSearchLength) problems.tooLong(here, maxSearchLength);
  for (const [index, search] of searches.entries())
    checkString(search, here.index(index), problems, searchDomain);
  for (const [index, { name }] of options.entries())
    checkGiven(name, path.child("options").index(index).child("name"), problems);
}

/** Unlike other names, these may be the root, end with a dot, and have underscores. */
function searchDomain(domain: string): string | undefined {
  return domain === "." ? undefined : dnsSubdomain(domain.replace(/\.$/, "").replaceAll("_", "a"));
}

function checkHostnames({ spec, problems }: PodContext, path: FieldPath): void {
  for (const field of ["hostname", "subdomain"] as const) {
    const name = spec[field];
    if (name) checkString(name, path.child(field), problems, dnsLabel);
  }
  const here = path.child("hostnameOverride");
  const { hostnameOverride } = spec;
  if (hostnameOverride !== undefined) {
    if (spec.setHostnameAsFQDN)
      problems.forbidden(here, "must not be set together with setHostnameAsFQDN: true");
    if (spec.hostNetwork) problems.forbidden(here, "must not be set together with hostNetwork: true");
    if (hostnameOverride.length > maxHostname) problems.tooLong(here, maxHostname);
    checkString(hostnameOverride, here, problems, dnsSubdomain);
  }
  for (const [index, { ip, hostnames = [] }] of (spec.hostAliases ?? []).entries()) {
    const alias = path.child("hostAliases").index(index);
    checkIp(ip ?? "", alias.child("ip"), problems);
    for (const [position, name] of hostnames.entries())
      checkString(name, alias.child("hostnames").index(position), problems, dnsSubdomain);
  }
}

/** A node ignores these fields, but what is not valid is a mistake of the author. */
function checkScheduling({ spec, problems }: PodContext, path: FieldPath): void {
  checkLabels(spec.nodeSelector, path.child("nodeSelector"), problems);
  checkWord(
    spec.preemptionPolicy || undefined,
    ["PreemptLowerPriority", "Never"],
    path.child("preemptionPolicy"),
    problems,
  );
  for (const [index, toleration] of (spec.tolerations ?? []).entries())
    checkToleration(toleration, path.child("tolerations").index(index), problems);
}

function checkToleration(
  { key, operator = "", effect, tolerationSeconds, value }: Toleration,
  path: FieldPath,
  problems: FieldProblems,
): void {
  if (key) checkString(key, path.child("key"), problems, labelKey);
  checkWord(operator, ["", "Equal", "Exists", "Lt", "Gt"], path.child("operator"), problems);
  if (!key && operator !== "Exists")
    problems.invalid(path.child("operator"), operator, "must be Exists when the key is empty");
  if (operator === "Exists" && value)
    problems.invalid(path.child("operator"), operator, "must not be Exists when there is a value");
  checkWord(effect, ["", "NoSchedule", "PreferNoSchedule", "NoExecute"], path.child("effect"), problems);
  if (tolerationSeconds !== undefined && effect !== "NoExecute")
    problems.invalid(path.child("effect"), effect ?? "", "must be NoExecute when tolerationSeconds is set");
}
