import { html, nothing, type TemplateResult } from "lit-html";
import type { PodDetails } from "../messages.js";
import { type App, containerLink } from "./app.js";
import { ChangeButtons, mayBeManaged } from "./change-buttons.js";
import { factList, pairs } from "./facts.js";
import { ago, bytes, cores, dateAndClock, exitSummary } from "./format.js";
import type { Group } from "./node-state.js";
import { get } from "./requests.js";
import { groupState, mark, podState } from "./state-mark.js";

/** One pod: its containers, addresses and labels. */
export class PodView {
  readonly #app: App;
  readonly #podId: string;
  readonly #buttons: ChangeButtons;
  #isLoaded = false;
  #details: PodDetails | undefined;

  constructor(app: App, podId: string) {
    this.#app = app;
    this.#podId = podId;
    this.#buttons = new ChangeButtons(app, "pod", () => {
      location.hash = "#/";
    });
  }

  draw(): TemplateResult {
    const { state } = this.#app;
    const pod = state.pods.get(this.#podId);
    if (!pod) return html`<p class="empty">This pod was removed. <a href="#/">All pods</a></p>`;
    this.#load();
    const groups = state.groupsOf(pod.id);
    const name = `${pod.namespace}/${pod.name}`;
    return html`
      <header class="detail-head">
        <a class="back" href="#/" aria-label="Back to all pods">←</a>
        <div class="detail-name">
          <h1>${pod.name}</h1>
          ${mark(podState(pod))}
          <p class="quiet">pod in ${pod.namespace}</p>
        </div>
        ${this.#buttons.draw(name, [pod.id], pod.state === "ready", mayBeManaged(pod.labels))}
      </header>
      <section class="panel" aria-labelledby="containers-title">
        <h2 id="containers-title">Containers</h2>
        ${groups.length === 0 ? html`<p class="quiet">It has none.</p>` : this.#containers(groups)}
      </section>
      <section class="panel" aria-label="Details">
        ${factList([
          ...(pod.createdAt === undefined ? [] : [["Created", dateAndClock(pod.createdAt)] as const]),
          ...(this.#details?.facts ?? []),
        ])}
        ${pairs("Labels", pod.labels)} ${pairs("Annotations", this.#details?.annotations ?? {})}
      </section>
    `;
  }

  #containers(groups: readonly Group[]): TemplateResult {
    const { state } = this.#app;
    return html`<ul class="pod-containers">
      ${groups.map((group) => {
        const { milliCores, memoryBytes } = state.usageOf(group.current);
        const { lastExit, restarts } = group;
        return html`<li>
          <a href=${containerLink(group)}>${group.name}</a> ${mark(groupState(group))}
          <span class="quiet">
            CPU ${cores(milliCores)} · memory ${bytes(memoryBytes)}
            ${restarts > 0 ? html`· ${restarts} restarts` : nothing}
            ${lastExit ? html`· last exit ${ago(lastExit.finishedAt, state.now)}: ${exitSummary(lastExit)}` : nothing}
          </span>
        </li>`;
      })}
    </ul>`;
  }

  #load(): void {
    if (this.#isLoaded) return;
    this.#isLoaded = true;
    get<PodDetails>("/api/pod", { id: this.#podId }).then(
      (details) => {
        this.#details = details;
        this.#app.redraw();
      },
      // A pod that was removed meanwhile: the view says so with the next message of the feed.
      () => {},
    );
  }
}
