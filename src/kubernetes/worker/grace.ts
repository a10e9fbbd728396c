import { checkArgument, OptionTable, option } from "../../core/index.js";
import type { Container, Pod } from "../api/index.js";
import { checkContainerArgument, checkNumberArgument, checkPodArgument } from "../argument-checks.js";
import type { KillReason } from "./container-kills.js";

/** The shortest time between the stop signal and SIGKILL, in seconds. */
export const minStopTimeoutSeconds = 2;

const reasonCheck = option.oneOf<KillReason>(
  "livenessProbe",
  "startupProbe",
  "definitionChanged",
  "unknownState",
  "resized",
);

/**
 * Returns the grace period of a single container that is killed, in seconds: that of the pod's deletion, of the probe that failed, of the
 * Pod, or 2. Pods that are deleted have {@link podGraceSeconds} instead.
 */
export function killGraceSeconds(pod: Pod, container: Container, reason: KillReason): number {
  checkPodArgument("killGraceSeconds", pod);
  checkContainerArgument("killGraceSeconds", container);
  checkArgument("killGraceSeconds", "reason", reason, reasonCheck);
  const { metadata, spec } = pod;
  if (metadata?.deletionGracePeriodSeconds !== undefined) return metadata.deletionGracePeriodSeconds;
  if (spec?.terminationGracePeriodSeconds === undefined) return minStopTimeoutSeconds;
  const ofProbe = {
    livenessProbe: container.livenessProbe?.terminationGracePeriodSeconds,
    startupProbe: container.startupProbe?.terminationGracePeriodSeconds,
    definitionChanged: undefined,
    unknownState: undefined,
    resized: undefined,
  }[reason];
  return ofProbe ?? spec.terminationGracePeriodSeconds;
}

/** The input of {@link podGraceSeconds}. */
export interface PodGraceOptions {
  /** What this function returned before, in the same termination. @default none */
  readonly previousSeconds?: number | undefined;
  /** The grace period that the caller asks for, such as that of an eviction. @default none */
  readonly overrideSeconds?: number | undefined;
}

const podGraceTable = new OptionTable<PodGraceOptions>({
  previousSeconds: option.wholeNumber(0),
  overrideSeconds: option.wholeNumber(0),
});

/**
 * Returns the grace period of a pod that is stopped for good, in whole seconds, at least 1. The Pod's `deletionGracePeriodSeconds` and the
 * override take precedence over its `terminationGracePeriodSeconds`. It only shrinks during a termination.
 */
export function podGraceSeconds(pod: Pod, options: PodGraceOptions = {}): number {
  checkPodArgument("podGraceSeconds", pod);
  podGraceTable.check("podGraceSeconds", options);
  const { metadata, spec } = pod;
  const { previousSeconds, overrideSeconds } = options;
  const given = [previousSeconds, metadata?.deletionGracePeriodSeconds, overrideSeconds].filter(
    (seconds) => seconds !== undefined,
  );
  return Math.max(given.length > 0 ? Math.min(...given) : (spec?.terminationGracePeriodSeconds ?? 1), 1);
}

/** Returns what is left of a grace period after a step of this many milliseconds. Only whole seconds count; it may become negative. */
export function remainingGraceSeconds(graceSeconds: number, elapsedMs: number): number {
  checkNumberArgument("remainingGraceSeconds", "graceSeconds", graceSeconds);
  checkNumberArgument("remainingGraceSeconds", "elapsedMs", elapsedMs);
  return graceSeconds - Math.floor(elapsedMs / 1000);
}

/** Returns the timeout of StopContainer for what is left of a grace period: at least 2 seconds. */
export function stopTimeoutSeconds(remainingSeconds: number): bigint {
  checkNumberArgument("stopTimeoutSeconds", "remainingSeconds", remainingSeconds);
  return BigInt(Math.max(Math.trunc(remainingSeconds), minStopTimeoutSeconds));
}
