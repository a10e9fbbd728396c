import { html, nothing, type TemplateResult } from "lit-html";
import { type App, containerLink, podLink } from "./app.js";
import { ago, bytes, cores, count, span } from "./format.js";
import type { Group, Usage } from "./node-state.js";
import { problems } from "./problems.js";
import { type Column, type Row, RowList, type Sort } from "./row-list.js";
import { groupState, mark, podState } from "./state-mark.js";

type Kind = "containers" | "pods";

/** A row, and what it is filtered and sorted by. */
interface SortableRow extends Row {
  readonly text: string;
  readonly values: Readonly<Record<string, string | number>>;
}

const columns: Readonly<Record<Kind, readonly Column[]>> = {
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

/** The first view: totals, what needs attention, and all containers or pods. */
export class Overview {
  readonly #app: App;
  readonly #list: RowList;
  #kind: Kind = "containers";
  #filter = "";
  #sort: Sort = { column: "memory", isDescending: true };

  constructor(app: App) {
    this.#app = app;
    this.#list = new RowList(app.redraw);
  }

  draw(): TemplateResult {
    const { state } = this.#app;
    const all = this.#kind === "containers" ? this.#containerRows() : this.#podRows();
    const words = this.#filter.toLowerCase().split(/\s+/).filter(Boolean);
    const rows = all.filter(({ text }) => words.every((word) => text.includes(word))).sort(order(this.#sort));
    return html`
      ${this.#tiles()} ${problems(this.#app)}
      <section class="all" aria-label="All pods and containers">
        <div class="tools">
          <div class="switch" role="group" aria-label="What to list">
            ${this.#switch("containers", `Containers ${state.groups.size}`)}
            ${this.#switch("pods", `Pods ${state.pods.size}`)}
          </div>
          <input
            id="filter"
            type="search"
            placeholder="Filter by name, image, label or state  /"
            aria-label="Filter"
            aria-keyshortcuts="/"
            autocomplete="off"
            spellcheck="false"
            .value=${this.#filter}
            @input=${(event: InputEvent) => this.#setFilter((event.target as HTMLInputElement).value)}
            @keydown=${this.#onFilterKey}
          />
          <span class="quiet" role="status">${words.length > 0 ? `${rows.length} of ${all.length}` : ""}</span>
        </div>
        ${this.#list.draw({
          name: this.#kind,
          columns: columns[this.#kind],
          rows,
          sort: this.#sort,
          onSort: (column) => this.#sortBy(column),
          onOpen: (id) => {
            location.hash = id;
          },
        })}
        ${rows.length === 0 ? html`<p class="empty">${this.#emptyText(all.length)}</p>` : nothing}
      </section>
    `;
  }

  /** To be called when what was drawn is in the document. */
  drawn(): void {
    this.#list.drawn();
  }

  /** Moves the focus to the row that was opened last. */
  focusRow(): void {
    this.#list.focus();
  }

  focusFilter(): void {
    document.getElementById("filter")?.focus();
  }

  #tiles(): TemplateResult {
    const { state } = this.#app;
    const { total, totalSeries, node } = state;
    const groups = [...state.groups.values()];
    const running = groups.filter(({ current }) => current.state === "running").length;
    const ready = [...state.pods.values()].filter((pod) => pod.state === "ready").length;
    const restarts = groups.reduce((sum, group) => sum + group.restarts, 0);
    const memoryOf = ({ current }: Group) => state.usageOf(current).memoryBytes ?? -1;
    const largest = groups.reduce<Group | undefined>(
      (best, one) => (memoryOf(one) > (best ? memoryOf(best) : -1) ? one : best),
      undefined,
    );
    return html`
      <section class="tiles" aria-label="Totals">
        <div class="tile">
          <h2>Running</h2>
          <p><b>${running}</b> of ${count(groups.length, "container")}</p>
          <p>${ready} of ${count(state.pods.size, "pod")} ready</p>
          <p class="quiet">${count(restarts, "restart")}</p>
        </div>
        <div class="tile">
          <h2>CPU</h2>
          <p><b>${cores(total.milliCores)}</b> ${node?.cores ? `of ${count(node.cores, "core")}` : "cores"}</p>
          ${spark("--cpu", totalSeries.ordered("milliCores"))}
        </div>
        <div class="tile">
          <h2>Memory</h2>
          <p><b>${bytes(total.memoryBytes)}</b> ${node?.memoryBytes ? `of ${bytes(node.memoryBytes)}` : ""}</p>
          ${spark("--memory", totalSeries.ordered("memoryBytes"))}
        </div>
        <div class="tile">
          <h2>Most memory</h2>
          ${
            largest
              ? html`<p><a href=${containerLink(largest)}><b>${largest.name}</b></a></p>
                  <p>${memoryText(largest, state.usageOf(largest.current))}</p>
                  <p class="quiet">${this.#podName(largest.podId)}</p>`
              : html`<p class="quiet">no container runs</p>`
          }
        </div>
      </section>
    `;
  }

  #containerRows(): SortableRow[] {
    const { state } = this.#app;
    return [...state.groups.values()].map((group) => {
      const { current, name, restarts } = group;
      const pod = this.#podName(group.podId);
      const usage = state.usageOf(current);
      const [word, tone] = groupState(group);
      const { namespace = "", labels = {} } = state.pods.get(group.podId) ?? {};
      return {
        id: containerLink(group),
        label: `${name} of ${pod}: ${word}, ${count(restarts, "restart")}, CPU ${cores(usage.milliCores)}, memory ${bytes(usage.memoryBytes)}`,
        isBad: tone === "bad",
        text: [
          name,
          pod,
          namespace,
          current.image,
          word,
          ...labelTexts(labels),
          ...labelTexts(current.labels),
        ]
          .join(" ")
          .toLowerCase(),
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
          this.#restartsCell(group),
          this.#usageCell("cpu", [group], cores(usage.milliCores)),
          this.#usageCell("memory", [group], bytes(usage.memoryBytes)),
          this.#ageCell(current.createdAt),
        ],
      };
    });
  }

  #podRows(): SortableRow[] {
    const { state } = this.#app;
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
        text: [pod.name, pod.namespace, word, ...labelTexts(pod.labels), ...groups.map(({ name }) => name)]
          .join(" ")
          .toLowerCase(),
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
          this.#usageCell("cpu", groups, cores(milliCores)),
          this.#usageCell("memory", groups, bytes(memoryBytes)),
          this.#ageCell(pod.createdAt),
        ],
      };
    });
  }

  #restartsCell({ restarts, lastExit }: Group): TemplateResult {
    const when = lastExit ? ago(lastExit.finishedAt, this.#app.state.now) : "";
    return html`<div class="cell cell-restarts" role="gridcell">
      ${restarts > 0 ? html`<b>${restarts}</b> <span class="quiet">${when}</span>` : nothing}
    </div>`;
  }

  #usageCell(kind: "cpu" | "memory", groups: readonly Group[], text: string): TemplateResult {
    const { state } = this.#app;
    const [name, color, minimumTop] =
      kind === "cpu"
        ? (["milliCores", "--cpu", 20] as const)
        : (["memoryBytes", "--memory", 2 ** 20] as const);
    const all = groups.flatMap(({ current }) => state.seriesOf(current)?.ordered(name) ?? []);
    const length = groups.length > 1 ? all.length / groups.length : all.length;
    const values = groups.length > 1 ? sums(all, length) : all;
    return html`<div class="cell cell-${kind}" role="gridcell">
      ${spark(color, values, minimumTop)}<span class="value">${text}</span>
    </div>`;
  }

  #ageCell(createdAt: number | undefined): TemplateResult {
    const text = createdAt === undefined ? "" : span(this.#app.state.now - createdAt);
    return html`<div class="cell cell-age" role="gridcell">${text}</div>`;
  }

  #podName(podId: string): string {
    const pod = this.#app.state.pods.get(podId);
    return pod ? `${pod.namespace}/${pod.name}` : "";
  }

  #switch(kind: Kind, text: string): TemplateResult {
    const onClick = () => {
      this.#kind = kind;
      this.#app.redraw();
    };
    return html`<button aria-pressed=${this.#kind === kind} @click=${onClick}>${text}</button>`;
  }

  #sortBy(column: string): void {
    const isSame = this.#sort.column === column;
    const isDescending = isSame ? !this.#sort.isDescending : !["name", "state", "age"].includes(column);
    this.#sort = { column, isDescending };
    this.#app.redraw();
  }

  #setFilter(text: string): void {
    this.#filter = text;
    this.#list.reset();
    this.#app.redraw();
  }

  readonly #onFilterKey = (event: KeyboardEvent) => {
    if (event.key === "Escape") {
      event.stopPropagation();
      this.#setFilter("");
    } else if (event.key === "Enter" || event.key === "ArrowDown") {
      event.preventDefault();
      this.#list.focus();
    }
  };

  #emptyText(total: number): string {
    if (total > 0) return "Nothing matches the filter.";
    return this.#app.state.connection.connected ? `There are no ${this.#kind} on this node.` : "";
  }
}

function spark(color: "--cpu" | "--memory", values: readonly number[], minimumTop = 1): TemplateResult {
  return html`<spark-line .data=${{ values, color, minimumTop }}></spark-line>`;
}

/** The memory of a container and its limit. */
function memoryText({ current }: Group, { memoryBytes }: Usage): string {
  const { memoryLimitBytes } = current;
  return memoryLimitBytes === undefined
    ? bytes(memoryBytes)
    : `${bytes(memoryBytes)} of ${bytes(memoryLimitBytes)}`;
}

function order({ column, isDescending }: Sort): (a: SortableRow, b: SortableRow) => number {
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

/** Adds up series of one length that are one after the other. */
function sums(all: readonly number[], length: number): number[] {
  const total = new Array<number>(length).fill(Number.NaN);
  all.forEach((value, n) => {
    const index = n % length;
    const before = total[index] ?? Number.NaN;
    if (!Number.isNaN(value)) total[index] = Number.isNaN(before) ? value : before + value;
  });
  return total;
}
