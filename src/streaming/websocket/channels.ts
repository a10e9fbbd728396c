import { malformedStream } from "../errors.js";

/** The channels of a remote command, by their number in each message's first byte. */
export const channelNumber = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4 } as const;

/** How a WebSocket subprotocol of Kubernetes behaves. */
export interface ChannelProtocol {
  readonly name: string;
  /** Messages are text, the channel an ASCII digit and the rest base64. */
  readonly base64: boolean;
  /** The error channel carries a JSON status; else it carries text, and nothing after a success. */
  readonly jsonStatus: boolean;
  /** A channel can be closed by itself: stdin's end can be told. */
  readonly halfClose: boolean;
}

/** The subprotocols by their names. A runtime of today speaks the v4 ones and the first ones. */
export const channelProtocols: Readonly<Record<string, ChannelProtocol>> = Object.freeze(
  Object.fromEntries(
    [
      protocol("v5.channel.k8s.io", { jsonStatus: true, halfClose: true }),
      protocol("v4.channel.k8s.io", { jsonStatus: true }),
      protocol("v4.base64.channel.k8s.io", { jsonStatus: true, base64: true }),
      protocol("v3.channel.k8s.io", {}),
      protocol("v2.channel.k8s.io", {}),
      protocol("channel.k8s.io", {}),
      protocol("base64.channel.k8s.io", { base64: true }),
    ].map((one) => [one.name, one]),
  ),
);

function protocol(name: string, more: Partial<ChannelProtocol>): ChannelProtocol {
  return Object.freeze({ name, base64: false, jsonStatus: false, halfClose: false, ...more });
}

/** What v5 sends on instead of a channel's number to close one; the channel follows. */
const closeMark = 255;

/** One message: bytes of a channel, or a channel's end. */
export type ChannelMessage =
  | { readonly channel: number; readonly bytes: Buffer; readonly end: false }
  | { readonly channel: number; readonly end: true };

/** A message with bytes for a channel. */
export function encodeChannel(
  { base64 }: ChannelProtocol,
  channel: number,
  bytes: Uint8Array,
): Buffer | string {
  if (base64) return `${channel}${view(bytes).toString("base64")}`;
  const message = Buffer.allocUnsafe(1 + bytes.byteLength);
  message[0] = channel;
  message.set(bytes, 1);
  return message;
}

/** The message that ends a channel. Throws a TypeError for a protocol without one: ask `halfClose` before. */
export function encodeChannelEnd({ name, halfClose }: ChannelProtocol, channel: number): Buffer {
  if (!halfClose) throw new TypeError(`${name} cannot close a channel`);
  return Buffer.from([closeMark, channel]);
}

/** Reads one message, text or binary. Throws `malformed_stream` for what is none. */
export function decodeChannel({ base64, halfClose }: ChannelProtocol, message: Buffer): ChannelMessage {
  const [first] = message;
  if (first === undefined) throw malformedStream("a WebSocket message without a channel");
  if (base64) {
    const channel = first - 0x30;
    if (channel < 0 || channel > 9)
      throw malformedStream(`a base64 message on channel ${JSON.stringify(String.fromCharCode(first))}`);
    return { channel, bytes: decodeBase64(message.toString("latin1", 1)), end: false };
  }
  if (first !== closeMark || !halfClose) return { channel: first, bytes: message.subarray(1), end: false };
  const [, channel] = message;
  if (channel === undefined || message.byteLength !== 2)
    throw malformedStream(`a message of ${message.byteLength} bytes that closes a channel, which has 2`);
  return { channel, end: true };
}

function decodeBase64(text: string): Buffer {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 === 1)
    throw malformedStream("a base64 message that is not base64");
  return Buffer.from(text, "base64");
}

function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
