import { html, nothing, type TemplateResult } from "lit-html";
import { containerLink, podLink } from "./app.js";
import { ago, bytes, cores, count, span } from "./format.js";
import type { Group, NodeState } from "./node-state.js";
import type { Column, Row, Sort } from "./row-list.js";
import { spark } from "./spark.js";
import { groupState, mark, podState } from "./state-mark.js";

/** What the list of the first view has rows for. */
export type Kind = "containers" | "pods";

/** A row, and what it is filtered and sorted by. */
export interface SortableRow extends Row {
  readonly text: () => string;
  readonly values: Readonly<Record<string, string | number>>;
}

export const columns: Readonly<Record<Kind, readonly Column[]>> = {
  containers: [
    { id: "name", title: "Container", sortable: true },
    { id: "state", title: "State", sortable: true },
    { id: "restarts", title: "Restarts", sortable: true },
    { id: "cpu", title: "CPU", sortable: true },
    { id: "memory", title: "Memory", sortable: true },
    { id: "age", title: "Age", sortable: true },
  ],
  pods: [
    { id: "name", title: "Pod", sortable: true },
    { id: "state", title: "State", sortable: true },
    { id: "restarts", title: "Restarts", sortable: true },
    { id: "containers", title: "Containers", sortable: true },
    { id: "cpu", title: "CPU", sortable: true },
    { id: "memory", title: "Memory", sortable: true },
    { id: "age", title: "Age", sortable: true },
  ],
};

/** Returns a row per container, over its restarts. */
export function containerRows(state: NodeState): SortableRow[] {
  return [...state.groups.values()].map((group) => {
    const { current, name, restarts } = group;
    const pod = podName(state, group.podId);
    const usage = state.usageOf(current);
    const [word, tone] = groupState(group);
    const { namespace = "", labels = {} } = state.pods.get(group.podId) ?? {};
    return {
      id: containerLink(group),
      label: `${name} of ${pod}: ${word}, ${count(restarts, "restart")}, CPU ${cores(usage.milliCores)}, memory ${bytes(usage.memoryBytes)}`,
      isBad: tone === "bad",
      text: () =>
        [
          name,
          pod,
          namespace,
          current.image,
          word,
          ...labelTexts(labels),
          ...labelTexts(current.labels),
        ].join(" "),
      values: {
        name: `${name} ${pod}`,
        state: word,
        restarts,
        cpu: usage.milliCores ?? -1,
        memory: usage.memoryBytes ?? -1,
        age: -(current.createdAt ?? 0),
      },
      cells: () => [
        html`<div class="cell cell-name" role="gridcell">
            <b>${name}</b> <span class="quiet">${pod}</span>
          </div>`,
        html`<div class="cell cell-state" role="gridcell">${mark([word, tone])}</div>`,
        restartsCell(state, group),
        usageCell(state, "cpu", [group], cores(usage.milliCores)),
        usageCell(state, "memory", [group], bytes(usage.memoryBytes)),
        ageCell(state, current.createdAt),
      ],
    };
  });
}

