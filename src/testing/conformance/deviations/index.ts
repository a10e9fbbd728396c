import { containerd16 } from "./containerd-1.6.js";
import { containerd17 } from "./containerd-1.7.js";
import { containerd21 } from "./containerd-2.1.js";
import { crio137 } from "./cri-o.js";
import { embeddedHost, embeddedScripted } from "./embedded.js";

/** The rules that a runtime is known not to keep: why, by the id of the case. */
export type Deviations = Readonly<Record<string, string>>;

/** What is known of each runtime. */
export const knownDeviations = {
  "containerd-1.6": containerd16,
  "containerd-1.7": containerd17,
  "containerd-2.1": containerd21,
  "cri-o-1.37": crio137,
  "embedded-host": embeddedHost,
  "embedded-scripted": embeddedScripted,
} as const satisfies Readonly<Record<string, Deviations>>;

/**
 * What is known of a runtime, by the name and the version that Version answers; nothing of any other release. Not for the
 * embedded runtime, which differs by its driver.
 */
export function deviationsFor(runtimeName: string, version: string): Deviations {
  const [release] = /^\d+\.\d+(?=\.|$)/.exec(version.replace(/^v/, "")) ?? [];
  const key = `${runtimeName}-${release}`;
  return Object.hasOwn(knownDeviations, key) ? knownDeviations[key as keyof typeof knownDeviations] : {};
}
