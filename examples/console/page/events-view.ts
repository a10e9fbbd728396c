import { html, nothing, type TemplateResult } from "lit-html";
import { repeat } from "lit-html/directives/repeat.js";
import type { EventRow } from "../messages.js";
import { type App, containerLink, podLink } from "./app.js";
import { clock, dateAndClock } from "./format.js";

/** The events since the console began, the newest first. */
export function eventsView({ state }: App): TemplateResult {
  const events = [...state.events].reverse();
  return html`
    <h2>Events <span class="quiet">since the console was started; the last 500</span></h2>
    ${events.length === 0 ? html`<p class="empty">Nothing has happened yet.</p>` : nothing}
    <ol class="events" aria-label="Events, the newest first" reversed>
      ${repeat(
        events,
        ({ number }) => number,
        (event) => html`
          <li class=${event.isWarning ? "event warning" : "event"}>
            <time title=${dateAndClock(event.at)}>${clock(event.at)}</time>
            <span class="event-type">${event.kind} ${event.type}</span>
            <span class="event-object">${object(state, event)}</span>
            <span class="event-text">${event.text}</span>
          </li>
        `,
      )}
    </ol>
  `;
}

function object(state: App["state"], { kind, id, object }: EventRow): TemplateResult | string {
  if (kind === "pod") return state.pods.has(id) ? html`<a href=${podLink(id)}>${object}</a>` : object;
  const group = kind === "container" ? state.groupOfContainer(id) : undefined;
  return group ? html`<a href=${containerLink(group)}>${object}</a>` : object;
}
