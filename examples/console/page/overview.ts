import { html, nothing, type TemplateResult } from "lit-html";
import { type App, containerLink } from "./app.js";
import { bytes, cores, count } from "./format.js";
import { memoryText } from "./memory-text.js";
import { columns, containerRows, type Kind, order, podName, podRows, type SortableRow } from "./node-rows.js";
import type { Group } from "./node-state.js";
import { problems } from "./problems.js";
import { RowList, type Sort } from "./row-list.js";
import { spark } from "./spark.js";

/** The first view: totals, what needs attention, and all containers or pods. */
export class Overview {
  readonly #app: App;
  readonly #list: RowList;
  #kind: Kind = "containers";
  #filter = "";
  #sort: Sort = { column: "memory", isDescending: true };
  #known: { readonly key: string; readonly rows: readonly SortableRow[]; readonly total: number } | undefined;

  constructor(app: App) {
    this.#app = app;
    this.#list = new RowList(app.redraw);
  }

  draw(): TemplateResult {
    const { state } = this.#app;
    const { rows, total } = this.#rows();
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
          <span class="quiet" role="status">${rows.length < total ? `${rows.length} of ${total}` : ""}</span>
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
        ${rows.length === 0 ? html`<p class="empty">${this.#emptyText(total)}</p>` : nothing}
      </section>
    `;
  }

  /** Returns the filtered and sorted rows: the same ones while nothing has changed, since each frame of a scroll draws them. */
  #rows(): { readonly rows: readonly SortableRow[]; readonly total: number } {
    const { state } = this.#app;
    const key = JSON.stringify([state.version, this.#kind, this.#filter, this.#sort]);
    if (this.#known?.key === key) return this.#known;
    const all = this.#kind === "containers" ? containerRows(state) : podRows(state);
    const words = this.#filter.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = ({ text }: SortableRow) => {
      const searched = text().toLowerCase();
      return words.every((word) => searched.includes(word));
    };
    const rows = (words.length === 0 ? all : all.filter(fits)).sort(order(this.#sort));
    this.#known = { key, rows, total: all.length };
    return this.#known;
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
                  <p>${memoryText(largest.current, state.usageOf(largest.current))}</p>
                  <p class="quiet">${podName(state, largest.podId)}</p>`
              : html`<p class="quiet">no container runs</p>`
          }
        </div>
      </section>
    `;
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
