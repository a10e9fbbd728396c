import { dnsLabel } from "../../pods/index.js";
import type { DefaultedContainer, DefaultedEphemeralContainer } from "../defaults/index.js";
import type { FieldPath, FieldProblems } from "../schema/index.js";
import { checkGiven, checkWord } from "./checks.js";
import { checkEnv, checkEnvFrom } from "./environment.js";
import { checkString } from "./metadata.js";
import { checkMounts } from "./mounts.js";
import type { PodContext } from "./pod-context.js";
import { checkHostPorts, checkPorts } from "./ports.js";
import { checkLifecycle, checkProbes } from "./probes-and-hooks.js";
import { checkContainerResources, checkResizePolicy } from "./resources.js";
import { checkSecurity } from "./security.js";

/** The most rules of a container, and exit codes of a rule. */
const maxRestartRules = 20;
const maxExitCodes = 255;

/** Reports containers of all kinds that are not valid. `path` is that of the spec. */
export function checkContainers(context: PodContext, path: FieldPath): void {
  const { spec, problems } = context;
  const names = new Set<string>();
  if (spec.containers.length === 0) problems.required(path.child("containers"));
  for (const [index, container] of spec.containers.entries()) {
    const here = path.child("containers").index(index);
    checkContainer(container, names, here, context);
    checkLifecycle(container.lifecycle, container, here.child("lifecycle"), context);
    checkProbes(container, here, problems);
    checkRestartPolicy(container, here, problems);
  }
  for (const [index, container] of spec.initContainers.entries()) {
    const here = path.child("initContainers").index(index);
    checkContainer(container, names, here, context, "init");
    checkInitContainer(container, here, context);
  }
  for (const [index, container] of spec.ephemeralContainers.entries())
    checkEphemeralContainer(container, names, path.child("ephemeralContainers").index(index), context);
  checkHostPorts(spec.containers, path.child("containers"), context);
}

/** Reports what is not valid in a container of any kind. */
function checkContainer(
  container: DefaultedContainer,
  names: Set<string>,
  path: FieldPath,
  context: PodContext,
  kind: "regular" | "init" | "ephemeral" = "regular",
): void {
  const { problems } = context;
  if (checkGiven(container.name, path.child("name"), problems)) {
    checkString(container.name, path.child("name"), problems, dnsLabel);
    if (names.has(container.name)) problems.duplicate(path.child("name"), container.name);
    names.add(container.name);
  }
  if (checkGiven(container.image, path.child("image"), problems))
    checkString(container.image, path.child("image"), problems, imageRule);
  checkPorts(container, path.child("ports"), context);
  checkEnv(container.env, path.child("env"), context);
  checkEnvFrom(container.envFrom, path.child("envFrom"), context);
  checkMounts(container, kind === "ephemeral", path.child("volumeMounts"), context);
  checkWord(
    container.imagePullPolicy,
    ["Always", "IfNotPresent", "Never"],
    path.child("imagePullPolicy"),
    problems,
  );
  checkWord(
    container.terminationMessagePolicy,
    ["File", "FallbackToLogsOnError"],
    path.child("terminationMessagePolicy"),
    problems,
  );
  checkContainerResources(container.resources, path.child("resources"), context);
  checkResizePolicy(
    container.resizePolicy ?? [],
    context.spec.restartPolicy !== "Never" && (kind !== "init" || container.restartPolicy === "Always"),
    path.child("resizePolicy"),
    problems,
  );
  checkSecurity(container, path.child("securityContext"), context);
}

/** As an API server: a name that is not valid otherwise is a container that waits with InvalidImageName. */
function imageRule(image: string): string | undefined {
  return image.trim() === image ? undefined : "must not have leading or trailing whitespace";
}

/** Only sidecars run beside other containers: only they have probes and hooks. */
function checkInitContainer(container: DefaultedContainer, path: FieldPath, context: PodContext): void {
  const { problems } = context;
  checkRestartPolicy(container, path, problems);
  if (container.restartPolicy === "Always") {
    checkLifecycle(container.lifecycle, container, path.child("lifecycle"), context);
    checkProbes(container, path, problems);
  } else
    for (const field of ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] as const)
      if (container[field])
        problems.forbidden(
          path.child(field),
          "must not be set for init containers without restartPolicy: Always",
        );
  checkHostPorts([container], path, context);
}

function checkEphemeralContainer(
  container: DefaultedEphemeralContainer,
  names: Set<string>,
  path: FieldPath,
  context: PodContext,
): void {
  const { spec, problems } = context;
  checkContainer(container, names, path, context, "ephemeral");
  const { targetContainerName: target } = container;
  if (target && ![...spec.containers, ...spec.initContainers].some(({ name }) => name === target))
    problems.notFound(path.child("targetContainerName"), target);
}

function checkRestartPolicy(
  { restartPolicy, restartPolicyRules: rules = [] }: DefaultedContainer,
  path: FieldPath,
  problems: FieldProblems,
): void {
  checkWord(restartPolicy, ["Always", "OnFailure", "Never"], path.child("restartPolicy"), problems);
  if (rules.length > 0 && restartPolicy === undefined)
    problems.required(path.child("restartPolicy"), "restartPolicyRules need a restartPolicy");
  if (rules.length > maxRestartRules)
    problems.tooMany(path.child("restartPolicyRules"), rules.length, maxRestartRules);
  for (const [index, { action, exitCodes }] of rules.entries()) {
    const here = path.child("restartPolicyRules").index(index);
    checkWord(action, ["Restart", "RestartAllContainers"], here.child("action"), problems);
    if (exitCodes === undefined) {
      problems.required(here.child("exitCodes"));
      continue;
    }
    checkWord(exitCodes.operator, ["In", "NotIn"], here.child("exitCodes").child("operator"), problems);
    const count = exitCodes.values?.length ?? 0;
    if (count > maxExitCodes) problems.tooMany(here.child("exitCodes").child("values"), count, maxExitCodes);
  }
}
