// The fields of a pod spec that become fields of PodSandboxConfig: hostname, DNS, ports, namespaces, sysctls, cgroup parent.
import { isIP } from "node:net";
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type DNSConfigSchema,
  NamespaceMode,
  type NamespaceOptionSchema,
  type PortMappingSchema,
  Protocol,
} from "../../../gen/runtime/v1/api_pb.js";
import { describe } from "../../core/index.js";
import { Fields, readString } from "./fields.js";
import { kubernetesNames } from "./kubernetes-names.js";
import type { DnsSpec, NamespacesSpec, PodSpec, PortSpec, UserIdRange } from "./spec-pod.js";
import { dnsLabel, dnsSubdomain, ipAddress } from "./string-rules.js";

/** The kernel's limit of a hostname. */
const maxFqdnLength = 64;

/**
 * Reads PodSandboxConfig.hostname: the spec's, else the pod's name, truncated as the kubelet does; "" for a pod on the host
 * network, which has the host's name.
 */
export function readHostname(fields: Fields<PodSpec>, podName: string, hostNetwork: boolean): string {
  const domain = fields.string("domain", dnsSubdomain);
  const given = fields.string("hostname", domain === undefined ? dnsSubdomain : dnsLabel);
  if (hostNetwork) {
    for (const key of ["hostname", "domain"] as const)
      if (fields.has(key))
        fields.addProblem(key, "cannot be combined with namespaces.hostNetwork: the pod has the host's name");
    return "";
  }
  const hostname = truncateHostname(given ?? podName);
  if (domain === undefined) return hostname;
  const fqdn = `${hostname}.${domain}`;
  if (fqdn.length > maxFqdnLength)
    fields.addProblem(
      "domain",
      `must have at most ${maxFqdnLength} characters together with the hostname ${describe(hostname)}`,
    );
  return fqdn;
}

/** Truncates a name to 63 characters, without `-` and `.` at the end. */
export function truncateHostname(name: string): string {
  return name.length > 63 ? name.slice(0, 63).replace(/[-.]+$/, "") : name;
}

const maxServers = 3;
const maxSearches = 32;
const maxSearchLength = 2048;

/** Reads DNSConfig, within the limits of Kubernetes: resolvers ignore what exceeds them. */
export function readDns(fields: Fields<PodSpec>): MessageInitShape<typeof DNSConfigSchema> | undefined {
  const dns = fields.nested<DnsSpec>("dns");
  const servers = dns.strings("servers", ipAddress);
  const searches = dns.strings("searches", searchDomain);
  const options = dns.strings("options", resolverOption);
  if (servers.length > maxServers) dns.addProblem("servers", `must have at most ${maxServers} entries`);
  if (searches.length > maxSearches) dns.addProblem("searches", `must have at most ${maxSearches} entries`);
  if (searches.join(" ").length > maxSearchLength)
    dns.addProblem("searches", `must have at most ${maxSearchLength} characters in total`);
  dns.rejectUnknown(kubernetesNames.dns);
  return fields.has("dns") ? { servers, searches, options } : undefined;
}

/** The root, or a subdomain. Unlike in other names, underscores and a trailing dot are common here. */
function searchDomain(domain: string): string | undefined {
  if (domain === ".") return undefined;
  return dnsSubdomain(domain.replace(/\.$/, "").toLowerCase().replaceAll("_", "a"));
}

/** An option becomes a part of a line of resolv.conf. */
function resolverOption(option: string): string | undefined {
  return /^[!-~]+$/.test(option) ? undefined : 'must be a single option such as "ndots:5"';
}

const protocols = { TCP: Protocol.TCP, UDP: Protocol.UDP, SCTP: Protocol.SCTP };
const maxPort = 65_535;

type PortMapping = MessageInitShape<typeof PortMappingSchema>;

interface MappedPort {
  readonly path: string;
  readonly containerPort: number;
  /** The address as written, "" for every address. */
  readonly hostIp: string;
}

/**
 * Reads the port mappings in their order. Like the kubelet, leaves out repeated ones. Reports two mappings of one host port, also where
 * one of them is on every address.
 */
