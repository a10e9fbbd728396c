import { isIPv6 } from "node:net";
import { criError, describe } from "../../core/index.js";
import type { Container } from "../api/index.js";

/**
 * Returns the number of a port that is given as a number, as the name of one of the container's ports, or as digits. A name takes
 * precedence over digits. Throws `invalid_spec`.
 *
 * @param path the path of the port in errors: `httpGet.port`
 */
export function portNumber(port: number | string, container: Container, path: string): number {
  const named =
    typeof port === "string" ? container.ports?.find(({ name }) => name === port)?.containerPort : undefined;
  const number = named ?? (typeof port === "number" || /^[0-9]+$/.test(port) ? Number(port) : Number.NaN);
  if (Number.isInteger(number) && number >= 1 && number <= 65_535) return number;
  const message =
    Number.isNaN(number) && typeof port === "string"
      ? `no port of container ${JSON.stringify(container.name)} has the name ${JSON.stringify(port)}`
      : `must be a port from 1 to 65535, got ${describe(port)}`;
  throw criError("invalid_spec", `${path}: ${message}`, { problems: [{ path, message, value: port }] });
}

/** Returns the host that a probe or hook connects to: its own, else the pod's first address. Throws `wrong_state` without one. */
export function hostOf(host: string | undefined, podIPs: readonly string[]): string {
  const found = host || podIPs[0];
  if (found) return found;
  throw criError("wrong_state", "the pod has no IP address yet", {
    hint: "Set `host`, or probe with `exec`: the runtime reports no address of this pod",
  });
}

/** Joins a host and a port, with brackets around an IPv6 address. */
export function joinHostPort(host: string, port: number): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}
