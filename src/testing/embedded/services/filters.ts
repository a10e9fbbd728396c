import type {
  ContainerFilter,
  ContainerStatsFilter,
  PodSandboxFilter,
  PodSandboxStatsFilter,
} from "../../../../gen/runtime/v1/api_pb.js";
import type { Machine } from "../machine.js";
import type { Container } from "../objects/container.js";
import type { Sandbox } from "../objects/sandbox.js";

type Labels = Readonly<Record<string, string>>;

/** Whether an object has all the labels of a selector. */
function labelled(labels: Labels, selector: Labels = {}): boolean {
  return Object.entries(selector).every(([key, value]) => labels[key] === value);
}

/** The sandboxes that a filter leaves: all of its conditions hold for them. Newest last. */
export function* filterSandboxes(
  { sandboxes }: Machine,
  filter: PodSandboxFilter | PodSandboxStatsFilter | undefined,
): Generator<Sandbox> {
  const state = filter && "state" in filter ? filter.state?.state : undefined;
  for (const sandbox of sandboxes.filtered(filter?.id ?? ""))
    if (
      (state === undefined || sandbox.state === state) &&
      labelled(sandbox.config.labels, filter?.labelSelector)
    )
      yield sandbox;
}

/** The containers that a filter leaves: all of its conditions hold for them. Newest last. */
export function* filterContainers(
  { containers, sandboxes }: Machine,
  filter: ContainerFilter | ContainerStatsFilter | undefined,
): Generator<Container> {
  const state = filter && "state" in filter ? filter.state?.state : undefined;
  const { id = "", podSandboxId = "", labelSelector } = filter ?? {};
  const [only] = podSandboxId === "" ? [] : sandboxes.filtered(podSandboxId);
  if (podSandboxId !== "" && !only) return;
  const candidates = id === "" && only ? only.containers : containers.filtered(id);
  for (const container of candidates)
    if (
      (!only || container.sandbox === only) &&
      (state === undefined || container.state === state) &&
      sandboxHas(container) &&
      labelled(container.config.labels, labelSelector)
    )
      yield container;
}

/** One that was reserved, and is not created yet, is not there yet. */
function sandboxHas(container: Container): boolean {
  return container.sandbox.containers.has(container);
}

/** How many items a message of a streaming list holds. */
const chunkSize = 500;

/** Cuts what a streaming list gives into messages. An empty list has no message at all. */
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