export function readPorts(fields: Fields<PodSpec>, hostNetwork: boolean): PortMapping[] {
  const mapped = new Map<string, MappedPort[]>();
  return fields.list("ports", (value, path): PortMapping | undefined => {
    const port = new Fields<PortSpec>(value, path, fields.violations);
    if (!port.has("containerPort")) port.addMissing("containerPort", "the port in the pod, 1 to 65535");
    const containerPort = port.integer("containerPort", 1, maxPort) ?? 0;
    // On the host network the host port defaults to the container port, as in the API server.
    const hostPort = port.integer("hostPort", 0, maxPort) ?? (hostNetwork ? containerPort : 0);
    const protocol = port.choice("protocol", protocols) ?? Protocol.TCP;
    const hostIp = port.string("hostIp", (ip) => (ip === "" ? undefined : ipAddress(ip))) ?? "";
    port.rejectUnknown(kubernetesNames.port);
    if (hostNetwork && hostPort !== containerPort)
      port.addProblem(
        "hostPort",
        `must be omitted or equal to the container port (${containerPort}) with namespaces.hostNetwork`,
      );
    const key = `${protocol} ${hostPort === 0 ? `unmapped ${containerPort}` : hostPort}`;
    const earlier = mapped.get(key) ?? [];
    if (earlier.some((one) => one.hostIp === hostIp && one.containerPort === containerPort)) return undefined;
    const other = hostPort === 0 ? undefined : earlier.find((one) => shareAddress(one.hostIp, hostIp));
    if (other) {
      const on = other.hostIp === hostIp ? "" : ` on ${other.hostIp || "every address"}`;
      port.addProblem(
        "hostPort",
        `is already mapped to container port ${other.containerPort} by ${other.path}${on}`,
      );
    }
    mapped.set(key, [...earlier, { path, containerPort, hostIp }]);
    return { protocol, containerPort, hostPort, hostIp };
  });
}

/** Reports whether two host addresses have one in common: the same in any spelling, or one of them stands for all of its family. */
function shareAddress(one: string, other: string): boolean {
  const [a, b] = [canonicalAddress(one), canonicalAddress(other)];
  if (a === b || a === "" || b === "") return true;
  return isIP(a) === isIP(b) && [a, b].some((address) => address === "0.0.0.0" || address === "::");
}

/** Returns one spelling of an address; "" unchanged. An IPv4 address within IPv6 is that of IPv4. */
function canonicalAddress(address: string): string {
  if (isIP(address) !== 6) return address;
  const [withoutZone = "", zone] = address.split("%");
  const short = new URL(`http://[${withoutZone}]`).hostname.slice(1, -1);
  const [, high, low] = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(short) ?? [];
  if (high !== undefined && low !== undefined)
    return [high, low]
      .flatMap((part) => [Number.parseInt(part, 16) >> 8, Number.parseInt(part, 16) & 255])
      .join(".");
  return zone === undefined ? short : `${short}%${zone}`;
}

const pidModes = { container: NamespaceMode.CONTAINER, pod: NamespaceMode.POD, host: NamespaceMode.NODE };
const maxId = 2 ** 32 - 1;
const defaultIdRangeLength = 65_536;

/** NamespaceOption of a sandbox. */
export type Namespaces = MessageInitShape<typeof NamespaceOptionSchema>;

/** Reads NamespaceOption. Sets every mode, since the zero values of two of them are not the defaults of Kubernetes. */
export function readNamespaces(fields: Fields<PodSpec>): Namespaces {
  const namespaces = fields.nested<NamespacesSpec>("namespaces");
  const hostNetwork = namespaces.boolean("hostNetwork");
  const pid = namespaces.choice("pid", pidModes) ?? NamespaceMode.CONTAINER;
  const hostIpc = namespaces.boolean("hostIpc");
  const hasUsers = namespaces.has("users");
  const usernsOptions = hasUsers ? readUsers(namespaces) : { mode: NamespaceMode.NODE };
  if (hasUsers && (hostNetwork || hostIpc || pid === NamespaceMode.NODE))
    namespaces.addProblem("users", "cannot be combined with another host namespace");
  namespaces.rejectUnknown();
  return {
    network: hostNetwork ? NamespaceMode.NODE : NamespaceMode.POD,
    pid,
    ipc: hostIpc ? NamespaceMode.NODE : NamespaceMode.POD,
    usernsOptions,
  };
}

