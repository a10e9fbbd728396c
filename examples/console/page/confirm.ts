import { html, render } from "lit-html";

/** What a user is asked before something changes. */
export interface Question {
  readonly title: string;
  readonly text: string;
  readonly confirm: string;
}

/** Asks in a dialog. Resolves with whether the user agreed; Esc and the first button, which has the focus, do not. */
export function confirmChange({ title, text, confirm }: Question): Promise<boolean> {
  const before = document.activeElement;
  const dialog = document.createElement("dialog");
  dialog.setAttribute("aria-labelledby", "question-title");
  render(
    html`<div class="question">
      <h2 id="question-title">${title}</h2>
      <p>${text}</p>
      <div class="buttons">
        <button type="button" autofocus @click=${() => dialog.close("")}>Cancel</button>
        <button type="button" class="danger" @click=${() => dialog.close("yes")}>${confirm}</button>
      </div>
    </div>`,
    dialog,
  );
  document.body.append(dialog);
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      if (before instanceof HTMLElement) before.focus();
      resolve(dialog.returnValue === "yes");
    });
    dialog.showModal();
  });
}
