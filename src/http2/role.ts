import type { ReceivedHeaders } from "./headers.js";
import type { Stream } from "./stream.js";

/** What differs between the two ends of a connection. */
export interface Role {
  readonly isClient: boolean;
  /** The largest id of a stream that was opened; larger ones are idle. */
  readonly lastStreamId: number;
  /** The largest id of a stream of the peer that was processed, for GOAWAY. */
  readonly lastProcessedId: number;
  /** Returns the stream that a HEADERS frame on an idle stream opens; undefined if it was refused. */
  open(streamId: number, headers: ReceivedHeaders): Stream | undefined;
  /** Called when the peer's first SETTINGS have arrived. */
  onReady(): void;
  /** Called when SETTINGS may have made place for another stream. */
  onPlace(): void;
  onStreamClosed(stream: Stream): void;
  onGoaway(goaway: Goaway): void;
  /** Called exactly once, when no stream can go on. */
  onEnd(error: Error | undefined): void;
  /** Called exactly once, after that, when the socket is closed. */
  onClose(): void;
}

/** A GOAWAY frame of the peer. */
export interface Goaway {
  readonly code: number;
  /** The peer did not process streams with larger ids. */
  readonly lastStreamId: number;
  readonly debugText: string;
}
