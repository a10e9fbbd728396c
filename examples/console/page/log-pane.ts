import type { ContainerRow, LogLine, LogMessage } from "../messages.js";
import { clock, exitSummary } from "./format.js";
import { closeSocket, get, openSocket } from "./requests.js";

/** The lines of the container that ended before, shown above those of the current one. */
const earlierLines = 40;
const tailLines = 500;
/** A container that starts while the log is shown is read from its beginning, up to the server's limit. */
const wholeLog = 5_000;
/** The lines that are kept in the document. */
const maxLines = 5_000;
const retryMs = 2_000;

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours of terminals begin with one
const escapeSequences = /\x1b\[[0-9;?]*[ -/]*[@-~]/g;

const endTexts: Readonly<Record<string, string>> = {
  container_ended: "The container has ended.",
  log_gone: "The log file was deleted.",
};

/**
 * The log of a container as it grows, over its restarts: when an attempt has ended and the next one begins, its log follows below. Lines are
 * text, whatever they contain.
 */
export class LogPane extends HTMLElement {
  readonly #lines = document.createElement("div");
  #attempts: readonly ContainerRow[] = [];
  #socket: WebSocket | undefined;
  /** The attempt whose log is shown last. */
  #shown: ContainerRow | undefined;
  #hasEnded = false;
  #isFollowing = true;
  #generation = 0;

  /** All attempts, the newest first. */
  set attempts(attempts: readonly ContainerRow[]) {
    this.#attempts = attempts;
    if (this.isConnected) this.#continue();
  }

  connectedCallback(): void {
    this.#lines.className = "log";
    this.#lines.tabIndex = 0;
    this.#lines.setAttribute("role", "log");
    this.#lines.setAttribute("aria-label", "Log");
    this.#lines.setAttribute("aria-live", "off");
    this.#lines.addEventListener("scroll", this.#onScroll, { passive: true });
    this.replaceChildren(this.#lines);
    void this.#begin();
  }

  disconnectedCallback(): void {
    this.#stop();
  }

  #stop(): void {
    this.#generation++;
    closeSocket(this.#socket);
    this.#socket = undefined;
    this.#shown = undefined;
    this.#isFollowing = true;
    this.#lines.replaceChildren();
  }

  async #begin(): Promise<void> {
    const generation = ++this.#generation;
    const [current, before] = this.#attempts;
    if (!current) return;
    this.#shown = current;
    if (before) {
      const parameters = { container: before.id, tail: String(earlierLines) };
      const lines = await get<readonly LogLine[]>("/api/lines", parameters).catch(() => []);
      if (generation !== this.#generation) return;
      this.#append(lines.map(lineElement));
      this.#append([noteElement(endNote(before)), noteElement(startNote(current))]);
    }
    this.#follow(current, tailLines);
  }

  /** Goes on with the next attempt once the log of the last one has ended. */
  #continue(): void {
    const [current] = this.#attempts;
    if (!current) return;
    if (!this.#shown || this.#shown.podId !== current.podId || this.#shown.name !== current.name) {
      // Another container: its view is drawn with the same elements.
      this.#stop();
      void this.#begin();
    } else if (this.#hasEnded && current.id !== this.#shown.id) {
      const ended = this.#attempts.find(({ id }) => id === this.#shown?.id);
      this.#append([...(ended ? [noteElement(endNote(ended))] : []), noteElement(startNote(current))]);
      this.#follow(current, wholeLog);
    }
  }

  #follow(container: ContainerRow, tail: number): void {
    const generation = ++this.#generation;
    this.#shown = container;
    this.#hasEnded = false;
    const socket = openSocket("/log", { container: container.id, tail: String(tail) });
    this.#socket = socket;
    let waiting: LogMessage[] = [];
    let isFinished = false;
    socket.addEventListener("message", ({ data }) => {
      const message: LogMessage = JSON.parse(data);
      if (message.type === "end" || message.type === "error") isFinished = true;
      waiting.push(message);
      if (waiting.length > 1) return;
      requestAnimationFrame(() => {
        const messages = waiting;
        waiting = [];
        if (generation !== this.#generation) return;
        this.#append(messages.flatMap(elementsOf));
        if (socket.readyState === WebSocket.OPEN)
          socket.send(JSON.stringify({ type: "shown", messages: messages.length }));
        if (!isFinished) return;
        this.#hasEnded = true;
        this.#continue();
      });
    });
    socket.addEventListener("close", () => {
      if (isFinished || generation !== this.#generation) return;
      this.#append([noteElement("The connection to the console was lost.")]);
      setTimeout(() => {
        if (generation !== this.#generation) return;
        this.#lines.replaceChildren();
        this.#follow(container, tail);
      }, retryMs);
    });
  }

  #append(elements: readonly HTMLElement[]): void {
    if (elements.length === 0) return;
    this.#lines.append(...elements.slice(-maxLines));
    const excess = this.#lines.childElementCount - maxLines;
    for (let n = 0; n < excess; n++) this.#lines.firstElementChild?.remove();
    if (this.#isFollowing) this.#lines.scrollTop = this.#lines.scrollHeight;
  }

  /** A user who scrolls up stays there while more arrives. */
  readonly #onScroll = () => {
    const { scrollTop, scrollHeight, clientHeight } = this.#lines;
    this.#isFollowing = scrollHeight - scrollTop - clientHeight < 24;
  };
}

function elementsOf(message: LogMessage): HTMLElement[] {
  if (message.type === "lines") return message.lines.map(lineElement);
  if (message.type === "end") return [noteElement(endTexts[message.text] ?? "The log has ended.")];
  return [noteElement(message.text)];
}

function lineElement([at, stream, text]: LogLine): HTMLElement {
  const line = document.createElement("div");
  line.className = stream === "stderr" ? "line stderr" : "line";
  const time = document.createElement("time");
  time.textContent = clock(at);
  const words = document.createElement("span");
  words.textContent = text.replace(escapeSequences, "");
  line.append(time, words);
  return line;
}

function noteElement(text: string): HTMLElement {
  const note = document.createElement("div");
  note.className = "note";
  note.textContent = text;
  return note;
}

function startNote({ attempt, createdAt }: ContainerRow): string {
  return `Attempt ${attempt} was created${createdAt === undefined ? "" : ` at ${clock(createdAt)}`}.`;
}

function endNote({ attempt, exit }: ContainerRow): string {
  if (!exit) return `Attempt ${attempt} has ended.`;
  const when = exit.finishedAt === undefined ? "" : ` at ${clock(exit.finishedAt)}`;
  return `Attempt ${attempt} ended${when}: ${exitSummary(exit)}`;
}

customElements.define("log-pane", LogPane);
