import { labelKey, type ParsedQuantity, parseQuantity } from "../../pods/index.js";
import type { ContainerResizePolicy, ResourceRequirements, Resources } from "../api/index.js";
import { aggregateContainers, isPodLevelResource, tryParseQuantity } from "../defaults/index.js";
import type { FieldPath, FieldProblems } from "../schema/index.js";
import { checkWord } from "./checks.js";
import type { PodContext } from "./pod-context.js";

type Amounts = ReadonlyMap<string, ParsedQuantity>;

const nanosPerUnit = 10n ** 9n;

/** Reports resources of a container that are not valid. */
export function checkContainerResources(
  resources: ResourceRequirements,
  path: FieldPath,
  context: PodContext,
): void {
  const { problems } = context;
  const check = (name: string, here: FieldPath) => checkContainerResource(name, here, context);
  const limits = readAmounts(resources.limits, path.child("limits"), problems, check);
  // Defaults are limits: their problems are reported once.
  const given = Object.entries(resources.requests ?? {}).filter(
    ([name, amount]) => resources.limits?.[name] !== amount,
  );
  const requests = readAmounts(Object.fromEntries(given), path.child("requests"), problems, check);
  checkPairs(limits, requests, path, problems);
  checkHugePages(limits, requests, path, problems);
}

/** Reports resources of the pod as a whole that are not valid, or less than those of its containers. */
export function checkPodResources({ spec, problems }: PodContext, path: FieldPath): void {
  const { resources } = spec;
  if (!resources) return;
  const check = (name: string, here: FieldPath) => {
    if (!isPodLevelResource(name)) problems.unsupported(here, name, ["cpu", "memory", "hugepages-SIZE"]);
  };
  const limits = readAmounts(resources.limits, path.child("limits"), problems, check);
  const requests = readAmounts(resources.requests, path.child("requests"), problems, check);
  checkPairs(limits, requests, path, problems);
  checkHugePages(limits, requests, path, problems);
  for (const [name, sum] of aggregateContainers(spec, "requests")) {
    const request = requests.get(name);
    if (request !== undefined && request.compare(sum) < 0)
      problems.invalid(
        path.child("requests").key(name),
        String(request),
        `must be greater than or equal to the requests of the containers, which are ${sum}`,
      );
  }
  for (const field of ["containers", "initContainers"] as const)
    for (const [index, container] of spec[field].entries())
      for (const [name, amount] of Object.entries(container.resources.limits ?? {})) {
        const limit = limits.get(name);
        const own = tryParseQuantity(amount);
        if (limit === undefined || own === undefined || own.compare(limit) <= 0) continue;
        const here = path.child("limits").key(name);
        problems.invalid(
          here,
          String(limit),
          `must be greater than or equal to that of spec.${field}[${index}], ${own}`,
        );
      }
}

/** Reports amounts of the overhead of a pod that are not valid. */
export function checkOverhead(
  overhead: Resources | undefined,
  path: FieldPath,
  problems: FieldProblems,
): void {
  readAmounts(overhead, path, problems, (name, here) => {
    if (!isStandard(name))
      problems.invalid(here, name, "must be a standard resource, such as cpu and memory");
  });
}

/** Reports resize policies that are not valid. */
export function checkResizePolicy(
  policies: readonly ContainerResizePolicy[],
  mayRestart: boolean,
  path: FieldPath,
  problems: FieldProblems,
): void {
  const names = new Set<string>();
  for (const [index, { resourceName, restartPolicy }] of policies.entries()) {
    const here = path.index(index);
    checkWord(resourceName, ["cpu", "memory"], here.child("resourceName"), problems);
    checkWord(restartPolicy, ["NotRequired", "RestartContainer"], here.child("restartPolicy"), problems);
    if (restartPolicy === "RestartContainer" && !mayRestart)
      problems.invalid(
        here.child("restartPolicy"),
        restartPolicy,
        "must be NotRequired for a container that never restarts",
      );
    if (names.has(resourceName)) problems.duplicate(here, resourceName);
    names.add(resourceName);
  }
}

function readAmounts(
  resources: Resources | undefined,
  path: FieldPath,
  problems: FieldProblems,
  checkName: (name: string, path: FieldPath) => void,
): Amounts {
  const amounts = new Map<string, ParsedQuantity>();
  for (const [name, given] of Object.entries(resources ?? {})) {
    const here = path.key(name);
    checkName(name, here);
    // The types were checked: amounts can be parsed.
    const amount = parseQuantity(given);
    amounts.set(name, amount);
    if (amount.nanos < 0n) problems.invalid(here, String(amount), "must be greater than or equal to 0");
    else if (isExtended(name) && amount.nanos % nanosPerUnit !== 0n)
      problems.invalid(here, String(amount), "must be an integer");
    else checkPageCount(name, amount, here, problems);
  }
  return amounts;
}

function checkPairs(limits: Amounts, requests: Amounts, path: FieldPath, problems: FieldProblems): void {
  for (const [name, request] of requests) {
    const limit = limits.get(name);
    // API servers name the whole map here.
    const here = path.child("requests");
    const isFixed = name.startsWith("hugepages-") || isExtended(name);
    if (limit === undefined) {
      if (isFixed) problems.required(path.child("limits"), `a limit must be set for ${name}`);
    } else if (isFixed && request.compare(limit) !== 0)
      problems.invalid(here, String(request), `must be equal to the ${name} limit of ${limit}`);
    else if (request.compare(limit) > 0)
      problems.invalid(here, String(request), `must be less than or equal to the ${name} limit of ${limit}`);
  }
}

function checkHugePages(limits: Amounts, requests: Amounts, path: FieldPath, problems: FieldProblems): void {
  const names = [...limits.keys(), ...requests.keys()];
  if (
    names.some((name) => name.startsWith("hugepages-")) &&
    !names.some((name) => name === "cpu" || name === "memory")
  )
    problems.forbidden(path, "huge pages require cpu or memory");
}

function checkPageCount(
  name: string,
  amount: ParsedQuantity,
  path: FieldPath,
  problems: FieldProblems,
): void {
  if (!name.startsWith("hugepages-")) return;
  const size = tryParseQuantity(name.slice("hugepages-".length));
  if (size === undefined || size.nanos <= 0n)
    problems.invalid(path, name, "must end with the size of a page, such as hugepages-2Mi");
  else if (amount.nanos % size.nanos !== 0n)
    problems.invalid(path, String(amount), "must be a multiple of the size of a page");
}

function checkContainerResource(name: string, path: FieldPath, { options, problems }: PodContext): void {
  if (isStandard(name)) return;
  const wrong = labelKey(name);
  if (wrong !== undefined) problems.invalid(path, name, `the name ${wrong}`);
  else if (!isExtended(name))
    problems.invalid(
      path,
      name,
      "must be a standard resource for containers: cpu, memory, ephemeral-storage or hugepages-SIZE",
    );
  else if (!options.extendedResources?.includes(name))
    problems.forbidden(path, "no device plug-in provides it: pass extendedResources if you do");
}

function isStandard(name: string): boolean {
  return name === "ephemeral-storage" || isPodLevelResource(name);
}

/** Resources of device plug-ins have a domain. */
function isExtended(name: string): boolean {
  return name.includes("/");
}
