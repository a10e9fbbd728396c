import type { MemoryLimit } from "./memory-limit.js";

/** What the peer of a connection may use. */
export interface ConnectionLimits {
  /** The flow-control window of a stream: the content that may arrive while its receiver is paused. */
  readonly streamWindowBytes: number;
  /** The flow-control window of all streams together. */
  readonly connectionWindowBytes: number;
  /** The size of a decoded header list, as SETTINGS_MAX_HEADER_LIST_SIZE. A block may have twice the size before it is decoded. */
  readonly headerListLimitBytes: number;
  /** The streams that the peer may open at a time; undefined for a client, whose peer opens none. */
  readonly maxConcurrentStreams: number | undefined;
  /** The replies to PING and SETTINGS that may wait for a peer that does not read. */
  readonly unsentLimitBytes: number;
  /** The content that may wait for flow control; undefined for no limit. */
  readonly queueLimit: MemoryLimit | undefined;
}