/** Returns a row per pod, with the sums of its containers. */
export function podRows(state: NodeState): SortableRow[] {
  const groupsOf = new Map<string, Group[]>();
  for (const group of state.groups.values()) {
    const known = groupsOf.get(group.podId);
    if (known) known.push(group);
    else groupsOf.set(group.podId, [group]);
  }
  return [...state.pods.values()].map((pod) => {
    const groups = groupsOf.get(pod.id) ?? [];
    const usages = groups.map(({ current }) => state.usageOf(current));
    const milliCores = sum(usages.map((usage) => usage.milliCores));
    const memoryBytes = sum(usages.map((usage) => usage.memoryBytes));
    const restarts = groups.reduce((total, group) => total + group.restarts, 0);
    const running = groups.filter(({ current }) => current.state === "running").length;
    const [word, tone] = podState(pod);
    return {
      id: podLink(pod.id),
      label: `pod ${pod.namespace}/${pod.name}: ${word}, ${running} of ${groups.length} containers run, memory ${bytes(memoryBytes)}`,
      isBad: false,
      text: () =>
        [pod.name, pod.namespace, word, ...labelTexts(pod.labels), ...groups.map(({ name }) => name)].join(
          " ",
        ),
      values: {
        ...{ name: pod.name, state: word, restarts, containers: running },
        ...{ cpu: milliCores ?? -1, memory: memoryBytes ?? -1, age: -(pod.createdAt ?? 0) },
      },
      cells: () => [
        html`<div class="cell cell-name" role="gridcell">
            <b>${pod.name}</b> <span class="quiet">${pod.namespace}</span>
          </div>`,
        html`<div class="cell cell-state" role="gridcell">${mark([word, tone])}</div>`,
        html`<div class="cell cell-restarts" role="gridcell">${restarts > 0 ? restarts : ""}</div>`,
        html`<div class="cell cell-containers" role="gridcell">${running} of ${groups.length}</div>`,
        usageCell(state, "cpu", groups, cores(milliCores)),
        usageCell(state, "memory", groups, bytes(memoryBytes)),
        ageCell(state, pod.createdAt),
      ],
    };
  });
}

function restartsCell(state: NodeState, { restarts, lastExit }: Group): TemplateResult {
  const when = lastExit ? ago(lastExit.finishedAt, state.now) : "";
  return html`<div class="cell cell-restarts" role="gridcell">
      ${restarts > 0 ? html`<b>${restarts}</b> <span class="quiet">${when}</span>` : nothing}
    </div>`;
}

function usageCell(
  state: NodeState,
  kind: "cpu" | "memory",
  groups: readonly Group[],
  text: string,
): TemplateResult {
  const [name, color, minimumTop] =
    kind === "cpu" ? (["milliCores", "--cpu", 20] as const) : (["memoryBytes", "--memory", 2 ** 20] as const);
  const series = groups.flatMap(({ current }) => state.seriesOf(current) ?? []);
  const values = sums(series.map((one) => one.ordered(name)));
  return html`<div class="cell cell-${kind}" role="gridcell">
      ${spark(color, values, minimumTop)}<span class="value">${text}</span>
    </div>`;
}

function ageCell(state: NodeState, createdAt: number | undefined): TemplateResult {
  const text = createdAt === undefined ? "" : span(state.now - createdAt);
  return html`<div class="cell cell-age" role="gridcell">${text}</div>`;
}

/** Returns the namespace and the name of a pod. */
export function podName(state: NodeState, podId: string): string {
  const pod = state.pods.get(podId);
  return pod ? `${pod.namespace}/${pod.name}` : "";
}

/** Compares rows by a column; equal ones have a fixed order, too. */
export function order({ column, isDescending }: Sort): (a: SortableRow, b: SortableRow) => number {
  const sign = isDescending ? -1 : 1;
  return (a, b) => {
    const [x = 0, y = 0] = [a.values[column], b.values[column]];
    if (x !== y) return (x < y ? -1 : 1) * sign;
    return a.id < b.id ? -1 : 1;
  };
}

function labelTexts(labels: Readonly<Record<string, string>>): string[] {
  return Object.entries(labels).map(([key, value]) => `${key}=${value}`);
}

function sum(values: readonly (number | null)[]): number | null {
  return values.reduce<number | null>(
    (total, value) => (value === null ? total : (total ?? 0) + value),
    null,
  );
}

const noValues: readonly number[] = [];

/** Adds up series; a single one stays the same array. */
function sums(all: readonly (readonly number[])[]): readonly number[] {
  const [first = noValues, ...others] = all;
  if (others.length === 0) return first;
  return first.map((value, n) =>
    others.reduce((total, other) => {
      const next = other[n] ?? Number.NaN;
      return Number.isNaN(total) ? next : Number.isNaN(next) ? total : total + next;
    }, value),
  );
}
