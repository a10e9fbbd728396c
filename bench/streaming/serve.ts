import { once } from "node:events";
import { connect } from "node:net";
import { Child } from "../child.js";
import { median, medianRatio } from "../statistics.js";
import { openBare, receiveBare, sendBare } from "./bare-socket.js";
import type { TransferResult } from "./measure.js";

interface Urls {
  readonly down: string;
  readonly up: string;
  readonly port: number;
}

const MiB = 2 ** 20;
const bytes = 256 * MiB;
/** What Go's clients send. */
const frameBytes = 32_768;

/** Our streaming server, beside a plain socket between the same two processes. */
export async function measureServer(rounds: number): Promise<TransferResult[]> {
  const server = await Child.start("streaming/own-server.js", []);
  try {
    const ours: Record<"down" | "up", number[]> = { down: [], up: [] };
    const plain: Record<"down" | "up", number[]> = { down: [], up: [] };
    for (let round = -1; round < rounds; round++) {
      const { down, up, port } = (await server.ask({})) as Urls;
      const speeds = [
        [ours.down, await timed(() => oursDown(down))],
        [plain.down, await timed(() => plainDown(port))],
        [ours.up, await timed(() => oursUp(up))],
        [plain.up, await timed(() => plainUp(port))],
      ] as const;
      if (round >= 0) for (const [list, speed] of speeds) list.push(speed);
    }
    return (["down", "up"] as const).map((way) => ({
      title: `our streaming server, ${bytes / MiB} MiB ${way === "down" ? "of output" : "of input"} in frames of 32 KiB`,
      throughputs: [row("cri-sdk/server", ours[way], plain[way]), row("bare socket", plain[way], plain[way])],
    }));
  } finally {
    server.end();
  }
}

function row(mover: string, speeds: readonly number[], base: readonly number[]) {
  return {
    mover,
    megabytesPerSecond: median(speeds),
    ratio: medianRatio(speeds, base),
    cpuSecondsPerGigabyte: Number.NaN,
  };
}

async function timed(work: () => Promise<void>): Promise<number> {
  const began = performance.now();
  await work();
  return bytes / 1e6 / ((performance.now() - began) / 1_000);
}

async function oursDown(url: string): Promise<void> {
  const socket = await openBare(url, "v4.channel.k8s.io", [
    [["streamtype", "error"]],
    [["streamtype", "stdout"]],
  ]);
  await receiveBare(socket, bytes);
  socket.destroy();
}

async function oursUp(url: string): Promise<void> {
  const socket = await openBare(url, "v4.channel.k8s.io", [
    [["streamtype", "error"]],
    [["streamtype", "stdin"]],
  ]);
  socket.resume();
  const over = once(socket, "end");
  await sendBare(socket, 3, frameBytes, bytes);
  await over;
  socket.destroy();
}

async function plainDown(port: number): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  socket.write(`d${bytes}`);
  await receiveBare(socket, bytes);
  socket.destroy();
}

async function plainUp(port: number): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  socket.write("u");
  socket.resume();
  const over = once(socket, "end");
  const piece = Buffer.alloc(frameBytes);
  for (let sent = 0; sent < bytes; sent += frameBytes) if (!socket.write(piece)) await once(socket, "drain");
  socket.end();
  await over;
}
