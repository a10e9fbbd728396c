import "./log-pane.js";
import "./spark-line.js";
import "./terminal-pane.js";
import "./usage-plot.js";
import { html, nothing, render, type TemplateResult } from "lit-html";
import { type App, type Route, readRoute } from "./app.js";
import { ContainerView } from "./container-view.js";
import { eventsView } from "./events-view.js";
import { followFeed } from "./feed.js";
import { ImagesView } from "./images-view.js";
import { groupId, NodeState } from "./node-state.js";
import { Overview } from "./overview.js";
import { PodView } from "./pod-view.js";

/** Ages in the lists grow without messages. */
const ageMs = 1_000;

/** The page: the bar at the top and one view. It is drawn at most once per frame. */
class Page implements App {
  readonly state = new NodeState();
  // Views are created with it.
  readonly redraw = () => {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    requestAnimationFrame(() => {
      this.#isScheduled = false;
      render(this.#page(), this.#root);
      if (this.#route.view === "overview") this.#overview.drawn();
    });
  };

  readonly #overview = new Overview(this);
  readonly #root = document.getElementById("app") ?? document.body;
  #view: ContainerView | PodView | ImagesView | undefined;
  #route: Route = readRoute(location.hash);
  /** Undefined until there was a connection. */
  #hasServer: boolean | undefined;
  #isScheduled = false;
  #overviewScroll = 0;

  constructor() {
    this.#root.replaceChildren();
    this.#open();
    addEventListener("hashchange", () => this.#onRoute());
    addEventListener("keydown", (event) => this.#onKey(event));
    setInterval(() => this.redraw(), ageMs);
    followFeed(
      (message) => {
        this.state.apply(message);
        if (message.type === "change" && message.usage && this.#view instanceof ContainerView)
          this.#view.addUsage(message.usage.at);
        this.redraw();
      },
      (isConnected) => {
        this.#hasServer = isConnected;
        this.redraw();
      },
    );
  }

  #page(): TemplateResult {
    return html`
      ${this.#bar()} ${this.#banner()}
      <main id="main" tabindex="-1">
        ${this.state.node ? this.#content() : html`<p class="empty">Connecting to the console …</p>`}
      </main>
    `;
  }

  #bar(): TemplateResult {
    const { node, connection } = this.state;
    const isLive = this.#hasServer !== false && connection.connected;
    const bad = (node?.conditions ?? []).filter(({ status }) => !status);
    return html`
      <header class="bar">
        <a class="skip" href="#main" @click=${this.#skip}>Skip to the content</a>
        <div class="who">
          <b>${node?.hostName ?? "node"}</b>
          <span class="quiet">${node ? `${node.runtimeName} ${node.runtimeVersion}` : ""}</span>
          <span class="quiet endpoint">${node?.endpoint ?? ""}</span>
        </div>
        <nav aria-label="Views">
          ${this.#tab("#/", "Overview", ["overview", "container", "pod"])} ${this.#tab("#/images", "Images & disk", ["images"])}
          ${this.#tab("#/events", "Events", ["events"])}
        </nav>
        <div class="conditions">
          ${bad.map(
            ({ type, reason, message }) =>
              html`<span class="mark bad" title=${message}><span class="dot" aria-hidden="true"></span>${type}: ${reason || "false"}</span>`,
          )}
          <span class=${isLive ? "mark good" : "mark bad"} role="status">
            <span class="dot" aria-hidden="true"></span>${isLive ? "live" : "not live"}
          </span>
        </div>
      </header>
    `;
  }

  #tab(href: string, text: string, views: readonly Route["view"][]): TemplateResult {
    const isCurrent = views.includes(this.#route.view);
    return html`<a href=${href} aria-current=${isCurrent ? "page" : nothing}>${text}</a>`;
  }

  #banner(): TemplateResult | typeof nothing {
    const { connected, error } = this.state.connection;
    if (this.#hasServer === false)
      return html`<div class="banner" role="alert">
        <b>The console does not respond.</b> It was ended, or the connection was lost. This page connects again when it is back; if it was started
        anew, open its new link.
      </div>`;
    if (error === undefined) return nothing;
    return html`<div class="banner" role="alert">
      <b>${connected ? "The runtime responded with an error." : "The runtime does not respond."}</b>
      ${connected ? "" : "What you see is its last known state; the page goes on when the runtime is back."}
      <code>${error}</code>
    </div>`;
  }

  #content(): TemplateResult {
    const route = this.#route;
    if (route.view === "events") return eventsView(this);
    if (this.#view instanceof ContainerView && route.view === "container")
      return this.#view.draw(this.state.groups.get(groupId(route.podId, route.name)));
    if (this.#view instanceof PodView || this.#view instanceof ImagesView) return this.#view.draw();
    return this.#overview.draw();
  }

  #onRoute(): void {
    const before = this.#route;
    if (before.view === "overview") this.#overviewScroll = scrollY;
    this.#route = readRoute(location.hash);
    this.#open();
    this.redraw();
    // After the new view is drawn: a list is as long as before, and the focus is where the eye is.
    requestAnimationFrame(() => {
      if (this.#route.view === "overview") {
        scrollTo(0, this.#overviewScroll);
        if (before.view === "container" || before.view === "pod") this.#overview.focusRow();
      } else {
        scrollTo(0, 0);
        this.#skip();
      }
    });
  }

  #open(): void {
    if (this.#view instanceof ImagesView) this.#view.close();
    const route = this.#route;
    if (route.view === "container") this.#view = new ContainerView(this, route.podId, route.name);
    else if (route.view === "pod") this.#view = new PodView(this, route.podId);
    else if (route.view === "images") this.#view = new ImagesView(this);
    else this.#view = undefined;
  }

  readonly #skip = (event?: Event) => {
    event?.preventDefault();
    document.getElementById("main")?.focus({ preventScroll: true });
  };

  #onKey(event: KeyboardEvent): void {
    const target = event.target as HTMLElement;
    const isTyping = target.closest("input, textarea, terminal-pane, dialog") !== null;
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/" && this.#route.view === "overview") {
      event.preventDefault();
      this.#overview.focusFilter();
    }
    if (event.key === "Escape" && this.#route.view !== "overview") location.hash = "#/";
  }
}

new Page();
