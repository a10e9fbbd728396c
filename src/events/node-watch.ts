import { type CriError, OptionTable, option } from "../core/index.js";
import type { NodeContainer, NodePod } from "./objects.js";

/** Options of `cri.watchNode()` and of waits for a state of the node. */
export interface NodeWaitOptions {
  /** Ends the wait with reason `aborted_by_caller`, or `deadline` for `AbortSignal.timeout()`. */
  readonly signal?: AbortSignal | undefined;
  /**
   * The longest wait in milliseconds; 0 for no limit. It rejects with `deadline` afterwards; while the runtime is unavailable, the
   * cause is the error of the connection. Throws `invalid_option` for a negative value.
   * @default 0
   */
  readonly timeoutMs?: number | undefined;
}

/** The options of {@link NodeWaitOptions}. */
export const nodeWaitTable = new OptionTable<NodeWaitOptions>({
  signal: option.signal,
  timeoutMs: option.timeoutMs,
});

/** The options of {@link NodeWatch.changes}. */
export const nodeChangesTable = new OptionTable<Pick<NodeWaitOptions, "signal">>({ signal: option.signal });

/** Whether changes arrive. */
export interface NodeConnection {
  /** Whether changes arrive at the moment. */
  readonly connected: boolean;
  /** How changes arrive; undefined while they do not. */
  readonly by: "events" | "polling" | undefined;
  /** The error that ended the connection; undefined while there is a connection. */
  readonly error: CriError | undefined;
}

/** A change of a pod or container on the node. */
export type NodeChange = {
  /** `add`: the object is new to this reader. `update`: it was replaced by a later state. `delete`: it was removed. */
  readonly type: "add" | "update" | "delete";
  /** The id of the sandbox or container. */
  readonly id: string;
} & (
  | {
      readonly kind: "pod";
      /** The current state of the pod; for `delete`, its last known state. */
      readonly object: NodePod;
      /** The state that this reader received last; undefined for `add`. */
      readonly previous: NodePod | undefined;
    }
  | {
      readonly kind: "container";
      /** The current state of the container; for `delete`, its last known state. */
      readonly object: NodeContainer;
      /** The state that this reader received last; undefined for `add`. */
      readonly previous: NodeContainer | undefined;
    }
);

/** The truthy part of a type. */
export type Truthy<T> = Exclude<T, false | undefined | null | 0 | "">;

/** A type without promises, which are always truthy. */
export type Synchronous<T> = T extends PromiseLike<unknown> ? never : T;

/**
 * The pods and containers of a node, kept up to date in memory. Created by `cri.watchNode()`; `await using` closes it. While the runtime
 * is unavailable, and after `close()`, it keeps the last known state.
 */
export interface NodeWatch extends AsyncDisposable {
  /** The sandboxes by id. */
  readonly pods: ReadonlyMap<string, NodePod>;

  /** The containers by id. */
  readonly containers: ReadonlyMap<string, NodeContainer>;

  /** Whether changes arrive now. */
  readonly connection: NodeConnection;

  /** Returns the containers of a sandbox. */
  containersOf(podId: string): readonly NodeContainer[];

  /** Returns the sandboxes with a label, with any value by default. */
  podsByLabel(key: string, value?: string | undefined): readonly NodePod[];

  /** Returns the containers with a label, with any value by default. */
  containersByLabel(key: string, value?: string | undefined): readonly NodeContainer[];

  /** Returns the sandboxes in a state. */
  podsByState(state: NodePod["state"]): readonly NodePod[];

  /** Returns the containers in a state. */
  containersByState(state: NodeContainer["state"]): readonly NodeContainer[];

  /** Returns the containers of an image, given as in their creation, or as Container.image_ref or image_id. */
  containersByImage(image: string): readonly NodeContainer[];

  /**
   * Returns the changes from the first `next()` on, one for each pod or container that differs from what this reader received last. A
   * slow reader receives fewer intermediate states, but the last state of every object. Rejects with `client_closed` once the watch is
   * closed, and with `aborted_by_caller` or `deadline` when the signal fires.
   */
  changes(options?: Pick<NodeWaitOptions, "signal">): AsyncIterableIterator<NodeChange> & AsyncDisposable;

  /**
   * Calls `predicate` now and after every change. Resolves with its first truthy result. The predicate must be synchronous: a promise is
   * refused with `invalid_option`. Rejects with the error that the predicate throws, and with `invalid_option`, `deadline`,
   * `aborted_by_caller`, or `client_closed` once the watch is closed.
   */
  waitFor<T>(
    predicate: (node: NodeWatch) => Synchronous<T>,
    options?: NodeWaitOptions,
  ): Promise<Truthy<Synchronous<T>>>;

  /** Ends the watch. Idempotent. */
  close(): Promise<void>;
}
