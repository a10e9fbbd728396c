import { html, nothing, type TemplateResult } from "lit-html";
import type { Fact } from "../messages.js";

/** Draws names and values as two columns. */
export function factList(facts: readonly Fact[]): TemplateResult {
  return html`<dl class="facts">${facts.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`;
}

/** Draws labels or annotations, behind a title that unfolds them. */
export function pairs(title: string, all: Readonly<Record<string, string>>): TemplateResult | typeof nothing {
  const entries = Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1));
  if (entries.length === 0) return nothing;
  return html`<details>
    <summary>${title} <span class="quiet">${entries.length}</span></summary>
    ${factList(entries)}
  </details>`;
}
