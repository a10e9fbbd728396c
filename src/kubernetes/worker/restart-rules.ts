import type { Container, ContainerRestartRule, Pod } from "../api/index.js";
import { checkContainerArgument, checkNumberArgument, checkPodArgument } from "../argument-checks.js";
import type { ObservedContainer, ObservedPod } from "./observed.js";
import { initContainersOf, newestInstance, regularContainersOf } from "./pod-containers.js";

/** Returns the first rule of `restartPolicyRules` that applies to this exit code. */
export function matchingRestartRule(
  { restartPolicyRules = [] }: Container,
  exitCode: number,
): ContainerRestartRule | undefined {
  return restartPolicyRules.find(({ exitCodes }) => {
    if (exitCodes === undefined) return false;
    const isListed = (exitCodes.values ?? []).includes(exitCode);
    if (exitCodes.operator === "In") return isListed;
    return exitCodes.operator === "NotIn" && !isListed;
  });
}

/**
 * Returns whether a container restarts after this exit code. Its own rules decide first, if it has a restart policy of its own, then
 * that policy, then the pod's. A missing policy of the pod is Always.
 */
export function restartsAfter(pod: Pod, container: Container, exitCode: number): boolean {
  checkPodArgument("restartsAfter", pod);
  checkContainerArgument("restartsAfter", container);
  checkNumberArgument("restartsAfter", "exitCode", exitCode);
  if (container.restartPolicy !== undefined) {
    const action = matchingRestartRule(container, exitCode)?.action;
    if (action === "Restart" || action === "RestartAllContainers") return true;
  }
  switch (container.restartPolicy ?? pod.spec?.restartPolicy) {
    case "Never":
      return false;
    case "OnFailure":
      return exitCode !== 0;
    default:
      return true;
  }
}

/**
 * Returns whether a container that does not run shall be started: it never ran, its start was not completed, its state is unknown, or
 * it exited and restarts by its policy. False for a running one.
 */
export function shouldStart(
  pod: Pod,
  container: Container,
  instance: ObservedContainer | undefined,
): boolean {
  switch (instance?.state) {
    case "running":
      return false;
    case "exited":
      return restartsAfter(pod, container, instance.exitCode);
    default:
      return true;
  }
}

/** Returns whether a container that is killed while it runs, because of a probe, starts again. Rules need an exit code and do not apply. */
export function restartsWhenKilled(pod: Pod, container: Container): boolean {
  return (container.restartPolicy ?? pod.spec?.restartPolicy) !== "Never";
}

/** Returns whether an exited instance triggers the restart of all containers of its pod. */
export function triggersRestartOfAll(container: Container, instance: ObservedContainer): boolean {
  return (
    instance.state === "exited" &&
    matchingRestartRule(container, instance.exitCode)?.action === "RestartAllContainers"
  );
}

/** Returns whether a rule of any container may restart all of them. */
export function mayRestartAll(pod: Pod): boolean {
  return [...initContainersOf(pod), ...regularContainersOf(pod)].some(({ restartPolicyRules = [] }) =>
    restartPolicyRules.some(({ action }) => action === "RestartAllContainers"),
  );
}

/** Returns whether the newest instance of any container triggers the restart of all. */
export function anyTriggersRestartOfAll(pod: Pod, observed: ObservedPod): boolean {
  return [...initContainersOf(pod), ...regularContainersOf(pod)].some((container) => {
    const instance = newestInstance(observed, container.name);
    return instance !== undefined && triggersRestartOfAll(container, instance);
  });
}
