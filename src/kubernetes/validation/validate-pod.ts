import { Violations } from "../../core/index.js";
import { uidRule } from "../../pods/index.js";
import type { Pod } from "../api/index.js";
import { type DefaultedPod, defaultPod } from "../defaults/index.js";
import { FieldPath, type FieldProblem, FieldProblems, podType, readValue } from "../schema/index.js";
import { checkMetadata, checkString } from "./metadata.js";
import type { PodContext } from "./pod-context.js";
import { checkPodSpec } from "./pod-spec.js";
import { checkAppArmorAnnotations } from "./security.js";
import { checkSupport } from "./support.js";
import { type ValidatePodOptions, validateTable } from "./validate-options.js";

/**
 * Returns every problem with a Pod, in the words of API servers: `spec.containers[1].image: Required value`. An empty list means that a
 * kubelet would accept it. Reports what strict validation by an API server refuses, with the defaults set; what the kubelet itself does
 * not admit, such as unsafe sysctls; and the fields that need an API server and have no input in the options (see `podFields`).
 *
 * Never throws for a Pod, of whatever type it is: a value of a wrong type is a problem, and then no other rules are checked.
 *
 * @throws {CriError} `invalid_option` for options that are not valid
 */
export function validatePod(pod: Pod, options: ValidatePodOptions = {}): readonly FieldProblem[] {
  validateTable.check("validatePod", options);
  return findProblems(pod, options).problems;
}

/**
 * Returns a Pod with its defaults, or throws one error with all problems: see {@link validatePod}.
 *
 * @throws {CriError} `invalid_spec` with the path and the message of each problem in `problems`
 */
export function checkPod(pod: Pod, options: ValidatePodOptions = {}): DefaultedPod {
  validateTable.check("checkPod", options);
  const { problems, defaulted } = findProblems(pod, options);
  const violations = new Violations();
  for (const { kind: _, steps: __, ...problem } of problems) violations.addProblem(problem);
  const name = pod?.metadata?.name;
  violations.throwIfAny(
    "invalid_spec",
    typeof name === "string" && name !== ""
      ? `Pod ${JSON.stringify(name)} is not valid`
      : "the Pod is not valid",
  );
  if (defaulted === undefined) throw new Error("a Pod without problems has defaults");
  return defaulted;
}

interface Findings {
  readonly problems: readonly FieldProblem[];
  /** Undefined when values have wrong types. */
  readonly defaulted: DefaultedPod | undefined;
}

function findProblems(pod: Pod, options: ValidatePodOptions): Findings {
  const problems = new FieldProblems();
  const typed = readValue(podType, pod, FieldPath.root, problems);
  if (typed === undefined || !problems.isEmpty)
    return { problems: placed(problems, options), defaulted: undefined };
  const defaulted = defaultPod(typed);
  checkType(typed, problems);
  const metadata = FieldPath.root.child("metadata");
  checkMetadata(typed.metadata, metadata, problems);
  if (typed.metadata?.uid) checkString(typed.metadata.uid, metadata.child("uid"), problems, uidRule);
  if (typed.spec === undefined) problems.required(FieldPath.root.child("spec").child("containers"));
  else {
    const volumes = new Map(defaulted.spec.volumes.map((volume) => [volume.name, volume]));
    const context: PodContext = { spec: defaulted.spec, volumes, options, problems };
    checkAppArmorAnnotations(typed.metadata?.annotations, metadata.child("annotations"), context);
    checkPodSpec(context, FieldPath.root.child("spec"));
    checkSupport(typed, options, problems);
  }
  return { problems: placed(problems, options), defaulted };
}

function checkType({ apiVersion, kind }: Pod, problems: FieldProblems): void {
  if (apiVersion !== undefined && apiVersion !== "v1")
    problems.unsupported(FieldPath.root.child("apiVersion"), apiVersion, ["v1"]);
  if (kind !== undefined && kind !== "Pod") problems.unsupported(FieldPath.root.child("kind"), kind, ["Pod"]);
}

function placed({ list }: FieldProblems, { placeOf }: ValidatePodOptions): readonly FieldProblem[] {
  if (!placeOf) return list;
  return list.map((problem) => {
    const { source, line, column } = placeOf(problem.steps);
    return { ...problem, message: `${problem.message} (${source}, line ${line}, column ${column})` };
  });
}
