// From the SDK's objects to the rows of the page.
import type { NodeContainer, NodeEvent, NodePod } from "cri-sdk";
import type { ContainerRow, EventRow, ExitRow, PodRow } from "../messages.js";

type ContainerExit = NonNullable<NodeContainer["exit"]>;

export function podRow({ id, name, namespace, state, createdAt, labels }: NodePod): PodRow {
  return { id, name, namespace, state, createdAt: createdAt?.getTime(), labels };
}

export function containerRow(
  container: NodeContainer,
  key: number,
  memoryLimitBytes: number | undefined,
): ContainerRow {
  const { id, podId, name, attempt, state, createdAt, image, labels, exit } = container;
  return {
    ...{ id, key, podId, name, attempt, state, image, labels, memoryLimitBytes },
    createdAt: createdAt?.getTime(),
    exit: exit && exitRow(exit),
  };
}

function exitRow({
  exitCode,
  signal,
  reason,
  text,
  oomKilled,
  startedAt,
  finishedAt,
}: ContainerExit): ExitRow {
  return {
    ...{ exitCode, signal, reason, text, oomKilled },
    startedAt: startedAt?.getTime(),
    finishedAt: finishedAt?.getTime(),
  };
}

/** Returns an event as a row; undefined for a resync, which only lists what is known. */
export function eventRow(event: NodeEvent, number: number, endpoint: string): EventRow | undefined {
  if (!("kind" in event)) {
    const row = {
      number,
      at: Date.now(),
      kind: "runtime",
      type: event.type,
      id: "",
      object: endpoint,
    } as const;
    if (event.type === "connected")
      return { ...row, text: `changes arrive by ${event.by}`, isWarning: false };
    if (event.type === "disconnected")
      return { ...row, text: event.error?.message ?? "the runtime ended its events", isWarning: true };
    if (event.type === "overflow") return { ...row, text: `${event.lost} events were lost`, isWarning: true };
    return undefined;
  }
  const { kind, type, id } = event;
  const row = { number, at: event.at.getTime(), kind, type, id };
  if (event.kind === "pod") {
    const object = `${event.pod.namespace}/${event.pod.name}`;
    return { ...row, object, text: "", isWarning: false };
  }
  const { container, pod } = event;
  const object = pod ? `${pod.namespace}/${pod.name}/${container.name}` : container.name;
  const attempt = container.attempt > 0 ? `attempt ${container.attempt}` : "";
  if (event.type !== "stopped") return { ...row, object, text: attempt, isWarning: false };
  const { exit } = event;
  const how = exit ? exitText(exit) : "";
  const text = [attempt, how].filter(Boolean).join(": ");
  return { ...row, object, text, isWarning: exit !== undefined && exit.exitCode !== 0 };
}

function exitText({ exitCode, signal, reason, text }: ContainerExit): string {
  const how = signal === undefined ? `exit code ${exitCode}` : `exit code ${exitCode}, ${signal}`;
  return `${[reason, `(${how})`].filter(Boolean).join(" ")}${text ? `: ${text}` : ""}`;
}
