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
/** The distances of lines: 1, 2 and 5 times powers of ten, and powers of two. */
const decimalSteps = Array.from({ length: 18 }, (_, n) => ([1, 2, 5][n % 3] ?? 1) * 10 ** Math.floor(n / 3));
const binarySteps = Array.from({ length: 40 }, (_, n) => 2 ** (n + 10));
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
    this.#plot = new uPlot(
      {
        width: Math.max(50, this.clientWidth),
        height,
        padding: [8, 8, 0, 0],
        cursor: { y: false, drag: { x: false, y: false } },
        legend: { show: false },
        scales: { x: { time: true }, y: { range: (_, __, max) => [0, topOf(max, kind, limit)] } },
        series,
        axes: [
          {
            ...axis,
            size: 24,
            space: 70,
            values: (_, splits) => splits.map((at) => clock(at * 1_000).slice(0, 5)),
          },
          {
            ...{ ...axis, size: 62, space: 28, incrs: kind === "milliCores" ? decimalSteps : binarySteps },
            values: (_, splits) => splits.map((value) => format(value)),
          },
        ],
        hooks: {
          setLegend: [(plot) => this.#showValue(plot)],
          draw: [(plot) => drawLimit(plot, limit, style.getPropertyValue("--bad").trim())],
        },
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
    const text =
      at === undefined || value === null || value === undefined
        ? ""
        : `${format(value)} at ${clock(at * 1_000)}`;
    this.dispatchEvent(new CustomEvent("value", { detail: text }));
  }

  #aligned(): uPlot.AlignedData {
    if (!this.#data) return [[], []];
    const { history, kind } = this.#data;
    return [history.at.map((ms) => ms / 1_000), [...history[kind]]];
  }
}

/** Draws the limit as a line across the plot, if it is in its range. */
function drawLimit({ ctx, bbox, scales, valToPos }: uPlot, limit: number | undefined, color: string): void {
  if (limit === undefined || limit > (scales.y?.max ?? 0)) return;
  const y = Math.round(valToPos(limit, "y", true));
  ctx.save();
  ctx.beginPath();
  ctx.strokeStyle = color;
  ctx.setLineDash([4, 4]);
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.restore();
}

/** Returns the value at the top edge. A container that does nothing is not drawn as busy, and a limit shows once it comes near. */
function topOf(max: number | null, kind: PlotData["kind"], limit: number | undefined): number {
  const least = kind === "milliCores" ? 50 : 2 ** 23;
  const usage = Math.max(least, (max ?? 0) * 1.15);
  return limit !== undefined && usage > limit * 0.4 ? Math.max(usage, limit * 1.08) : usage;
}

customElements.define("usage-plot", UsagePlot);
