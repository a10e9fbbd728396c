import { html, nothing, type TemplateResult } from "lit-html";
import type { LogLine } from "../messages.js";
import { type App, containerLink } from "./app.js";
import { ago, count, exitSummary } from "./format.js";
import type { Group } from "./node-state.js";
import { get } from "./requests.js";

/** How long a restart or a failure counts as recent. */
const recentMs = 15 * 60_000;
const maxProblems = 5;
/** The last lines of logs that are remembered. */
const maxRemembered = 200;

/** The last line of each container that ended. It does not change any more. */
const lastLines = new Map<string, string>();

/** Lists what needs attention: containers that failed or restarted lately, and why. */
export function problems(app: App): TemplateResult | typeof nothing {
  const { state } = app;
  const found = [...state.groups.values()]
    .filter((group) => isProblem(group, state.now))
    .sort((a, b) => (b.lastExit?.finishedAt ?? 0) - (a.lastExit?.finishedAt ?? 0));
  if (found.length === 0) return nothing;
  return html`
    <section class="problems" aria-labelledby="problems-title">
      <h2 id="problems-title">Needs attention</h2>
      <ul>
        ${found.slice(0, maxProblems).map((group) => problem(app, group))}
      </ul>
      ${
        found.length > maxProblems
          ? html`<p class="quiet">and ${found.length - maxProblems} more: sort the list by restarts</p>`
          : nothing
      }
    </section>
  `;
}

function isProblem({ current, lastExit, restarts }: Group, now: number): boolean {
  if (current.state === "unknown") return true;
  if (!lastExit || now - (lastExit.finishedAt ?? 0) > recentMs) return false;
  return lastExit.exitCode !== 0 || restarts > 0;
}

function problem(app: App, group: Group): TemplateResult {
  const { state } = app;
  const { current, lastExit, lastEnded, restarts } = group;
  const pod = state.pods.get(group.podId);
  const what =
    current.state === "unknown"
      ? "The runtime lost track of it"
      : restarts > 0
        ? `restarted ${count(restarts, "time")}`
        : "failed";
  return html`
    <li>
      <a href=${containerLink(group)}>
        <span class="problem-name">${group.name}</span>
        <span class="quiet">${pod ? `${pod.namespace}/${pod.name}` : ""}</span>
      </a>
      <span class="problem-what">${what}</span>
      ${
        lastExit
          ? html`<span class="problem-why">${exitSummary(lastExit)}, ${ago(lastExit.finishedAt, state.now)}</span>`
          : nothing
      }
      ${lastEnded ? html`<code class="problem-line">${lastLine(app, lastEnded.id)}</code>` : nothing}
    </li>
  `;
}

/** Returns the last line of a log; "" until it was read. */
function lastLine({ redraw }: App, container: string): string {
  const known = lastLines.get(container);
  if (known !== undefined) return known;
  lastLines.set(container, "");
  if (lastLines.size > maxRemembered)
    for (const oldest of lastLines.keys()) if (lastLines.delete(oldest)) break;
  get<readonly LogLine[]>("/api/lines", { container, tail: "1" }).then(
    ([line]) => {
      lastLines.set(container, line?.[2] || "(it logged nothing)");
      redraw();
    },
    (error: unknown) => {
      // Without a connection, the line is requested again. Otherwise the container was removed or has no log, so it has no line.
      if (error instanceof TypeError) lastLines.delete(container);
    },
  );
  return "";
}
