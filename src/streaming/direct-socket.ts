import { connect, type Socket, type TcpNetConnectOpts } from "node:net";
import type { Duplex } from "node:stream";
import { countTransferred } from "./bulk-memory.js";

/** The size of one read in bytes. Larger reads were no faster with any runtime. */
const readBytes = 131_072;

/** Receives the bytes of one read. They are valid only until it returns. */
type DirectReader = (bytes: Buffer) => void;

const readers = new WeakMap<Duplex, DirectReader>();

/** All sockets are read into the same memory: each read is processed before the next one begins. */
let readBuffer: Buffer | undefined;

/**
 * Connects a TCP socket that can later be read without a new buffer for each read: new memory costs several times as much as the
 * read itself. Until then it is an ordinary socket.
 */
export function connectDirect(options: TcpNetConnectOpts): Socket {
  readBuffer ??= Buffer.allocUnsafeSlow(readBytes);
  const buffer = readBuffer;
  const socket: Socket = connect({
    ...options,
    onread: {
      buffer,
      callback(count) {
        countTransferred(count);
        const bytes = buffer.subarray(0, count);
        const reader = readers.get(socket);
        if (!reader) return socket.push(Buffer.from(bytes));
        reader(bytes);
        return true;
      },
    },
  });
  return socket;
}

/**
 * Passes everything that is read from now on to `reader` instead of emitting `data`, if the socket is from {@link connectDirect}.
 * What was read before, and the data of other streams, is emitted. Pausing works as usual.
 */
export function readDirectly(socket: Duplex, reader: DirectReader): void {
  readers.set(socket, reader);
}
