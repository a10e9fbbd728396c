/** What is known of a pull while it runs. CRI tells nothing of it: all of this is an estimate. */
export interface PullProgress {
  /** The image, as it was asked for. */
  readonly image: string;
  /** Always true, so that nobody shows it as more than it is. */
  readonly estimated: true;
  /**
   * By how many bytes the image file systems of the node have grown since this call began to wait. All that is pulled meanwhile
   * counts; what is removed does not count against it. containerd counts a layer when it is unpacked, and looks at most every ten seconds.
   */
  readonly grownBytes: number;
  /**
   * The size of the image in its registry, compressed, in bytes; undefined where the registry cannot be asked from here.
   * Layers that are on the node already are part of it, and are not pulled.
   */
  readonly totalBytes: number | undefined;
  /** How many layers the image has; undefined as above. */
  readonly layers: number | undefined;
  /**
   * `grownBytes` of `totalBytes`, from 0 to 0.99, and 1 when it is done; undefined where the total is. It runs ahead, since
   * what grows is unpacked, and it may stand still for long.
   */
  readonly fraction: number | undefined;
  /** Since this call began to wait, in milliseconds. */
  readonly elapsedMs: number;
  /** Since growth was seen last, in milliseconds. */
  readonly quietMs: number;
  /** Whether the image is there. The last report has true, where the pull succeeds. */
  readonly done: boolean;
}

/** How a pull is watched. */
export interface WatchOptions {
  /**
   * Is told how far the pull is: at once, every `progressIntervalMs`, and at the end. The registry is then asked for the
   * image's manifest from here, with the credentials of the pull. What it throws ends this call.
   * @default nobody
   */
  readonly onProgress?: ((progress: PullProgress) => void) | undefined;
  /**
   * How often ImageFsInfo is asked for the pull's sake, in milliseconds.
   * @default 1_000
   */
  readonly progressIntervalMs?: number | undefined;
  /**
   * For how long no growth may be seen, in milliseconds, before the pull counts as stalled: it fails with `pull_stalled`, or
   * `onStalled` is told. A large layer may need minutes without any growth to be seen. 0 for never.
   * @default 0
   */
  readonly stalledMs?: number | undefined;
  /**
   * Is told of a stall, instead of the pull's failing: at each `stalledMs` without growth.
   * @default nobody: the pull fails
   */
  readonly onStalled?: ((progress: PullProgress) => void) | undefined;
}
