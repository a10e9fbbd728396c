import { invalidOption, OptionTable, option } from "../../core/index.js";
import { type Clock, clockCheck, systemClock } from "./clock.js";
import { defaultCatalogue, type EmbeddedImage, ImageCatalogue } from "./images/index.js";
import { type Profile, profileOf, type RuntimeLike, runtimeLikes } from "./profile.js";
import type { Programs } from "./scripted/program.js";

/** Options of {@link EmbeddedRuntime.start}. */
export interface EmbeddedOptions {
  /**
   * The programs that containers run: functions of the test. Without this option, containers are processes of this host
   * **without any isolation**: they can do whatever this process can do.
   */
  readonly programs?: Programs | undefined;
  /**
   * The images that can be pulled.
   * @default a few well-known ones: BusyBox, Alpine, nginx, the pause image, agnhost
   */
  readonly images?: ImageCatalogue | readonly EmbeddedImage[] | undefined;
  /**
   * The names of images that are on the node from the start.
   * @default none: images have to be pulled
   */
  readonly preload?: readonly string[] | undefined;
  /**
   * The runtime to behave like, as it was measured: missing RPCs, error codes, the form of ids, events.
   * @default none: behaves as the CRI specification says
   */
  readonly like?: RuntimeLike | undefined;
  /**
   * The socket to serve: a path or an endpoint.
   * @default none: use {@link EmbeddedRuntime.transport}, or call `serve()`
   */
  readonly socket?: string | undefined;
  /**
   * The seed of all ids: the same seed generates the same ids in the same order.
   * @default a random seed
   */
  readonly seed?: string | undefined;
  /**
   * The clock for grace periods, ExecSync timeouts, slow pulls, delays, and the times in statuses and logs.
   * @default the clock of this machine
   */
  readonly clock?: Clock | undefined;
  /**
   * The directory for the state of host processes. The next runtime that starts on the same directory kills processes that
   * a crashed one left running. Two runtimes cannot use it at the same time. Not allowed with `programs`.
   * @default a temporary directory, removed by `close()`
   */
  readonly stateDir?: string | undefined;
  /**
   * The names of runtime handlers, in addition to the default one, "".
   * @default none
   */
  readonly runtimeHandlers?: readonly string[] | undefined;
  /**
   * How long RunPodSandbox takes, in milliseconds of the runtime's clock. Meanwhile, the pod's name is taken, and no list has the pod.
   * @default 0
   */
  readonly podStartMs?: number | undefined;
  /**
   * How many calls {@link EmbeddedRuntime.calls} keeps; the oldest are dropped.
   * @default 1_000
   */
  readonly callLimit?: number | undefined;
}

const embeddedTable = new OptionTable<EmbeddedOptions>({
  programs: (value) =>
    typeof value === "function" || (typeof value === "object" && value !== null)
      ? undefined
      : "must be a function, or an object of programs",
  // The catalogue checks the images of a list.
  images: (value) =>
    Array.isArray(value) || value instanceof ImageCatalogue
      ? undefined
      : "must be an ImageCatalogue or an array of images",
  preload: option.listOf(option.nonEmptyString),
  like: option.oneOf(...runtimeLikes),
  socket: option.nonEmptyString,
  seed: option.string,
  clock: clockCheck,
  stateDir: option.nonEmptyString,
  runtimeHandlers: option.listOf(option.string),
  callLimit: option.wholeNumber(0),
  podStartMs: option.milliseconds,
});

/** {@link EmbeddedOptions} with all defaults, checked. */
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
  readonly podStartMs: number;
}

/** Checks the options and fills in the defaults. Throws `invalid_option`. */
export function resolveEmbeddedOptions(options: EmbeddedOptions): ResolvedEmbeddedOptions {
  embeddedTable.check("EmbeddedRuntime.start", options);
  const { images, like, programs, stateDir, callLimit = 1_000, podStartMs = 0 } = options;
  if (programs && stateDir !== undefined)
    throw invalidOption("stateDir", stateDir, "cannot be combined with `programs`");
  return Object.freeze({
    programs,
    stateDir,
    callLimit,
    podStartMs,
    catalogue:
      images instanceof ImageCatalogue ? images : images ? new ImageCatalogue(images) : defaultCatalogue(),
    preload: options.preload ?? [],
    profile: profileOf(like),
    seed: options.seed,
    clock: options.clock ?? systemClock(),
    handlers: Object.freeze(["", ...(options.runtimeHandlers ?? [])]),
  });
}
