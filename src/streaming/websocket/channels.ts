import type { WebSocket } from "ws";
import { checkArgument, invalidOption, type OptionCheck, option } from "../../core/index.js";
import { malformedStream, streamLost } from "../errors.js";
import type { StreamingProtocol } from "../protocols.js";

/** The first byte of a v5 message that closes a channel; the channel's number follows. */
const closeMark = 255;

/** A decoded message: bytes of a channel, or a channel's end. */
export type ChannelMessage =
  | {
      /** The number of the channel: {@link channelNumber}. */
      readonly channel: number;
      /** The bytes. */
      readonly bytes: Buffer;
      readonly end: false;
    }
  | {
      /** The number of the channel that ended. */
      readonly channel: number;
      readonly end: true;
    };

const channelCheck = option.wholeNumber(0, 254);
const protocolCheck: OptionCheck<StreamingProtocol> = (value) =>
  typeof value?.base64 === "boolean" && typeof value.halfClose === "boolean"
    ? undefined
    : "must be a row of streamingProtocols";

/** Encodes a message with bytes of a channel. Throws `invalid_option`. */
export function encodeChannel(
  protocol: StreamingProtocol,
  channel: number,
  bytes: Uint8Array,
): Buffer | string {
  checkArgument("encodeChannel", "protocol", protocol, protocolCheck);
  checkArgument("encodeChannel", "channel", channel, channelCheck);
  checkArgument("encodeChannel", "bytes", bytes, option.byteArray);
  if (protocol.base64) return `${channel}${bufferOf(bytes).toString("base64")}`;
  const message = Buffer.allocUnsafe(1 + bytes.byteLength);
  message[0] = channel;
  message.set(bytes, 1);
  return message;
}

/** Encodes the message that ends a channel. Throws `invalid_option`, also for a protocol without `halfClose`. */
export function encodeChannelEnd(protocol: StreamingProtocol, channel: number): Buffer {
  checkArgument("encodeChannelEnd", "protocol", protocol, protocolCheck);
  checkArgument("encodeChannelEnd", "channel", channel, channelCheck);
  if (!protocol.halfClose)
    throw invalidOption(
      "protocol",
      protocol.name,
      "must be one with `halfClose`: others cannot close a channel",
    );
  return Buffer.from([closeMark, channel]);
}

/** Decodes a text or binary message. Throws `malformed_stream`, and `invalid_option` for anything but a protocol and bytes. */
export function decodeChannel(protocol: StreamingProtocol, message: Buffer): ChannelMessage {
  checkArgument("decodeChannel", "protocol", protocol, protocolCheck);
  checkArgument("decodeChannel", "message", message, (value) =>
    Buffer.isBuffer(value) ? undefined : "must be a Buffer",
  );
  const { base64, halfClose } = protocol;
  const [first] = message;
  if (first === undefined) throw malformedStream("WebSocket message: has no channel");
  if (base64) {
    const channel = first - 0x30;
    if (channel < 0 || channel > 9) {
      const character = JSON.stringify(String.fromCharCode(first));
      throw malformedStream(`WebSocket message: the channel must be a digit, got ${character}`);
    }
    return { channel, bytes: decodeBase64(message.toString("latin1", 1)), end: false };
  }
  if (first !== closeMark || !halfClose) return { channel: first, bytes: message.subarray(1), end: false };
  const [, channel] = message;
  if (channel === undefined || message.byteLength !== 2)
    throw malformedStream(
      `WebSocket message: the end of a channel must have 2 bytes, got ${message.byteLength}`,
    );
  return { channel, end: true };
}

function decodeBase64(text: string): Buffer {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 === 1)
    throw malformedStream("WebSocket message: is not valid base64");
  return Buffer.from(text, "base64");
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The size of sent messages in bytes: some servers refuse large ones. */
const messageBytes = 65_536;

/** Sends bytes on a channel, in as many messages as needed. Calls `done` when the last one has been written, or with an error. */
export function sendOnChannel(
  socket: WebSocket,
  protocol: StreamingProtocol,
  channel: number,
  bytes: Uint8Array,
  done: (error?: Error | null) => void,
): void {
  for (let offset = 0; offset === 0 || offset < bytes.byteLength; offset += messageBytes) {
    const message = encodeChannel(protocol, channel, bytes.subarray(offset, offset + messageBytes));
    if (offset + messageBytes < bytes.byteLength) socket.send(message, () => undefined);
    else
      socket.send(message, (cause) =>
        done(cause ? streamLost(`the WebSocket broke: ${cause.message}`, { cause }) : null),
      );
  }
}
