import { html, type TemplateResult } from "lit-html";
import type { PodRow } from "../messages.js";
import type { Group } from "./node-state.js";

/** How a state looks: fine, at rest, in need of a look, or broken. */
export type Tone = "good" | "rest" | "warn" | "bad";

/** Returns the state of a container as a word, and how it looks. */
export function groupState({ current }: Group): readonly [word: string, tone: Tone] {
  const { state, exit } = current;
  if (state === "running") return ["running", "good"];
  if (state === "created") return ["created", "rest"];
  if (state === "unknown") return ["unknown", "bad"];
  if (exit && exit.exitCode !== 0) return [exit.oomKilled ? "out of memory" : "failed", "bad"];
  return ["exited", "rest"];
}

export function podState({ state }: PodRow): readonly [word: string, tone: Tone] {
  return state === "ready" ? ["ready", "good"] : ["not ready", "rest"];
}

export function mark([word, tone]: readonly [word: string, tone: Tone]): TemplateResult {
  return html`<span class="mark ${tone}"><span class="dot" aria-hidden="true"></span>${word}</span>`;
}
