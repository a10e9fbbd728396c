import { backoff, CancellationScope, type CriError, criError, maxTimerMs } from "../../core/index.js";
import type { Link, LinkListener } from "./connection.js";

/** How many bytes are kept to send them again to a process that listens later. */
const keptLimitBytes = 1_048_576;

/** The time after which a connection is taken for accepted by the port if more was written than is kept, in milliseconds. */
const acceptedAfterMs = 1_000;

/** Opens the links of a {@link WaitingLink}. */
export interface LinkSource {
  open(scope: CancellationScope): Promise<Link>;
  /** Starts a link within the time that the server has to accept it. */
  start(link: Link, listener: LinkListener, scope: CancellationScope): Promise<void>;
}

/** The limits of a {@link WaitingLink}. */
export interface WaitLimits {
  /** How long to try again, in milliseconds. */
  readonly portWaitMs: number;
  /** The deadline and the signal of opening the connection: they end a wait in progress, but not an established connection. */
  readonly timeoutMs: number | undefined;
  readonly signal: AbortSignal | undefined;
}

/**
 * A link that is opened again while the port refuses it, and that sends what was written before to the next one. A port that refuses
 * has received nothing, so no byte reaches a process twice. Once a byte has arrived from the port, nothing is repeated.
 */
export class WaitingLink implements Link {
  readonly canEnd: boolean;
  readonly #source: LinkSource;
  readonly #limits: WaitLimits;
  readonly #scope: CancellationScope;
  readonly #until: number;
  readonly #timer: NodeJS.Timeout | undefined;
  /** The link that is starting or started; undefined while waiting for the next attempt. */
  #link: Link | undefined;
  /** What was written, until it is known that the port has accepted the connection. */
  #kept: Uint8Array[] | undefined = [];
  #keptBytes = 0;
  /** A write that exceeds what is kept. */
  #held: { readonly bytes: Uint8Array; done(error?: Error | null): void } | undefined;
  #heldTimer: NodeJS.Timeout | undefined;
  /** Completes the write that is in flight. */
  #completeWrite: (() => void) | undefined;
  #startedAt: number | undefined;
  #isOpening = false;
  /** Whether the port sent something before the link had started. */
  #isAccepted = false;
  #hasEnded = false;
  #isClosed = false;
  #keepsProcess = true;
  #delay = backoff({ firstMs: 20, maxMs: 250, factor: 2 });

  constructor(first: Link, source: LinkSource, limits: WaitLimits) {
    this.canEnd = first.canEnd;
    this.#link = first;
    this.#source = source;
    this.#limits = limits;
    this.#scope = new CancellationScope(limits.timeoutMs, limits.signal);
    this.#until = performance.now() + limits.portWaitMs;
    // An attempt in progress decides for itself.
    const expire = () => this.#link && !this.#isOpening && this.#accept();
    if (limits.portWaitMs <= maxTimerMs) this.#timer = setTimeout(expire, limits.portWaitMs).unref();
  }

  /** How long the port has not refused the connection, in milliseconds; 0 while it is being opened. */
  get unrefusedMs(): number {
    return this.#startedAt === undefined ? 0 : performance.now() - this.#startedAt;
  }

