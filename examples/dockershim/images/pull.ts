// Pulls. Clients that want the same image with the same credentials at the same time share one pull of the engine.
import { formatReference, type ImageReference, parseReference } from "cri-sdk";
import { criError } from "cri-sdk/server";
import type { AuthConfig } from "cri-sdk/v1";
import type { PullProgress } from "../engine/api.js";
import { type Engine, EngineError } from "../engine/client.js";
import { lines } from "../engine/lines.js";
import { registryAuth } from "./credentials.js";
import { pullError } from "./pull-error.js";
import { resolveImage } from "./resolve.js";

interface SharedPull {
  readonly imageId: Promise<string>;
  readonly controller: AbortController;
  clients: number;
}

export class Puller {
  readonly #engine: Engine;
  readonly #stallMs: number;
  readonly #pulls = new Map<string, SharedPull>();

  /** A pull without progress for `stallMs` fails. The engine reports progress while it downloads and while it unpacks. */
  constructor(engine: Engine, stallMs: number) {
    this.#engine = engine;
    this.#stallMs = stallMs;
  }

  /**
   * Pulls an image and returns its id. A client whose signal fires leaves: the pull goes on for the others, and is canceled after the
   * last one.
   */
  async pull(name: string, auth: AuthConfig | undefined, signal: AbortSignal): Promise<string> {
    const image = parseReference(name);
    const credentials = registryAuth(auth, image.domain);
    signal.throwIfAborted();
    const key = JSON.stringify([formatReference(image), credentials]);
    const pull = this.#pulls.get(key) ?? this.#start(key, image, credentials);
    pull.clients++;
    let leave = () => {};
    const left = new Promise<never>((_, reject) => {
      leave = () => reject(signal.reason);
    });
    signal.addEventListener("abort", leave);
    try {
      return await Promise.race([pull.imageId, left]);
    } finally {
      signal.removeEventListener("abort", leave);
      if (--pull.clients === 0) {
        this.#forget(key, pull);
        pull.controller.abort(criError("aborted_by_caller", "every client has left the pull"));
      }
    }
  }

  #start(key: string, image: ImageReference, credentials: string | undefined): SharedPull {
    const controller = new AbortController();
    const imageId = this.#pullOnce(image, credentials, controller.signal);
    const pull = { imageId, controller, clients: 0 };
    this.#pulls.set(key, pull);
    // Once it has ended, a client that comes while others are still being answered starts a new one. Its failure reaches the clients.
    const ended = () => this.#forget(key, pull);
    imageId.then(ended, ended);
    return pull;
  }

  #forget(key: string, pull: SharedPull): void {
    if (this.#pulls.get(key) === pull) this.#pulls.delete(key);
  }

  async #pullOnce(
    image: ImageReference,
    credentials: string | undefined,
    left: AbortSignal,
  ): Promise<string> {
    const stalled = new AbortController();
    const stallError = () => criError("pull_stalled", `the pull made no progress for ${this.#stallMs} ms`);
    const timer = setTimeout(() => stalled.abort(stallError()), this.#stallMs);
    const signal = AbortSignal.any([left, stalled.signal]);
    try {
      await this.#download(image, credentials, signal, () => timer.refresh());
    } finally {
      clearTimeout(timer);
    }
    const pulled = await resolveImage(this.#engine, formatReference(image), left);
    if (!pulled)
      throw criError("image_missing", `image not found: ${formatReference(image)} was removed at once`);
    return pulled.Id;
  }

  /** Resolves when the engine has the image. Closing the connection, as the signal does, cancels the engine's pull. */
  async #download(
    { domain, path, tag, digest }: ImageReference,
    credentials: string | undefined,
    signal: AbortSignal,
    onProgress: () => void,
  ): Promise<void> {
    try {
      const progress = await this.#engine.stream("POST", "/images/create", {
        // Without a tag, the engine would pull every tag.
        query: { fromImage: `${domain}/${path}`, tag: digest ?? tag },
        ...(credentials === undefined ? {} : { headers: { "x-registry-auth": credentials } }),
        signal,
        timeoutMs: 0,
      });
      for await (const line of lines(progress)) {
        onProgress();
        const { error } = JSON.parse(line) as PullProgress;
        if (error !== undefined) throw new EngineError(500, error);
      }
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof EngineError && error.status > 0)
        throw pullError({ domain, path, tag, digest }, error.message);
      throw error instanceof EngineError
        ? error
        : new EngineError(0, "the Docker Engine ended the pull", { cause: error });
    }
  }
}
