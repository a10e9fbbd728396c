import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  Container,
  ContainerFilterSchema,
  ContainerStats,
  ContainerStatsFilterSchema,
  Image,
  ImageFilterSchema,
  PodSandbox,
  PodSandboxFilterSchema,
  PodSandboxMetrics,
  PodSandboxStats,
  PodSandboxStatsFilterSchema,
} from "../../gen/runtime/v1/api_pb.js";
import { type CallOptions, isCriError, untilBreak } from "../core/index.js";
import { type Retry, type RpcName, withRetry } from "../transport/index.js";
import { countdown, timeoutOf } from "./deadline.js";
import type { ImageClient, RuntimeClient } from "./exact-client.js";

/**
 * A list that may be longer than one message holds. Iterate over it to have the items as they arrive, or collect
 * them. Each iteration, and each `collect()`, asks the runtime anew.
 */
export interface CriList<T> extends AsyncIterable<T> {
  /** All items. Repeated from the start when the runtime went away meanwhile, as any read is. */
  collect(): Promise<T[]>;
}

/** The six lists of CRI, by the Stream* RPC where the runtime has it, else by List*. */
export interface Lists {
  /** StreamPodSandboxes or ListPodSandbox. */
  podSandboxes(
    filter?: MessageInitShape<typeof PodSandboxFilterSchema>,
    options?: CallOptions,
  ): CriList<PodSandbox>;
  /** StreamContainers or ListContainers. */
  containers(
    filter?: MessageInitShape<typeof ContainerFilterSchema>,
    options?: CallOptions,
  ): CriList<Container>;
  /** StreamContainerStats or ListContainerStats. */
  containerStats(
    filter?: MessageInitShape<typeof ContainerStatsFilterSchema>,
    options?: CallOptions,
  ): CriList<ContainerStats>;
  /** StreamPodSandboxStats or ListPodSandboxStats. */
  podSandboxStats(
    filter?: MessageInitShape<typeof PodSandboxStatsFilterSchema>,
    options?: CallOptions,
  ): CriList<PodSandboxStats>;
  /** StreamPodSandboxMetrics or ListPodSandboxMetrics; CRI has no filter for them. */
  podSandboxMetrics(options?: CallOptions): CriList<PodSandboxMetrics>;
  /** StreamImages or ListImages. containerd ignores the filter and lists every image. */
  images(filter?: MessageInitShape<typeof ImageFilterSchema>, options?: CallOptions): CriList<Image>;
}

interface Sources {
  readonly runtime: RuntimeClient;
  readonly image: ImageClient;
  readonly unimplemented: ReadonlySet<RpcName>;
  readonly retry: Retry;
}

/** The lists of one connection. */
export function createLists({ runtime, image, unimplemented, retry }: Sources): Lists {
  const list = <S, L, T>(ways: Ways<S, L, T>, options: CallOptions = {}) =>
    new TwoWayList(ways, options, unimplemented, retry);
  return Object.freeze<Lists>({
    podSandboxes: (filter, options) =>
      list(
        {
          streaming: "streamPodSandboxes",
          stream: (call) => runtime.streamPodSandboxes(withFilter(filter), call),
          chunk: ({ podSandboxes }) => podSandboxes,
          list: (call) => runtime.listPodSandbox(withFilter(filter), call),
          items: ({ items }) => items,
        },
        options,
      ),
    containers: (filter, options) =>
      list(
        {
          streaming: "streamContainers",
          stream: (call) => runtime.streamContainers(withFilter(filter), call),
          chunk: ({ containers }) => containers,
          list: (call) => runtime.listContainers(withFilter(filter), call),
          items: ({ containers }) => containers,
        },
        options,
      ),
    containerStats: (filter, options) =>
      list(
        {
          streaming: "streamContainerStats",
          stream: (call) => runtime.streamContainerStats(withFilter(filter), call),
          chunk: ({ containerStats }) => containerStats,
          list: (call) => runtime.listContainerStats(withFilter(filter), call),
          items: ({ stats }) => stats,
        },
        options,
      ),
    podSandboxStats: (filter, options) =>
      list(
        {
          streaming: "streamPodSandboxStats",
          stream: (call) => runtime.streamPodSandboxStats(withFilter(filter), call),
          chunk: ({ podSandboxStats }) => podSandboxStats,
          list: (call) => runtime.listPodSandboxStats(withFilter(filter), call),
          items: ({ stats }) => stats,
        },
        options,
      ),
    podSandboxMetrics: (options) =>
      list(
        {
          streaming: "streamPodSandboxMetrics",
          stream: (call) => runtime.streamPodSandboxMetrics({}, call),
          chunk: ({ podSandboxMetrics }) => podSandboxMetrics,
          list: (call) => runtime.listPodSandboxMetrics({}, call),
          items: ({ podMetrics }) => podMetrics,
        },
        options,
      ),
    images: (filter, options) =>
      list(
        {
          streaming: "streamImages",
          stream: (call) => image.streamImages(withFilter(filter), call),
          chunk: ({ images }) => images,
          list: (call) => image.listImages(withFilter(filter), call),
          items: ({ images }) => images,
        },
        options,
      ),
  });
}

