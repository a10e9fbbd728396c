import "./terminal-policy.js";
import { FitAddon } from "@xterm/addon-fit";
import { type ITheme, Terminal } from "@xterm/xterm";
import { html, render } from "lit-html";
import type { TerminalMessage, TerminalRequest } from "../messages.js";
import { closeSocket, openSocket } from "./requests.js";

const darkness = matchMedia("(prefers-color-scheme: dark)");

/** A terminal in a container. The command ends when the pane leaves the page. */
export class TerminalPane extends HTMLElement {
  container = "";
  readonly #screen = document.createElement("div");
  readonly #bar = document.createElement("div");
  #command = "sh";
  #status = "";
  #terminal: Terminal | undefined;
  #socket: WebSocket | undefined;
  #fit: FitAddon | undefined;
  readonly #observer = new ResizeObserver(() => this.#fit?.fit());
  readonly #onTheme = () => {
    if (this.#terminal) this.#terminal.options.theme = theme();
  };

  connectedCallback(): void {
    this.#screen.className = "screen";
    this.#bar.className = "terminal-bar";
    this.replaceChildren(this.#bar, this.#screen);
    this.#observer.observe(this.#screen);
    darkness.addEventListener("change", this.#onTheme);
    this.#start();
  }

  disconnectedCallback(): void {
    this.#observer.disconnect();
    darkness.removeEventListener("change", this.#onTheme);
    this.#end();
  }

  #start(): void {
    this.#end();
    const style = getComputedStyle(this);
    const terminal = new Terminal({
      fontFamily: style.getPropertyValue("--mono").trim(),
      fontSize: 13,
      cursorBlink: !matchMedia("(prefers-reduced-motion: reduce)").matches,
      scrollback: 5_000,
      theme: theme(),
    });
    const fit = new FitAddon();
    terminal.loadAddon(fit);
    terminal.open(this.#screen);
    fit.fit();
    terminal.attachCustomKeyEventHandler((event) => {
      if (event.key !== "F6") return true;
      // Tab belongs to the shell, so the keyboard needs another way out.
      if (event.type === "keydown") this.#bar.querySelector<HTMLElement>("input, button")?.focus();
      return false;
    });
    this.#terminal = terminal;
    this.#fit = fit;
    this.#connect(terminal);
    terminal.focus();
  }

  #connect(terminal: Terminal): void {
    const { cols, rows } = terminal;
    const socket = openSocket("/terminal", {
      ...{ container: this.container, command: this.#command },
      ...{ columns: String(cols), rows: String(rows) },
    });
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    this.#show("connecting …");
    const send = (request: TerminalRequest) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(request));
    };
    const encoder = new TextEncoder();
    const sendInput = (input: Uint8Array<ArrayBuffer>) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(input);
    };
    terminal.onData((text) => sendInput(encoder.encode(text)));
    terminal.onBinary((text) => sendInput(Uint8Array.from(text, (letter) => letter.charCodeAt(0))));
    terminal.onResize((size) => send({ type: "resize", columns: size.cols, rows: size.rows }));
    let isFinished = false;
    socket.addEventListener("message", ({ data }) => {
      if (typeof data !== "string") {
        terminal.write(new Uint8Array(data), () => send({ type: "shown", messages: 1 }));
        return;
      }
      const message: TerminalMessage = JSON.parse(data);
      isFinished = message.type !== "started";
      this.#show(statusText(message));
    });
    socket.addEventListener("close", () => {
      if (this.#socket !== socket) return;
      terminal.options.disableStdin = true;
      if (!isFinished) this.#show("the connection was closed");
    });
  }

  #end(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    closeSocket(socket);
    this.#terminal?.dispose();
    this.#terminal = undefined;
    this.#fit = undefined;
  }

  #show(status: string): void {
    this.#status = status;
    this.dataset.status = status;
    const onSubmit = () => {
      this.#command = this.#bar.querySelector("input")?.value.trim() || "sh";
      this.#start();
    };
    const onKey = (event: KeyboardEvent) => {
      if (event.key === "Enter") onSubmit();
    };
    render(
      html`
        <label>Command <input .value=${this.#command} @keydown=${onKey} spellcheck="false" autocomplete="off" /></label>
        <button @click=${onSubmit}>Run again</button>
        <span class="quiet" role="status">${this.#status}</span>
        <span class="quiet hint"><kbd>F6</kbd> leaves the terminal</span>
      `,
      this.#bar,
    );
  }
}

function statusText(message: TerminalMessage): string {
  switch (message.type) {
    case "started":
      return `${message.command} runs`;
    case "exit":
      return `ended with exit code ${message.exitCode}${message.signal === undefined ? "" : ` (${message.signal})`}`;
    case "error":
      return message.text;
  }
}

function theme(): ITheme {
  const style = getComputedStyle(document.documentElement);
  const color = (name: string) => style.getPropertyValue(name).trim();
  return {
    background: color("--terminal"),
    foreground: color("--terminal-text"),
    cursor: color("--terminal-text"),
    selectionBackground: color("--selection"),
  };
}

customElements.define("terminal-pane", TerminalPane);
