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
import {
  type CallOptions,
  callOptionsTable,
  cancelOnReturn,
  checkArgument,
  countdown,
  isCriError,
  option,
} from "../core/index.js";
import type { RpcName, RpcResponse } from "../transport/index.js";
import type { ImageClient, RuntimeClient } from "./exact-client.js";
import { isTooLong, ListPieces } from "./list-pieces.js";
import { type Retry, withRetry } from "./retry.js";
import { rpcs, type StreamedList, type StreamTwin, timeoutOf } from "./rpcs.js";

/**
 * A list that may be longer than one message can hold. Iterate over it to get the items as they arrive, or collect them. Each
 * iteration, and each `collect()`, calls the runtime again.
 */
export interface CriList<T> extends AsyncIterable<T> {
  /** Returns all items. After a lost connection it is retried from the start, like every RPC that only reads. */
  collect(): Promise<T[]>;
}

/**
 * The six lists of CRI: by the Stream* RPC if the runtime implements it, otherwise by List*. Lists of pods, containers and their stats
 * that exceed a message are read in smaller pieces.
 */
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

interface Connection {
  readonly runtime: RuntimeClient;
  readonly image: ImageClient;
  readonly unimplemented: ReadonlySet<RpcName>;
  readonly retry: Retry;
  readonly closing: AbortSignal;
}

/** Creates the lists of one connection. */
export function createLists(connection: Connection): Lists {
  const functions: Readonly<Partial<Record<RpcName, unknown>>> = {
    ...connection.runtime,
    ...connection.image,
  };
  const list = <N extends StreamedList, T>(
    rpc: N,
    listed: ItemsOf<N, T>,
    streamed: ItemsOf<StreamTwin<N>, T>,
    pieces?: Pieces<T>,
  ) => {
    const twin = rpcs[rpc].streamTwin as StreamTwin<N>;
    // The functions have the types of the RPCs that they are named for; the compiler cannot follow a name at run time.
    const call = functions[rpc] as Source<N, T>["list"];
    const stream = functions[twin] as Source<N, T>["stream"];
    const source: Source<N, T> = { twin, list: call, listed, stream, streamed, pieces };
    // `filter: undefined` is not an omitted filter under exactOptionalPropertyTypes.
    return (filter?: object, options: CallOptions = {}): CriList<T> => {
      if (filter !== undefined) checkArgument(rpc, "filter", filter, option.object);
      callOptionsTable.check(rpc, options);
      return new StreamedOrListed(source, filter === undefined ? {} : { filter }, options, connection);
    };
  };
  const metrics = list(
    "listPodSandboxMetrics",
    ({ podMetrics }) => podMetrics,
    ({ podSandboxMetrics }) => podSandboxMetrics,
  );
  // biome-ignore format: a table of the fields that hold the items
  return Object.freeze<Lists>({
    podSandboxes: list("listPodSandbox", ({ items }) => items, ({ podSandboxes }) => podSandboxes,
      { read: (all, filter) => all.podSandboxes(filter), idOf: ({ id }) => id }),
    containers: list("listContainers", ({ containers }) => containers, ({ containers }) => containers,
      { read: (all, filter) => all.containers(filter), idOf: ({ id }) => id }),
    containerStats: list("listContainerStats", ({ stats }) => stats, ({ containerStats }) => containerStats,
      { read: (all, filter) => all.containerStats(filter), idOf: ({ attributes }) => attributes?.id }),
    podSandboxStats: list("listPodSandboxStats", ({ stats }) => stats, ({ podSandboxStats }) => podSandboxStats,
      { read: (all, filter) => all.podSandboxStats(filter), idOf: ({ attributes }) => attributes?.id }),
    podSandboxMetrics: (options) => metrics(undefined, options),
    images: list("listImages", ({ images }) => images, ({ images }) => images),
  });
}

/** A function that returns the items of an RPC's response. */
type ItemsOf<N extends RpcName, T> = (response: RpcResponse<N>) => readonly T[];

