import { html, nothing, type TemplateResult } from "lit-html";
import { repeat } from "lit-html/directives/repeat.js";

/** A column of a list. */
export interface Column {
  readonly id: string;
  readonly title: string;
  /** Whether a click on its title sorts by it. */
  readonly sortable: boolean;
}

/** A row of a list. */
export interface Row {
  readonly id: string;
  /** What assistive technology says of the row. */
  readonly label: string;
  readonly isBad: boolean;
  readonly cells: () => TemplateResult[];
}

/** By which column a list is sorted, and how. */
export interface Sort {
  readonly column: string;
  readonly isDescending: boolean;
}

/** What a list shows. */
export interface ListContent {
  readonly name: string;
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
  readonly sort: Sort;
  readonly onSort: (column: string) => void;
  readonly onOpen: (id: string) => void;
}

const narrow = matchMedia("(max-width: 700px)");
/** The rows that are drawn above and below the visible ones. */
const overscan = 12;
/** Of these, the ones that are left before a scroll draws others. */
const reserve = 10;

/**
 * A list of any length, of which only the visible rows are in the document. The arrow keys move the focus from row to row, and Enter opens
 * the row.
 */
export class RowList {
  readonly #redraw: () => void;
  #content: ListContent | undefined;
  /** The row that the Tab key reaches: the one that had the focus last; without one, the first. */
  #active: string | undefined;
  #chosen: string | undefined;
  /** Whether the active row gets the focus once it is drawn. */
  #isFocusing = false;
  #hadFocus = false;

  /** The range of rows that was drawn last. */
  #drawn: readonly [first: number, last: number] = [0, 0];

  constructor(redraw: () => void) {
    this.#redraw = redraw;
    addEventListener("scroll", () => this.#onScroll(), { passive: true });
    addEventListener("resize", redraw);
  }

  /** Makes the first row the active one. */
  reset(): void {
    this.#chosen = undefined;
  }

  /** Moves the focus to the active row. */
  focus(): void {
    this.#isFocusing = true;
    this.#redraw();
  }

  /** Draws the list. */
  draw(content: ListContent): TemplateResult {
    this.#content = content;
    const { name, columns, rows, sort } = content;
    this.#active = rows.some(({ id }) => id === this.#chosen) ? this.#chosen : rows[0]?.id;
    this.#hadFocus = document.activeElement?.matches(".list-body > .row") ?? false;
    const height = rowHeight();
    const activeIndex = rows.findIndex(({ id }) => id === this.#active);
    const [first, last] = this.#visible(rows.length, height, overscan);
    this.#drawn = [first, last];
    // The active row stays in the document, so that it keeps the focus.
    const shown = rows.map((row, index) => ({ row, index })).slice(first, last);
    const active = rows[activeIndex];
    if (active && (activeIndex < first || activeIndex >= last))
      shown.push({ row: active, index: activeIndex });
    return html`
      <div class="list" role="grid" aria-label=${name} aria-rowcount=${rows.length + 1} data-list=${name}>
        <div class="list-head" role="row" aria-rowindex="1">
          ${columns.map((column) => this.#title(column, sort))}
        </div>
        <div class="list-body" role="rowgroup" .style=${`height: ${rows.length * height}px`} @keydown=${this.#onKey}>
          ${repeat(
            shown,
            ({ row }) => row.id,
            ({ row, index }) => this.#row(row, index, height),
          )}
        </div>
      </div>
    `;
  }

  /** Moves the focus, when the rows of the last drawing are in the document. */
  drawn(): void {
    // A row that moves in the document loses the focus.
    const isLost = this.#hadFocus && document.activeElement === document.body;
    if (!this.#isFocusing && !isLost) return;
    this.#isFocusing = false;
    document.querySelector<HTMLElement>('.list-body > [tabindex="0"]')?.focus({ preventScroll: true });
  }

  #title({ id, title, sortable }: Column, sort: Sort): TemplateResult {
    if (!sortable) return html`<div class="cell cell-${id}" role="columnheader">${title}</div>`;
    const isSorted = sort.column === id;
    const direction = sort.isDescending ? "descending" : "ascending";
    return html`
      <div class="cell cell-${id}" role="columnheader" aria-sort=${isSorted ? direction : nothing}>
        <button class="title" @click=${() => this.#content?.onSort(id)}>
          ${title}<span class="direction" aria-hidden="true">${isSorted ? (sort.isDescending ? "↓" : "↑") : ""}</span>
        </button>
      </div>
    `;
  }

  #row({ id, label, isBad, cells }: Row, index: number, height: number): TemplateResult {
    return html`
      <div
        class=${isBad ? "row bad" : "row"}
        role="row"
        aria-label=${label}
        aria-rowindex=${index + 2}
        tabindex=${id === this.#active ? 0 : -1}
        data-id=${id}
        .style=${`transform: translateY(${index * height}px)`}
        @click=${() => this.#open(id)}
        @focus=${() => {
          this.#chosen = id;
        }}
      >
        ${cells()}
      </div>
    `;
  }

  #open(id: string): void {
    // A click that ends a selection of text opens nothing.
    if (getSelection()?.isCollapsed === false) return;
    this.#chosen = id;
    this.#content?.onOpen(id);
  }

  readonly #onKey = (event: KeyboardEvent) => {
    const { rows = [] } = this.#content ?? {};
    const index = rows.findIndex(({ id }) => id === this.#active);
    const page = Math.max(1, Math.floor(innerHeight / rowHeight()) - 3);
    const moves: Readonly<Record<string, number>> = {
      ...{ ArrowDown: index + 1, ArrowUp: index - 1, PageDown: index + page, PageUp: index - page },
      ...{ Home: 0, End: rows.length - 1 },
    };
    const target = moves[event.key];
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "Enter" && this.#active !== undefined) {
      event.preventDefault();
      this.#content?.onOpen(this.#active);
    } else if (target !== undefined) {
      event.preventDefault();
      this.#moveTo(Math.min(rows.length - 1, Math.max(0, target)));
    }
  };

  #moveTo(index: number): void {
    this.#chosen = this.#content?.rows[index]?.id;
    // The next key may come before the next frame.
    this.#active = this.#chosen;
    const body = document.querySelector(".list-body");
    if (!body) return;
    const top = body.getBoundingClientRect().top + index * rowHeight();
    // Leaves room for the titles, which stay at the top of the window.
    const above = top - 110;
    const below = top + rowHeight() + 8 - innerHeight;
    if (above < 0) scrollBy(0, above);
    else if (below > 0) scrollBy(0, below);
    this.focus();
  }

  #onScroll(): void {
    const length = this.#content?.rows.length ?? 0;
    const [first, last] = this.#visible(length, rowHeight(), reserve);
    if (first < this.#drawn[0] || last > this.#drawn[1]) this.#redraw();
  }

  /** Returns the range of the rows that the window shows, and of some more above and below. */
  #visible(length: number, height: number, more: number): [first: number, last: number] {
    const top = document.querySelector(".list-body")?.getBoundingClientRect().top ?? 0;
    const first = Math.max(0, Math.floor(-top / height) - more);
    const last = Math.ceil((innerHeight - top) / height) + more;
    return [Math.min(first, length), Math.min(Math.max(last, first), length)];
  }
}

/** As in list.css. */
function rowHeight(): number {
  return narrow.matches ? 76 : 38;
}
