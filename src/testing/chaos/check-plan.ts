import { ImageService, RuntimeService } from "../../../gen/runtime/v1/api_pb.js";
import {
  checkArgument,
  criErrorCodes,
  isPlainObject,
  isRecord,
  type OptionCheck,
  OptionTable,
  option,
} from "../../core/index.js";
import type { RpcName } from "../../transport/index.js";
import { methodCheck } from "../embedded/faults/call-log.js";
import { durationCheck } from "./durations.js";
import type {
  ChaosFault,
  ChaosPlan,
  ChaosRule,
  ChaosSessionMethod,
  ChaosStreamMethod,
  RuleOf,
} from "./rules.js";

/** The RPCs that stream messages. */
export const streamMethods: readonly ChaosStreamMethod[] = [RuntimeService, ImageService].flatMap(
  ({ methods }) =>
    methods
      .filter(({ methodKind }) => methodKind === "server_streaming")
      .map(({ localName }) => localName as ChaosStreamMethod),
);
/** The RPCs that return the URL of a session. */
export const sessionMethods: readonly ChaosSessionMethod[] = ["exec", "attach", "portForward"];

/** The check of `methods`: "all", or names. */
function methodsOf<M extends RpcName>(check: OptionCheck<M>): OptionCheck<"all" | readonly M[]> {
  return (value) => {
    if (typeof value === "string")
      return value === "all" ? undefined : 'must be "all" or an array of RPCs, such as ["createContainer"]';
    if (Array.isArray(value) && value.length === 0) return 'must not be empty; "all" is the default';
    return option.listOf(check)(value);
  };
}

const number = option.wholeNumber(1);
const events = {
  name: option.nonEmptyString,
  probability: option.number(0, 1),
  calls: ((value) =>
    Array.isArray(value) && value.length === 0
      ? "must not be empty"
      : option.listOf(number)(value)) satisfies OptionCheck<readonly number[]>,
  skip: option.wholeNumber(0),
  times: number,
};
const calls = { ...events, methods: methodsOf(methodCheck as OptionCheck<RpcName>) };
const timing = { when: option.oneOf("before", "after") };
const faultOf = <const F extends ChaosFault>(fault: F) => option.required(option.oneOf(fault));
const code = option.oneOf(...criErrorCodes);
const streams = { ...events, methods: methodsOf(option.oneOf(...streamMethods)) };

/** The options of each kind of rule. */
export const ruleTables: { readonly [F in ChaosFault]: OptionTable<RuleOf<F>> } = {
  delay: new OptionTable<RuleOf<"delay">>({
    fault: faultOf("delay"),
    ...calls,
    ...timing,
    ms: option.required(durationCheck),
  }),
  fail: new OptionTable<RuleOf<"fail">>({
    fault: faultOf("fail"),
    ...calls,
    ...timing,
    code: option.required(code),
    message: option.string,
  }),
  cutConnection: new OptionTable<RuleOf<"cutConnection">>({
    fault: faultOf("cutConnection"),
    ...calls,
    ...timing,
  }),
  hang: new OptionTable<RuleOf<"hang">>({ fault: faultOf("hang"), ...calls, ...timing }),
  corrupt: new OptionTable<RuleOf<"corrupt">>({ fault: faultOf("corrupt"), ...calls }),
  restart: new OptionTable<RuleOf<"restart">>({
    fault: faultOf("restart"),
    ...calls,
    ...timing,
    downMs: durationCheck,
  }),
  cutStream: new OptionTable<RuleOf<"cutStream">>({
    fault: faultOf("cutStream"),
    ...streams,
    afterMessages: option.wholeNumber(0),
    afterMs: durationCheck,
    how: option.oneOf("error", "connection", "complete"),
    code,
    message: option.string,
  }),
  stallStream: new OptionTable<RuleOf<"stallStream">>({
    fault: faultOf("stallStream"),
    ...streams,
    afterMessages: option.wholeNumber(0),
    ms: durationCheck,
  }),
  dropEvents: new OptionTable<RuleOf<"dropEvents">>({ fault: faultOf("dropEvents"), ...events }),
  delayEvents: new OptionTable<RuleOf<"delayEvents">>({
    fault: faultOf("delayEvents"),
    ...events,
    ms: option.required(durationCheck),
  }),
  cutSession: new OptionTable<RuleOf<"cutSession">>({
    fault: faultOf("cutSession"),
    ...events,
    methods: methodsOf(option.oneOf(...sessionMethods)),
    afterBytes: option.wholeNumber(0),
    afterMs: durationCheck,
  }),
};

/** The kinds of faults. */
export const chaosFaults = Object.keys(ruleTables) as readonly ChaosFault[];

const faultCheck = option.oneOf(...chaosFaults);

const ruleCheck: OptionCheck<ChaosRule> = (value: unknown) => {
  if (!isRecord(value)) return 'must be an object, such as { fault: "delay", ms: 50 }';
  const { fault } = value;
  if (fault === undefined)
    return { path: ".fault", message: `is required: one of ${chaosFaults.join(", ")}` };
  const problem = faultCheck(fault as ChaosFault);
  if (problem !== undefined) return { path: ".fault", message: String(problem), shown: [fault] };
  const found = (ruleTables[fault as ChaosFault] as OptionTable<object>).find(value);
  if (found !== undefined) return found;
  const { how = "error" } = value;
  for (const name of ["code", "message"])
    if (fault === "cutStream" && how !== "error" && value[name] !== undefined)
      return {
        path: `.${name}`,
        message: `cannot be combined with how: ${JSON.stringify(how)}`,
        shown: [value[name]],
      };
  return undefined;
};

const uniqueNames: OptionCheck<readonly ChaosRule[]> = (rules) => {
  const found = option.listOf(ruleCheck)(rules);
  if (found !== undefined) return found;
  const names = rules.map(({ name }) => name);
  const index = names.findIndex((name, at) => name !== undefined && names.indexOf(name) < at);
  return index < 0
    ? undefined
    : { path: `[${index}].name`, message: "is already the name of another rule", shown: [names[index]] };
};

const planTable = new OptionTable<ChaosPlan>({ rules: option.required(uniqueNames) });

/** The check of a {@link ChaosPlan}. */
export const planCheck: OptionCheck<ChaosPlan> = option.nested(planTable);

/**
 * Checks a plan that was read from JSON or YAML. A `$schema` beside the rules is ignored.
 *
 * Throws {@link CriError} `invalid_option`, with the path of the field and its value: `rules[2].probability must be from 0 to 1, got 3`.
 *
 * @param what the plan in the error, such as the name of its file
 */
export function parseChaosPlan(value: unknown, what = "the chaos plan"): ChaosPlan {
  checkArgument<unknown>(what, "value", value, (one) =>
    isRecord(one) && isPlainObject(one) && !Array.isArray(one) ? undefined : "must be an object with `rules`",
  );
  const { $schema: _, ...plan } = value as ChaosPlan & { readonly $schema?: unknown };
  planTable.check(what, plan);
  return plan;
}
