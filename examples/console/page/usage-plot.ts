import uPlot from "uplot";
import type { UsageHistory } from "../messages.js";
import { bytes, clock, cores } from "./format.js";

/** What a plot shows. */
export interface PlotData {
  readonly kind: "milliCores" | "memoryBytes";
  readonly history: UsageHistory;
  readonly from: number;
  readonly to: number;
  /** A line across the plot. */
  readonly limit: number | undefined;
}

const height = 132;
const darkness = matchMedia("(prefers-color-scheme: dark)");

/** The usage of a container over the last minutes, with axes. */
export class UsagePlot extends HTMLElement {
  #data: PlotData | undefined;
  #plot: uPlot | undefined;
  #drawnKind: string | undefined;
  readonly #observer = new ResizeObserver(() => this.#plot?.setSize({ width: this.clientWidth, height }));
  readonly #onTheme = () => this.#create();

  set data(data: PlotData) {
    if (data === this.#data) return;
    this.#data = data;
    if (!this.isConnected) return;
    if (!this.#plot || this.#drawnKind !== `${data.kind} ${data.limit}`) this.#create();
    else this.#update();
  }

  connectedCallback(): void {
    this.#observer.observe(this);
    darkness.addEventListener("change", this.#onTheme);
    this.#create();
  }

  disconnectedCallback(): void {
    this.#observer.disconnect();
    darkness.removeEventListener("change", this.#onTheme);
    this.#plot?.destroy();
    this.#plot = undefined;
  }

  #create(): void {
    this.#plot?.destroy();
    if (!this.#data) return;
    const { kind, limit } = this.#data;
    this.#drawnKind = `${kind} ${limit}`;
    const style = getComputedStyle(this);
    const color = style.getPropertyValue(kind === "milliCores" ? "--cpu" : "--memory").trim();
    const quiet = style.getPropertyValue("--quiet").trim();
    const line = style.getPropertyValue("--line").trim();
    const font = `11px ${style.fontFamily}`;
    const axis = { stroke: quiet, font, grid: { stroke: line, width: 1 }, ticks: { show: false } };
    const format = kind === "milliCores" ? cores : bytes;
    const series: uPlot.Series[] = [
      { value: (_, value) => (value === null ? "" : clock(value * 1_000)) },
      {
        label: kind === "milliCores" ? "CPU (cores)" : "Memory",
        stroke: color,
        fill: `${color}22`,
        width: 1.5,
        points: { show: false },
        value: (_, value) => format(value),
      },
    ];
    if (limit !== undefined)
      series.push({
        label: "Limit",
        stroke: style.getPropertyValue("--bad").trim(),
        dash: [4, 4],
        width: 1,
        points: { show: false },
        value: (_, value) => format(value),
      });
    this.#plot = new uPlot(
      {
        width: Math.max(50, this.clientWidth),
        height,
        padding: [8, 8, 0, 0],
        cursor: { y: false, drag: { x: false, y: false } },
        legend: { show: false },
        scales: { x: { time: true }, y: { range: (_, __, max) => [0, topOf(max, kind)] } },
        series,
        axes: [
          { ...axis, size: 26, space: 70, values: (_, splits) => splits.map((at) => clock(at * 1_000).slice(0, 5)) },
          { ...axis, size: 62, space: 32, values: (_, splits) => splits.map((value) => format(value)) },
        ],
        hooks: { setLegend: [(plot) => this.#showValue(plot)] },
      },
      this.#aligned(),
      this,
    );
    this.#update();
  }

  #update(): void {
    if (!this.#data) return;
    const { from, to } = this.#data;
    this.#plot?.setData(this.#aligned(), false);
    this.#plot?.setScale("x", { min: from / 1_000, max: to / 1_000 });
  }

  /** Shows the value at the pointer as the title of the plot. */
  #showValue(plot: uPlot): void {
    const { idx } = plot.cursor;
    const at = plot.data[0][idx ?? -1];
    const value = plot.data[1]?.[idx ?? -1];
    const format = this.#data?.kind === "milliCores" ? cores : bytes;
    const text = at === undefined || value === null || value === undefined ? "" : `${format(value)} at ${clock(at * 1_000)}`;
    this.dispatchEvent(new CustomEvent("value", { detail: text }));
  }

  #aligned(): uPlot.AlignedData {
    if (!this.#data) return [[], []];
    const { history, kind, limit } = this.#data;
    const at = history.at.map((ms) => ms / 1_000);
    const values = [...history[kind]];
    return limit === undefined ? [at, values] : [at, values, at.map(() => limit)];
  }
}

/** A container that does nothing is not drawn as busy. */
function topOf(max: number | null, kind: PlotData["kind"]): number {
  const least = kind === "milliCores" ? 50 : 2 ** 23;
  return Math.max(least, (max ?? 0) * 1.15);
}

customElements.define("usage-plot", UsagePlot);