  async start(listener: LinkListener): Promise<void> {
    const link = this.#link;
    if (!link) return;
    try {
      await link.start(this.#listenerOf(link, listener));
      if (this.#link === link) this.#startedAt = performance.now();
    } catch (error) {
      // A link that was refused is being replaced.
      if (this.#link === link) throw error;
    }
  }

  write(bytes: Uint8Array, done: (error?: Error | null) => void): void {
    if (!this.#kept) {
      if (this.#link) this.#link.write(bytes, done);
      else done();
      return;
    }
    if (this.#keptBytes + bytes.byteLength > keptLimitBytes) {
      this.#held = { bytes, done };
      this.#limitHold();
      return;
    }
    // The caller may reuse the memory after `done`.
    const part = Uint8Array.from(bytes);
    this.#kept.push(part);
    this.#keptBytes += part.byteLength;
    if (this.#link && !this.#isOpening) this.#send(this.#link, part, done);
    else done();
  }

  end(): void {
    this.#hasEnded = true;
    if (!this.#isOpening) this.#link?.end();
  }

  resume(): void {
    this.#link?.resume();
  }

  finish(): void {
    this.#close();
    this.#link?.finish();
  }

  destroy(): void {
    this.#close();
    this.#link?.destroy();
  }

  keepProcess(keep: boolean): void {
    this.#keepsProcess = keep;
    this.#link?.keepProcess(keep);
  }

  #listenerOf(link: Link, listener: LinkListener): LinkListener {
    const isCurrent = () => this.#link === link;
    return {
      onData: (part) => {
        if (!isCurrent()) return true;
        this.#accept();
        return listener.onData(part);
      },
      onRefused: (text) => {
        if (!isCurrent()) return;
        const isUndecided = this.#kept !== undefined && !this.#isAccepted;
        if (isUndecided && !this.#isClosed && /refused/i.test(text)) this.#replace(link, text, listener);
        else listener.onRefused(text);
      },
      onEnd: () => {
        if (isCurrent()) listener.onEnd();
      },
      onClosed: (error) => {
        if (isCurrent()) listener.onClosed(error);
      },
    };
  }

  /** Called when the port refused a link. */
  #replace(link: Link, text: string, listener: LinkListener): void {
    if (performance.now() >= this.#until) {
      const { portWaitMs } = this.#limits;
      this.#accept();
      listener.onRefused(`${text.trim()} (tried again for ${portWaitMs} ms)`);
      return;
    }
    this.#link = undefined;
    this.#startedAt = undefined;
    clearTimeout(this.#heldTimer);
    link.destroy();
    // Its bytes are kept.
    this.#completeWrite?.();
    if (!this.#isOpening) void this.#open(listener);
  }

  /** Opens links until the port accepts one. Never rejects. */
  async #open(listener: LinkListener): Promise<void> {
    this.#isOpening = true;
    try {
      while (!this.#link) {
        await this.#pause();
        const link = await this.#source.open(this.#scope);
        if (this.#isClosed) return link.destroy();
        this.#link = link;
        if (!this.#keepsProcess) link.keepProcess(false);
        try {
          await this.#source.start(link, this.#listenerOf(link, listener), this.#scope);
        } catch (error) {
          if (this.#link !== link) continue;
          this.#link = undefined;
          link.destroy();
          throw error;
        }
      }
    } catch (error) {
      this.#isOpening = false;
      if (!this.#isClosed) listener.onClosed(error as CriError);
      this.#accept();
      return;
    }
    this.#isOpening = false;
    if (this.#isClosed) return;
    this.#startedAt = performance.now();
    for (const part of this.#kept ?? []) this.#link.write(part, () => undefined);
    if (this.#hasEnded) this.#link.end();
    if (this.#isAccepted || performance.now() >= this.#until) this.#accept();
    else if (this.#held) this.#limitHold();
  }

  /** Waits for the next attempt; the last one is at the end of the wait. */
  #pause(): Promise<void> {
    const ms = Math.min(this.#delay.delayMs(), Math.max(0, this.#until - performance.now()));
    this.#delay = this.#delay.next();
    return new Promise((resolve, reject) => {
      if (this.#scope.stopped) return reject(this.#scope.stopped);
      const timer = setTimeout(() => {
        this.#scope.onStop(undefined);
        resolve();
      }, ms);
      this.#scope.onStop({
        cancel(error) {
          clearTimeout(timer);
          reject(error);
        },
      });
    });
  }

  #send(link: Link, part: Uint8Array, done: () => void): void {
    const complete = () => {
      if (this.#completeWrite !== complete) return;
      this.#completeWrite = undefined;
      done();
    };
    this.#completeWrite = complete;
    // Ignores the error: the end of the link reports it, unless the link is replaced.
    link.write(part, complete);
  }

  /** Sends a write that exceeds what is kept once the port has had the time to refuse. */
  #limitHold(): void {
    if (this.#isOpening || !this.#link) return;
    clearTimeout(this.#heldTimer);
    this.#heldTimer = setTimeout(() => this.#accept(), Math.max(0, acceptedAfterMs - this.unrefusedMs));
  }

  /** Stops keeping bytes: from here on a refusal is an error. */
  #accept(): void {
    this.#isAccepted = true;
    // What is kept is sent once the link has started.
    if (this.#isOpening) return;
    this.#kept = undefined;
    clearTimeout(this.#timer);
    clearTimeout(this.#heldTimer);
    this.#scope.end();
    const held = this.#held;
    this.#held = undefined;
    if (held) this.write(held.bytes, held.done);
  }

  #close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#heldTimer);
    this.#kept = undefined;
    this.#held = undefined;
    this.#completeWrite = undefined;
    if (this.#isOpening) this.#scope.stop(criError("client_closed", "the connection was closed"));
    this.#scope.end();
  }
}
