import type {
  ContainerFilter,
  ContainerStatsFilter,
  PodSandboxFilter,
  PodSandboxStatsFilter,
} from "../../../../gen/runtime/v1/api_pb.js";
import type { Container, Sandbox } from "../objects.js";
import type { Profile } from "../profile.js";
import type { RuntimeState } from "../runtime-state.js";

type Labels = Readonly<Record<string, string>>;

function matchesSelector(labels: Labels, selector: Labels = {}, { emptyLabelMatchesNone }: Profile): boolean {
  const missing = emptyLabelMatchesNone ? "" : undefined;
  return Object.entries(selector).every(([key, value]) => (labels[key] ?? missing) === value);
}

/** Yields the sandboxes that match all conditions of a filter, oldest first. */
export function* filterSandboxes(
  { sandboxes, profile }: RuntimeState,
  filter: PodSandboxFilter | PodSandboxStatsFilter | undefined,
): Generator<Sandbox> {
  const state = filter && "state" in filter ? filter.state?.state : undefined;
  for (const sandbox of sandboxes.filter(filter?.id ?? ""))
    if (
      !sandbox.isStarting &&
      (state === undefined || sandbox.state === state) &&
      matchesSelector(sandbox.labels, filter?.labelSelector, profile)
    )
      yield sandbox;
}

/** Yields the containers that match all conditions of a filter, oldest first. */
export function* filterContainers(
  { containers, sandboxes, profile }: RuntimeState,
  filter: ContainerFilter | ContainerStatsFilter | undefined,
): Generator<Container> {
  const state = filter && "state" in filter ? filter.state?.state : undefined;
  const { id = "", podSandboxId = "", labelSelector } = filter ?? {};
  const [sandbox] = podSandboxId === "" ? [] : sandboxes.filter(podSandboxId);
  if (podSandboxId !== "" && !sandbox) return;
  const candidates = id === "" && sandbox ? sandbox.containers : containers.filter(id);
  for (const container of candidates)
    if (
      (!sandbox || container.sandbox === sandbox) &&
      (state === undefined || container.state === state) &&
      isCreated(container) &&
      matchesSelector(container.config.labels, labelSelector, profile)
    )
      yield container;
}

/** A container whose creation is in flight is in the index, but not in its sandbox. */
function isCreated(container: Container): boolean {
  return container.sandbox.containers.has(container);
}

/** The number of items in a message of a Stream* list. */
const chunkSize = 500;

/** Splits the items of a Stream* list into messages. An empty list has no message. */
export function* chunks<T>(items: Iterable<T>): Generator<T[]> {
  let chunk: T[] = [];
  for (const item of items) {
    chunk.push(item);
    if (chunk.length < chunkSize) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}
