// Runs commands with one client. Argument: its name. Each message is a TransferOrder; the response is a Cost.
import { once } from "node:events";
import { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { exec } from "cri-sdk/streaming";
import { answerOrders, costOf } from "../answer-orders.js";
import { transferBare } from "./bare-socket.js";
import type { ExecClient, TransferOrder } from "./orders.js";

const pieceBytes = 65_536;

type Run = (order: TransferOrder) => Promise<void>;

/** The stdout of cri-sdk's session, read by `read`, which returns the number of bytes. */
function reading(read: (stdout: NodeJS.ReadableStream) => Promise<number>): Run {
  return async ({ url, bytes }) => {
    const session = await exec(url, { stdout: true, stderr: false });
    if (!session.stdout) throw new Error("the session has no stdout");
    const received = await read(session.stdout);
    await session.ended;
    if (received !== bytes) throw new Error(`${received} bytes came instead of ${bytes}`);
  };
}

const clients: Readonly<Record<ExecClient, Run>> = {
  "cri-sdk, for await": reading(async (stdout) => {
    let received = 0;
    for await (const chunk of stdout) received += chunk.length;
    return received;
  }),
  "cri-sdk, piped": reading(async (stdout) => {
    let received = 0;
    const write = (chunk: Buffer, _: BufferEncoding, done: () => void) => {
      received += chunk.length;
      done();
    };
    await pipeline(stdout, new Writable({ write }));
    return received;
  }),
  async "cri-sdk"({ url, bytes }) {
    const session = await exec(url, { stdin: true, stdout: false, stderr: false });
    const piece = Buffer.alloc(pieceBytes);
    for (let sent = 0; session.stdin && sent < bytes; sent += pieceBytes)
      if (!session.stdin.write(piece)) await once(session.stdin, "drain");
    session.stdin?.end();
    await session.ended;
  },
  "bare socket": transferBare,
};

const run = clients[process.argv[2] as ExecClient];
answerOrders((order: TransferOrder) => costOf(() => run(order)));
