import { ContainerState } from "../../gen/runtime/v1/api_pb.js";
import { criError, OptionTable, option, optionError } from "../core/index.js";
import { type ReadLogsOptions, readLogsTable } from "../logs/index.js";
import { type ExecOptions, execTable, type RunCommandOptions, runCommandTable } from "../sessions/index.js";
import type { PodContext } from "./context.js";
import { listContainers } from "./listing.js";
import type { LookUpOptions } from "./options.js";

/** Which container of a pod a call is about. @inline */
export interface InPodOptions {
  /**
   * The name of the container; of several with this name, the running one, otherwise the newest.
   * @default the pod's only running container, otherwise its only container
   */
  readonly container?: string | undefined;
}

const container = option.nonEmptyString;

/** The options of `pod.exec`. */
export const podExecTable = new OptionTable<InPodOptions & ExecOptions>({ ...execTable.checks, container });

/** The options of `pod.runCommand`. */
export const podRunCommandTable = new OptionTable<InPodOptions & RunCommandOptions>({
  ...runCommandTable.checks,
  container,
});

/** The options of `pod.logs`. */
export const podLogsTable = new OptionTable<InPodOptions & ReadLogsOptions>({
  ...readLogsTable.checks,
  container,
});

/** Checks the options of a call, and separates the container's name from the others. Throws `invalid_option`. */
export function splitInPodOptions<O extends InPodOptions>(
  operation: string,
  table: OptionTable<O>,
  options: O = {} as O,
): { readonly container: string | undefined; readonly rest: Omit<O, "container"> } {
  table.check(operation, options);
  const { container, ...rest } = options;
  return { container, rest };
}

/**
 * Returns the id of a pod's container. Rejects with `object_missing` when it has none, or none of this name, and with `invalid_option`
 * when it has several and no name is given.
 */
export async function containerInPod(
  context: Pick<PodContext, "lists">,
  pod: { readonly id: string; readonly name: string; readonly namespace: string },
  { operation, container, ...call }: LookUpOptions & { operation: string; container: string | undefined },
): Promise<string> {
  const all = await listContainers(context, { podSandboxId: pod.id, name: container }, call);
  const running = all.filter(({ state }) => state === ContainerState.CONTAINER_RUNNING);
  const candidates = running.length > 0 ? running : all;
  const shownPod = `pod ${pod.namespace}/${pod.name}`;
  const [first] = candidates;
  if (!first) {
    const named = container === undefined ? "" : ` named ${JSON.stringify(container)}`;
    throw criError("object_missing", `${operation}: ${shownPod} has no container${named}`);
  }
  const names = [...new Set(candidates.map(({ metadata }) => metadata?.name ?? ""))];
  if (names.length === 1) return first.id;
  const which = `is required, since ${shownPod} has the containers ${names.sort().join(", ")}`;
  throw optionError(operation, { path: ".container", message: which });
}
