import { html, type TemplateResult } from "lit-html";
import type { SparkData } from "./spark-line.js";

/** Draws a small plot of these values. */
export function spark(color: SparkData["color"], values: readonly number[], minimumTop = 1): TemplateResult {
  return html`<spark-line .data=${{ values, color, minimumTop } satisfies SparkData}></spark-line>`;
}
