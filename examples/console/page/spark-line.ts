/** What a plot in a row shows. */
export interface SparkData {
  /** In the order of time; NaN marks a missing value. */
  readonly values: readonly number[];
  /** The name of the CSS variable with its colour. */
  readonly color: "--cpu" | "--memory";
  /** The value at the top edge at least. */
  readonly minimumTop: number;
}

const waiting = new Set<SparkLine>();
/** Canvases of rows that were scrolled away. A new one costs more than the drawing. */
const spare: HTMLCanvasElement[] = [];
let colors = new Map<string, string>();
const darkness = matchMedia("(prefers-color-scheme: dark)");

/** Draws all plots of one frame together, so that the layout is computed once. */
function schedule(line: SparkLine): void {
  if (waiting.size === 0)
    requestAnimationFrame(() => {
      const all = [...waiting];
      waiting.clear();
      const sizes = all.map((one) => [one.clientWidth, one.clientHeight] as const);
      for (const [n, one] of all.entries()) one.draw(...(sizes[n] ?? [0, 0]));
    });
  waiting.add(line);
}

function colorOf(name: string): string {
  const known = colors.get(name);
  if (known !== undefined) return known;
  const value = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  colors.set(name, value);
  return value;
}

darkness.addEventListener("change", () => {
  colors = new Map();
  for (const line of document.querySelectorAll<SparkLine>("spark-line")) schedule(line);
});

/** A small plot without axes. Drawn on a canvas, since a thousand of them may be on the page. */
export class SparkLine extends HTMLElement {
  #data: SparkData | undefined;
  #canvas: HTMLCanvasElement | undefined;

  set data(data: SparkData) {
    const { values, color } = this.#data ?? {};
    // An array of the same values is the same array.
    if (values === data.values && color === data.color) return;
    this.#data = data;
    if (this.isConnected) schedule(this);
  }

  connectedCallback(): void {
    this.setAttribute("aria-hidden", "true");
    this.#canvas = spare.pop() ?? document.createElement("canvas");
    this.append(this.#canvas);
    schedule(this);
  }

  disconnectedCallback(): void {
    if (!this.#canvas) return;
    this.#canvas.remove();
    this.#canvas.getContext("2d")?.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
    spare.push(this.#canvas);
    this.#canvas = undefined;
  }

  draw(width: number, height: number): void {
    const canvas = this.#canvas;
    const context = canvas?.getContext("2d");
    if (!canvas || !context || !this.#data || width === 0) return;
    const scale = devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * scale)) canvas.width = Math.round(width * scale);
    if (canvas.height !== Math.round(height * scale)) canvas.height = Math.round(height * scale);
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    const { values, color, minimumTop } = this.#data;
    const top = values.reduce((max, value) => (value > max ? value : max), minimumTop) * 1.1;
    const x = (n: number) => (n / (values.length - 1)) * (width - 2) + 1;
    const y = (value: number) => height - 1 - (value / top) * (height - 2);
    context.strokeStyle = colorOf(color);
    context.fillStyle = colorOf(color);
    context.lineWidth = 1.25;
    context.lineJoin = "round";
    for (const [first, last] of runs(values)) {
      context.beginPath();
      // A single value has no line, so it is drawn as a short one.
      context.moveTo(first === last ? x(first) - 1 : x(first), y(values[first] ?? 0));
      for (let n = first; n <= last; n++) context.lineTo(x(n), y(values[n] ?? 0));
      context.stroke();
      context.lineTo(x(last), height);
      context.lineTo(x(first), height);
      context.globalAlpha = 0.13;
      context.fill();
      context.globalAlpha = 1;
    }
  }
}

/** The runs of values without gaps. */
function runs(values: readonly number[]): [first: number, last: number][] {
  const found: [number, number][] = [];
  values.forEach((value, n) => {
    if (Number.isNaN(value)) return;
    const last = found.at(-1);
    if (last && last[1] === n - 1) last[1] = n;
    else found.push([n, n]);
  });
  return found;
}

customElements.define("spark-line", SparkLine);
