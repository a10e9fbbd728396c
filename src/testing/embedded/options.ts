import { invalidOption } from "../../core/index.js";
import type { Clock } from "./clock.js";
import { systemClock } from "./clock.js";
import { defaultCatalogue, type EmbeddedImage, ImageCatalogue } from "./images/index.js";
import { type Profile, profileOf, type RuntimeLike, runtimeLikes } from "./profile.js";
import type { Programs } from "./scripted/driver.js";

/** How an embedded runtime is, and what it has. */
export interface EmbeddedOptions {
  /**
   * What containers run: functions of a test. Without it they are processes of this host, **with no isolation at all**:
   * they can do whatever this process may do.
   */
  readonly programs?: Programs | undefined;
  /**
   * What exists in the registries.
   * @default a few well-known names: BusyBox, Alpine, nginx, the pause image, agnhost
   */
  readonly images?: ImageCatalogue | readonly EmbeddedImage[] | undefined;
  /**
   * Images that are on the node from the start, by name.
   * @default none: they have to be pulled
   */
  readonly preload?: readonly string[] | undefined;
  /**
   * The runtime whose measured ways it takes on: missing RPCs, error codes, forms of ids, events.
   * @default none: what CRI's text asks for
   */
  readonly like?: RuntimeLike | undefined;
  /**
   * The socket to listen on, from the start. Without it there is the {@link EmbeddedRuntime.transport}, and `serve()`.
   */
  readonly socket?: string | undefined;
  /**
   * What ids are made from: the same seed gives the same ids.
   * @default one at random
   */
  readonly seed?: string | undefined;
  /**
   * The time that it lives by: grace periods, timeouts of ExecSync, slow pulls, times in statuses and logs.
   * @default the machine's
   */
  readonly clock?: Clock | undefined;
  /**
   * Where processes of the host have their folders, and where it is noted which they are: who starts a runtime there
   * again ends what an earlier one left behind. No two may use it at a time. Not used with `programs`.
   * @default a temporary folder, removed at the end
   */
  readonly stateDir?: string | undefined;
  /**
   * Runtime handlers, besides the default one, which is called "".
   * @default none
   */
  readonly runtimeHandlers?: readonly string[] | undefined;
  /**
   * How many calls are kept a record of; older ones are forgotten.
   * @default 1_000
   */
  readonly callLimit?: number | undefined;
}

/** {@link EmbeddedOptions}, complete and checked. */
export interface ResolvedEmbeddedOptions {
  readonly programs: Programs | undefined;
  readonly catalogue: ImageCatalogue;
  readonly preload: readonly string[];
  readonly profile: Profile;
  readonly seed: string | undefined;
  readonly clock: Clock;
  readonly stateDir: string | undefined;
  readonly handlers: readonly string[];
  readonly callLimit: number;
}

/** Fills in the defaults and checks everything. Throws `invalid_option`. */
export function resolveEmbeddedOptions(options: EmbeddedOptions): ResolvedEmbeddedOptions {
  const { images, like, programs, stateDir, callLimit = 1_000 } = options;
  if (like !== undefined && !runtimeLikes.includes(like))
    throw invalidOption("like", like, `must be one of ${runtimeLikes.join(", ")}`);
  if (programs && stateDir !== undefined)
    throw invalidOption("stateDir", stateDir, "is for processes of the host, not for programs");
  return Object.freeze({
    programs,
    stateDir,
    callLimit,
    catalogue:
      images instanceof ImageCatalogue ? images : images ? new ImageCatalogue(images) : defaultCatalogue(),
    preload: options.preload ?? [],
    profile: profileOf(like),
    seed: options.seed,
    clock: options.clock ?? systemClock(),
    handlers: Object.freeze(["", ...(options.runtimeHandlers ?? [])]),
  });
}
