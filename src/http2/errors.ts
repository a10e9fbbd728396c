/** HTTP/2's error codes (RFC 9113, section 7). */
export const errorCode = Object.freeze({
  noError: 0,
  protocolError: 1,
  internalError: 2,
  flowControlError: 3,
  settingsTimeout: 4,
  streamClosed: 5,
  frameSizeError: 6,
  refusedStream: 7,
  cancel: 8,
  compressionError: 9,
  connectError: 10,
  enhanceYourCalm: 11,
  inadequateSecurity: 12,
  http11Required: 13,
});

/** The names of the error codes in RFC 9113, by number. */
const names = [
  "NO_ERROR",
  "PROTOCOL_ERROR",
  "INTERNAL_ERROR",
  "FLOW_CONTROL_ERROR",
  "SETTINGS_TIMEOUT",
  "STREAM_CLOSED",
  "FRAME_SIZE_ERROR",
  "REFUSED_STREAM",
  "CANCEL",
  "COMPRESSION_ERROR",
  "CONNECT_ERROR",
  "ENHANCE_YOUR_CALM",
  "INADEQUATE_SECURITY",
  "HTTP_1_1_REQUIRED",
];

/** Returns the name of an error code, for messages. */
export function errorCodeName(code: number): string {
  return names[code] ?? `code ${code}`;
}

/** A violation of HTTP/2 by the peer, or a connection that cannot be used. */
export class Http2Error extends Error {
  override readonly name = "Http2Error";
  readonly code = "ERR_HTTP2_ERROR";
  /** One of {@link errorCode}, as sent in GOAWAY or RST_STREAM. */
  readonly http2Code: number;

  constructor(http2Code: number, message: string) {
    super(`${message} (${errorCodeName(http2Code)})`);
    this.http2Code = http2Code;
  }
}
