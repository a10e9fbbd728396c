import { file_runtime_v1_api } from "../../gen/runtime/v1/api_pb.js";
import { invalidOption } from "../core/index.js";

/** What is masked, and how much is shown. */
export interface RedactOptions {
  /**
   * Whether the values of environment variables (`ContainerConfig.envs`) are masked; the names are always shown.
   * @default true
   */
  readonly maskEnv?: boolean | undefined;
  /**
   * More fields to mask, by their full names in the schema: `runtime.v1.ContainerConfig.args`,
   * `runtime.v1.ExecSyncRequest.cmd`. Of a map, the values are masked.
   * @default none
   */
  readonly maskFields?: readonly string[] | undefined;
  /**
   * How many characters of a text are shown.
   * @default 256
   */
  readonly limitChars?: number | undefined;
  /**
   * How many items of a list or a map are shown.
   * @default 20
   */
  readonly limitItems?: number | undefined;
}

/** {@link RedactOptions}, complete and checked. */
export interface ResolvedRedactOptions {
  readonly maskEnv: boolean;
  readonly maskFields: ReadonlySet<string>;
  readonly limitChars: number;
  readonly limitItems: number;
}

/** Fills in the defaults and checks every value. Throws `invalid_option`, also for a field that CRI does not have. */
export function resolveRedactOptions(options: RedactOptions = {}): ResolvedRedactOptions {
  const { maskEnv = true, maskFields = [], limitChars = 256, limitItems = 20 } = options;
  for (const [index, name] of maskFields.entries())
    if (!isField(name))
      throw invalidOption(
        `maskFields[${index}]`,
        name,
        "must be a field of CRI, such as runtime.v1.ContainerConfig.args",
      );
  return Object.freeze({
    maskEnv,
    maskFields: new Set(maskFields),
    limitChars: count("limitChars", limitChars),
    limitItems: count("limitItems", limitItems),
  });
}

function count(name: string, value: number): number {
  if (Number.isInteger(value) && value >= 0) return value;
  throw invalidOption(name, value, "must be a whole number of 0 or more");
}

/** A name with a slip would mask nothing, and nobody would notice. */
function isField(name: string): boolean {
  const at = name.lastIndexOf(".");
  const message = file_runtime_v1_api.messages.find(({ typeName }) => typeName === name.slice(0, at));
  return message?.fields.some((field) => field.name === name.slice(at + 1)) ?? false;
}
