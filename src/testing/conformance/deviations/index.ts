import { checkArgument, option } from "../../../core/index.js";
import type { Deviations } from "../case.js";
import { containerd16 } from "./containerd-1.6.js";
import { containerd17 } from "./containerd-1.7.js";
import { containerd21 } from "./containerd-2.1.js";
import { crio137 } from "./cri-o.js";
import { docker } from "./docker.js";
import { embeddedHost, embeddedScripted } from "./embedded.js";

/** The known deviations of each runtime. */
export const knownDeviations = {
  "containerd-1.6": containerd16,
  "containerd-1.7": containerd17,
  "containerd-2.1": containerd21,
  "cri-o-1.37": crio137,
  "docker-20.10": docker,
  "docker-26.1": docker,
  "embedded-host": embeddedHost,
  "embedded-scripted": embeddedScripted,
} as const satisfies Readonly<Record<string, Deviations>>;

/**
 * Returns the known deviations of a runtime by the name and version from its Version response; none for an unknown release. Does not
 * work for the embedded runtime, whose deviations depend on its driver.
 */
export function deviationsFor(runtimeName: string, version: string): Deviations {
  checkArgument("deviationsFor", "runtimeName", runtimeName, option.string);
  checkArgument("deviationsFor", "version", version, option.string);
  const [release] = /^\d+\.\d+(?=\.|$)/.exec(version.replace(/^v/, "")) ?? [];
  const key = `${runtimeName}-${release}`;
  return Object.hasOwn(knownDeviations, key) ? knownDeviations[key as keyof typeof knownDeviations] : {};
}