/** How a list that exceeds a message is read in pieces. */
interface Pieces<T> {
  read(pieces: ListPieces, filter: object): Promise<T[]>;
  idOf(item: T): string | undefined;
}

/** A List* RPC and its Stream* twin: how each is called, and where its items are. */
interface Source<N extends StreamedList, T> {
  readonly twin: StreamTwin<N>;
  readonly list: (request: object, options: CallOptions) => Promise<RpcResponse<N>>;
  readonly listed: ItemsOf<N, T>;
  readonly stream: (request: object, options: CallOptions) => AsyncIterable<RpcResponse<StreamTwin<N>>>;
  readonly streamed: ItemsOf<StreamTwin<N>, T>;
  /** Undefined where CRI has no filter that all runtimes honor. */
  readonly pieces: Pieces<T> | undefined;
}

class StreamedOrListed<N extends StreamedList, T> implements CriList<T> {
  readonly #source: Source<N, T>;
  readonly #request: { readonly filter?: object };
  readonly #options: CallOptions;
  readonly #connection: Connection;

  constructor(
    source: Source<N, T>,
    request: { readonly filter?: object },
    options: CallOptions,
    connection: Connection,
  ) {
    this.#source = source;
    this.#request = request;
    this.#options = options;
    this.#connection = connection;
  }

  /** Has no default deadline, because a consumer may take any time between two items. */
  [Symbol.asyncIterator](): AsyncIterableIterator<T> {
    const { timeoutMs = 0, ...options } = this.#options;
    return cancelOnReturn((signal) => this.#items({ ...options, timeoutMs, signal }), options.signal);
  }

  async collect(): Promise<T[]> {
    const { twin, list, listed, stream, streamed } = this.#source;
    const remainingMs = countdown(timeoutOf(twin, this.#request, this.#options));
    const options = (): CallOptions => ({ ...this.#options, timeoutMs: remainingMs() ?? 0 });
    const readStream = async () => {
      const all: T[] = [];
      for await (const message of stream(this.#request, options()))
        for (const item of streamed(message)) all.push(item);
      return all;
    };
    const { retry, closing } = this.#connection;
    try {
      if (this.#mayStream) {
        try {
          return await withRetry(retry, this.#options.signal, readStream, remainingMs, closing);
        } catch (error) {
          if (!isUnimplemented(error)) throw error;
        }
      }
      // The client itself retries List*.
      return [...listed(await list(this.#request, options()))];
    } catch (error) {
      return await this.#inPieces(error, options);
    }
  }

  async *#items(options: CallOptions): AsyncGenerator<T> {
    const { list, listed, stream, streamed, pieces } = this.#source;
    const yielded = new Set<string | undefined>();
    try {
      if (this.#mayStream) {
        let hasBegun = false;
        try {
          for await (const message of stream(this.#request, options)) {
            hasBegun = true;
            for (const item of streamed(message)) {
              yield item;
              yielded.add(pieces?.idOf(item));
            }
          }
          return;
        } catch (error) {
          // A runtime without the RPC fails the first read; the client remembers that, so this happens once per connection.
          if (hasBegun || !isUnimplemented(error)) throw error;
        }
      }
      yield* listed(await list(this.#request, options));
    } catch (error) {
      for (const item of await this.#inPieces(error, () => options))
        if (!yielded.has(pieces?.idOf(item))) yield item;
    }
  }

  /** Reads the list in pieces if it failed because it exceeds a message; throws any other error. */
  async #inPieces(error: unknown, options: () => CallOptions): Promise<T[]> {
    const { pieces } = this.#source;
    if (!pieces || !isTooLong(error)) throw error;
    return await pieces.read(new ListPieces(this.#connection.runtime, options), this.#request.filter ?? {});
  }

  get #mayStream(): boolean {
    return !this.#connection.unimplemented.has(this.#source.twin);
  }
}

function isUnimplemented(error: unknown): boolean {
  return isCriError(error) && error.code === "unimplemented" && error.reason !== "wrong_api_version";
}
