import { abortError, linkedController, onAbort } from "../core/index.js";
import type { PortForward, Session, SessionOptions } from "../streaming/index.js";

/** What is open on behalf of one client, and ends with it. */
export class OpenSessions {
  readonly #closing: AbortSignal;
  readonly #kills = new Set<Promise<void>>();
  /** Weak: a port-forward that is not in use holds nothing, and callers may drop it without closing it. */
  readonly #forwards = new Set<WeakRef<PortForward>>();
  readonly #collected = new FinalizationRegistry<WeakRef<PortForward>>((ref) => this.#forwards.delete(ref));

  /** `closing` fires when the client is closed. */
  constructor(closing: AbortSignal) {
    this.#closing = closing;
  }

  /** Opens a session that ends when the client is closed, as does its opening. */
  async open<Options extends SessionOptions, Opened extends Session>(
    options: Options,
    open: (options: Options) => Promise<Opened>,
  ): Promise<Opened> {
    const controller = linkedController(options.signal);
    const removeCallback = onAbort(this.#closing, () => controller.abort(abortError(this.#closing)));
    const unlink = () => {
      removeCallback();
      controller.unlink();
    };
    try {
      const session = await open({ ...options, signal: controller.signal });
      session.ended.then(unlink, unlink);
      return session;
    } catch (error) {
      unlink();
      throw error;
    }
  }

  /** Registers the kill of a command, which may outlive its session. It must not reject. */
  addKill(kill: Promise<void>): void {
    this.#kills.add(kill);
    void kill.then(() => this.#kills.delete(kill));
  }

  /** Registers a port-forward; closes it at once if the client has been closed. */
  addForward(forward: PortForward): PortForward {
    if (this.#closing.aborted) void forward.close();
    const ref = new WeakRef(forward);
    this.#forwards.add(ref);
    this.#collected.register(forward, ref);
    return forward;
  }

  /** Closes the port-forwards; sessions follow the `closing` signal. */
  async close(): Promise<void> {
    const forwards = [...this.#forwards].flatMap((ref) => ref.deref() ?? []);
    await Promise.all(forwards.map((forward) => forward.close()));
  }

  /** Resolves when the commands whose sessions have ended so far are killed, or their kills have reached their limit. */
  async killed(): Promise<void> {
    await Promise.all(this.#kills);
  }
}
