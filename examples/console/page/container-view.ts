import { html, nothing, type TemplateResult } from "lit-html";
import type { ContainerDetails, ContainerRow, Fact, UsageHistory } from "../messages.js";
import { type App, podLink } from "./app.js";
import { ChangeButtons, mayBeManaged } from "./change-buttons.js";
import { factList, pairs } from "./facts.js";
import { ago, clock, cores, dateAndClock, exitSummary, span } from "./format.js";
import { memoryText } from "./memory-text.js";
import { type Group, groupId } from "./node-state.js";
import { get } from "./requests.js";
import { groupState, mark } from "./state-mark.js";

type Pane = "log" | "terminal";

/** How long the plots look back. */
const historyMs = 10 * 60_000;

/** One container: its usage, restarts, log and terminal. */
export class ContainerView {
  readonly #app: App;
  readonly #podId: string;
  readonly #name: string;
  readonly #buttons: ChangeButtons;
  #pane: Pane = "log";
  /** The container that the terminal was opened in. A restart does not move it. */
  #terminalIn = "";
  #loaded = "";
  #details: ContainerDetails | undefined;
  #history: UsageHistory = { at: [], milliCores: [], memoryBytes: [] };
  readonly #pointed = { milliCores: "", memoryBytes: "" };

  constructor(app: App, podId: string, name: string) {
    this.#app = app;
    this.#podId = podId;
    this.#name = name;
    this.#buttons = new ChangeButtons(app, "container", () => {
      location.hash = "#/";
    });
  }

  draw(group: Group | undefined): TemplateResult {
    const { state } = this.#app;
    if (!group)
      return html`<p class="empty">The container ${this.#name} of this pod was removed.
        <a href="#/">All containers</a></p>`;
    this.#load(group.current);
    const pod = state.pods.get(this.#podId);
    const { current, attempts } = group;
    const isRunning = current.state === "running";
    const ids = attempts.map(({ id }) => id);
    return html`
      <header class="detail-head">
        <a class="back" href="#/" aria-label="Back to all containers">←</a>
        <div class="detail-name">
          <h1>${group.name}</h1>
          ${mark(groupState(group))}
          <p class="quiet">
            in <a href=${podLink(this.#podId)}>${pod ? `${pod.namespace}/${pod.name}` : "a removed pod"}</a> · ${current.image}
          </p>
        </div>
        ${this.#buttons.draw(group.name, ids, isRunning, mayBeManaged(pod?.labels))}
      </header>
      <div class="detail">
        <div class="column">
          ${this.#plots(current)} ${this.#exits(group)}
          <section class="panel" aria-label="Details">
            ${factList([...this.#facts(current), ...(this.#details?.facts ?? [])])}
            ${pairs("Labels", current.labels)} ${pairs("Annotations", this.#details?.annotations ?? {})} ${this.#mounts()}
          </section>
        </div>
        <section class="panel output" aria-label="Log and terminal">
          <div class="tools">
            <div class="switch" role="group" aria-label="What to show">
              ${this.#switch("log", "Log")}
              ${state.node?.readOnly ? nothing : this.#switch("terminal", "Terminal", !isRunning && this.#pane !== "terminal")}
            </div>
          </div>
          ${
            this.#pane === "log"
              ? html`<log-pane .attempts=${attempts}></log-pane>`
              : html`<terminal-pane .container=${this.#terminalIn}></terminal-pane>`
          }
        </section>
      </div>
    `;
  }

  /** Adds a reading to the plots. */
  addUsage(at: number): void {
    const group = this.#group;
    if (!group) return;
    const { milliCores, memoryBytes } = this.#app.state.usageOf(group.current);
    const history = this.#history;
    const first = history.at.findIndex((time) => time > at - historyMs);
    const from = first < 0 ? history.at.length : first;
    this.#history = {
      at: [...history.at.slice(from), at],
      milliCores: [...history.milliCores.slice(from), milliCores],
      memoryBytes: [...history.memoryBytes.slice(from), memoryBytes],
    };
  }

  get #group(): Group | undefined {
    return this.#app.state.groups.get(groupId(this.#podId, this.#name));
  }

  /** Reads what the feed lacks: the usage before the page was opened, and the status of each attempt. */
  #load({ id }: ContainerRow): void {
    if (this.#loaded === id) return;
    if (this.#loaded === "") this.#loadHistory(id);
    this.#loaded = id;
    get<ContainerDetails>("/api/container", { id }).then(
      (details) => {
        if (this.#loaded !== id) return;
        this.#details = details;
        this.#app.redraw();
      },
      // A container that was removed meanwhile: its row goes, too.
      () => {},
    );
  }

  #loadHistory(id: string): void {
    get<UsageHistory>("/api/usage", { id }).then(
      (history) => {
        const later = this.#history.at.findIndex((at) => at > (history.at.at(-1) ?? 0));
        const rest = later < 0 ? this.#history.at.length : later;
        this.#history = {
          at: [...history.at, ...this.#history.at.slice(rest)],
          milliCores: [...history.milliCores, ...this.#history.milliCores.slice(rest)],
          memoryBytes: [...history.memoryBytes, ...this.#history.memoryBytes.slice(rest)],
        };
        this.#app.redraw();
      },
      // The plots begin with the next reading.
      () => {},
    );
  }

  #plots(current: ContainerRow): TemplateResult {
    const { state } = this.#app;
    const usage = state.usageOf(current);
    const to = this.#history.at.at(-1) ?? state.now;
    const limit = current.memoryLimitBytes;
    const plot = (kind: "milliCores" | "memoryBytes", title: string, value: string) => {
      const onValue = (event: CustomEvent<string>) => {
        this.#pointed[kind] = event.detail;
        this.#app.redraw();
      };
      const data = this.#plotData(kind, to, kind === "memoryBytes" ? limit : undefined);
      return html`
        <section class="panel" aria-label=${`${title}, last 10 minutes`}>
          <h2>${title} <span class="now">${this.#pointed[kind] || value}</span></h2>
          <usage-plot .data=${data} @value=${onValue}></usage-plot>
        </section>
      `;
    };
    const cpu = usage.milliCores === null ? "" : `${cores(usage.milliCores)} cores`;
    const memory = usage.memoryBytes === null ? "" : memoryText(current, usage);
    return html`${plot("milliCores", "CPU", cpu)} ${plot("memoryBytes", "Memory", memory)}`;
  }

  readonly #plotted = new Map<
    string,
    { readonly history: UsageHistory; readonly limit: number | undefined; readonly data: object }
  >();

  /** Returns the same object for the same data, so that the plot is not drawn for nothing. */
  #plotData(kind: "milliCores" | "memoryBytes", to: number, limit: number | undefined): object {
    const known = this.#plotted.get(kind);
    if (known && known.history === this.#history && known.limit === limit) return known.data;
    const data = { kind, history: this.#history, from: to - historyMs, to, limit };
    this.#plotted.set(kind, { history: this.#history, limit, data });
    return data;
  }

  #exits({ attempts, restarts, lastExit }: Group): TemplateResult | typeof nothing {
    if (!lastExit && restarts === 0) return nothing;
    const { now } = this.#app.state;
    return html`
      <section class="panel" aria-labelledby="exits-title">
        <h2 id="exits-title">Restarts <span class="now">${restarts}</span></h2>
        <table class="exits">
          <thead>
            <tr><th>Attempt</th><th>Ended</th><th>Ran</th><th>Why</th></tr>
          </thead>
          <tbody>
            ${attempts.map(
              ({ attempt, exit, state }) => html`<tr>
                <td>${attempt}</td>
                <td title=${exit?.finishedAt ? dateAndClock(exit.finishedAt) : ""}>
                  ${exit ? ago(exit.finishedAt, now) : nothing}
                </td>
                <td>${exit?.startedAt && exit.finishedAt ? span(exit.finishedAt - exit.startedAt) : nothing}</td>
                <td class=${exit && exit.exitCode !== 0 ? "why-bad" : ""}>
                  ${exit ? exitSummary(exit) : state === "running" ? "runs" : state}
                </td>
              </tr>`,
            )}
          </tbody>
        </table>
      </section>
    `;
  }

  #facts({ createdAt, attempt }: ContainerRow): Fact[] {
    const startedAt = this.#details?.startedAt;
    return [
      ["Attempt", String(attempt)],
      ...(createdAt === undefined ? [] : [["Created", dateAndClock(createdAt)] as const]),
      ...(startedAt === undefined ? [] : [["Started", clock(startedAt)] as const]),
    ];
  }

  #mounts(): TemplateResult | typeof nothing {
    const mounts = this.#details?.mounts ?? [];
    const all = mounts.map((one) => [
      one.containerPath,
      `${one.hostPath}${one.readonly ? " (read-only)" : ""}`,
    ]);
    return pairs("Mounts", Object.fromEntries(all));
  }

  #switch(pane: Pane, text: string, disabled = false): TemplateResult {
    const onClick = () => {
      if (pane === "terminal" && this.#pane !== pane) this.#terminalIn = this.#group?.current.id ?? "";
      this.#pane = pane;
      this.#app.redraw();
    };
    return html`<button aria-pressed=${this.#pane === pane} ?disabled=${disabled} @click=${onClick}>${text}</button>`;
  }
}
