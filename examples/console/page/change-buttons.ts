import { html, nothing, type TemplateResult } from "lit-html";
import type { ChangeRequest } from "../messages.js";
import type { App } from "./app.js";
import { confirmChange } from "./confirm.js";
import { requestChange } from "./requests.js";

const graceText = "It gets its stop signal, and is killed after 10 seconds.";

/** The buttons that stop or remove a pod or a container, with the error of the last attempt. */
export class ChangeButtons {
  readonly #app: App;
  readonly #target: Pick<ChangeRequest, "kind">;
  readonly #onRemoved: () => void;
  #status = "";
  #isBusy = false;

  constructor(app: App, kind: ChangeRequest["kind"], onRemoved: () => void) {
    this.#app = app;
    this.#target = { kind };
    this.#onRemoved = onRemoved;
  }

  /** @param ids what to remove; the first one is what to stop */
  draw(
    name: string,
    ids: readonly string[],
    isRunning: boolean,
    mayBeManaged: boolean,
  ): TemplateResult | typeof nothing {
    if (this.#app.state.node?.readOnly) return nothing;
    const { kind } = this.#target;
    const again = mayBeManaged ? " If a kubelet manages the pod, it may start it again." : "";
    const [current = ""] = ids;
    const stop = () =>
      this.#ask("stop", [current], `Stop ${kind} ${name}?`, `${graceText}${again}`, `Stop ${name}`);
    const before = isRunning ? "It is running, and is stopped first. " : "";
    const remove = () =>
      this.#ask(
        "remove",
        ids,
        `Remove ${kind} ${name}?`,
        `${before}Its logs and its files are lost.${again}`,
        `Remove ${name}`,
      );
    return html`
      <div class="changes">
        <span class="error" role="alert">${this.#status}</span>
        <button ?disabled=${!isRunning || this.#isBusy} @click=${stop}>Stop</button>
        <button class="danger" ?disabled=${this.#isBusy} @click=${remove}>Remove</button>
      </div>
    `;
  }

  async #ask(
    action: ChangeRequest["action"],
    ids: readonly string[],
    title: string,
    text: string,
    confirm: string,
  ): Promise<void> {
    if (!(await confirmChange({ title, text, confirm }))) return;
    this.#isBusy = true;
    this.#status = "";
    this.#app.redraw();
    try {
      for (const id of ids) await requestChange({ ...this.#target, action, id });
      if (action === "remove") this.#onRemoved();
    } catch (error) {
      this.#status = error instanceof Error ? error.message : String(error);
    }
    this.#isBusy = false;
    this.#app.redraw();
  }
}

/** Whether a kubelet may have created the pod: all of them set this label, and others may, too. */
export function mayBeManaged(labels: Readonly<Record<string, string>> = {}): boolean {
  return "io.kubernetes.pod.uid" in labels;
}