// `filter: undefined` is not the same as no filter under exactOptionalPropertyTypes.
function withFilter<F>(filter: F | undefined): { filter?: F } {
  return filter === undefined ? {} : { filter };
}

/** The two ways to one list. */
interface Ways<S, L, T> {
  readonly streaming: RpcName;
  readonly stream: (options: CallOptions) => AsyncIterable<S>;
  readonly chunk: (message: S) => readonly T[];
  readonly list: (options: CallOptions) => Promise<L>;
  readonly items: (message: L) => readonly T[];
}

class TwoWayList<S, L, T> implements CriList<T> {
  readonly #ways: Ways<S, L, T>;
  readonly #options: CallOptions;
  readonly #unimplemented: ReadonlySet<RpcName>;
  readonly #retry: Retry;

  constructor(ways: Ways<S, L, T>, options: CallOptions, unimplemented: ReadonlySet<RpcName>, retry: Retry) {
    this.#ways = ways;
    this.#options = options;
    this.#unimplemented = unimplemented;
    this.#retry = retry;
  }

  /** Without a deadline of the caller's, a reader may take as long as it likes between two items. */
  [Symbol.asyncIterator](): AsyncIterator<T> {
    const { timeoutMs = 0, ...options } = this.#options;
    return untilBreak((signal) => this.#items({ ...options, timeoutMs, signal }), options.signal);
  }

  async collect(): Promise<T[]> {
    const { streaming, stream, chunk, list, items } = this.#ways;
    const remainingMs = countdown(timeoutOf(streaming, {}, this.#options));
    const bounded = (): CallOptions => ({ ...this.#options, timeoutMs: remainingMs() ?? 0 });
    const readStream = async () => {
      const all: T[] = [];
      for await (const message of stream(bounded())) for (const item of chunk(message)) all.push(item);
      return all;
    };
    if (!this.#unimplemented.has(streaming)) {
      try {
        return await withRetry(this.#retry, this.#options.signal, readStream, remainingMs);
      } catch (error) {
        if (!isUnimplemented(error)) throw error;
      }
    }
    // The client itself repeats List*.
    return [...items(await list(bounded()))];
  }

  async *#items(options: CallOptions): AsyncGenerator<T> {
    const { streaming, stream, chunk, list, items } = this.#ways;
    if (!this.#unimplemented.has(streaming)) {
      let begun = false;
      try {
        for await (const message of stream(options)) {
          begun = true;
          yield* chunk(message);
        }
        return;
      } catch (error) {
        // Unimplemented comes with the first read, before any item; and it is remembered, so this happens once.
        if (begun || !isUnimplemented(error)) throw error;
      }
    }
    yield* items(await list(options));
  }
}

function isUnimplemented(error: unknown): boolean {
  return isCriError(error) && error.code === "unimplemented" && error.reason !== "wrong_api_version";
}