function readUsers(namespaces: Fields<NamespacesSpec>): NonNullable<Namespaces["usernsOptions"]> {
  const users = namespaces.nested<NonNullable<NamespacesSpec["users"]>>("users");
  if (!users.has("uids")) users.addMissing("uids", "the range of user ids");
  const uids = readIdRange(users.nested<UserIdRange>("uids"), users.has("uids"));
  const gids = users.has("gids") ? readIdRange(users.nested<UserIdRange>("gids"), true) : { ...uids };
  users.rejectUnknown();
  return { mode: NamespaceMode.POD, uids: [uids], gids: [gids] };
}

function readIdRange(range: Fields<UserIdRange>, isGiven: boolean) {
  if (isGiven && !range.has("hostId")) range.addMissing("hostId", "the first id on the host");
  const hostId = range.integer("hostId", 0, maxId) ?? 0;
  const containerId = range.integer("containerId", 0, maxId) ?? 0;
  const length = range.integer("length", 1, maxId) ?? defaultIdRangeLength;
  range.rejectUnknown();
  if (Math.max(hostId, containerId) + length > maxId + 1)
    range.addProblem("length", `must not extend the range beyond ${maxId}, the largest id`);
  return { hostId, containerId, length };
}

const sysctlName = /^[A-Za-z0-9_-]+(?:[./][A-Za-z0-9_-]+)+$/;
/** Parameters of the IPC namespace. All of `net.` belongs to the network namespace. */
const ipcSysctl = /^(?:kernel\.(?:shm|msg)|kernel\.sem$|fs\.mqueue\.)/;

/** Reads LinuxPodSandboxConfig.sysctls, keyed by dotted names. */
export function readSysctls(
  fields: Fields<PodSpec>,
  host: { readonly network: boolean; readonly ipc: boolean },
): Record<string, string> {
  const seen = new Set<string>();
  const read = fields.entries(
    "sysctls",
    (key, value, path) => {
      const addProblem = (message: string) => fields.violations.addValue(path, message, value);
      if (!sysctlName.test(key))
        addProblem("has an invalid key: it must be dotted words such as net.core.somaxconn");
      const name = dottedSysctl(key);
      if (seen.has(name)) addProblem(`is specified twice: it is another spelling of ${describe(name)}`);
      seen.add(name);
      if (host.network && name.startsWith("net."))
        addProblem("cannot be combined with namespaces.hostNetwork: it would change the host");
      if (host.ipc && ipcSysctl.test(name))
        addProblem("cannot be combined with namespaces.hostIpc: it would change the host");
      return readString(value, path, fields.violations);
    },
    '{ "net.core.somaxconn": "1024" }',
  );
  return Object.fromEntries(read.map(([key, value]) => [dottedSysctl(key), value]));
}

/**
 * Returns a sysctl's dotted name. As in sysctl(8), a name whose first separator is a slash is a path, in which dots belong to names:
 * `net/ipv4/conf/eth0.1/forwarding` is `net.ipv4.conf.eth0/1.forwarding`.
 */
export function dottedSysctl(name: string): string {
  if (/[./]/.exec(name)?.[0] !== "/") return name;
  return name.replace(/[./]/g, (separator) => (separator === "/" ? "." : "/"));
}

/** The form of a cgroup parent with either driver: `/pods/web`, or `pods-web.slice` with or without the slices above it. */
export function cgroupPath(path: string): string | undefined {
  if (path === "") return undefined;
  if (path.split("/").includes("..")) return 'must not contain a ".." segment';
  if (path.startsWith("/") || path.endsWith(".slice")) return undefined;
  return 'must be an absolute path, or a slice that ends with ".slice"';
}
