import { once } from "node:events";
import { connect } from "node:net";
import { Child } from "../child.js";
import type { GoProgram } from "../go-program.js";
import { inTurn } from "../rounds.js";
import { goServer } from "../serving/measure.js";
import { median, medianRatio } from "../statistics.js";
import { receiveBare, transferBare } from "./bare-socket.js";
import type { TransferResult } from "./measure.js";
import type { Way } from "./orders.js";

/** The state of cri-sdk's server: the URL of a command in each direction, and the port of the bare socket. */
interface OwnState {
  readonly down: string;
  readonly up: string;
  readonly port: number;
  readonly cpuUs: number;
}

interface GoState {
  readonly address: string;
  readonly cpuUs: number;
}

/** A server and one transfer to it. */
interface Peer {
  readonly name: string;
  readonly server: Child;
  run(way: Way): Promise<void>;
}

interface Sample {
  readonly speed: number;
  readonly cpu: number;
}

const ours = "cri-sdk/server";
const bare = "bare socket";
const MiB = 2 ** 20;
const bytes = 256 * MiB;
/** The size of the writes of Go's clients, in bytes. */
const frameBytes = 32_768;

/** Compares the streaming server of cri-sdk with Go's and with a bare socket. The client is always a bare socket. */
export async function measureServer(rounds: number, { path: go }: GoProgram): Promise<TransferResult[]> {
  const own = await Child.start("streaming/own-server.js", []);
  const goServing = go === undefined ? undefined : await Child.startProgram(go, ["stream"]);
  try {
    const state = () => own.ask({}) as Promise<OwnState>;
    const peers: Peer[] = [
      {
        name: ours,
        server: own,
        run: async (way) => transferBare({ url: (await state())[way], way, bytes }),
      },
      {
        name: bare,
        server: own,
        run: async (way) => (way === "down" ? plainDown : plainUp)((await state()).port),
      },
    ];
    if (goServing) {
      const { address } = (await goServing.ask({})) as GoState;
      const run = (way: Way) => transferBare({ url: `${address}/${way}/${bytes}`, way, bytes });
      peers.push({ name: goServer, server: goServing, run });
    }
    return [await measure(peers, "down", rounds), await measure(peers, "up", rounds)];
  } finally {
    own.end();
    goServing?.end();
  }
}

async function measure(peers: readonly Peer[], way: Way, rounds: number): Promise<TransferResult> {
  const samples = new Map<string, Sample[]>(peers.map(({ name }) => [name, []]));
  // The first round warms up.
  for (let round = -1; round < rounds; round++)
    for (const peer of inTurn(peers, round + 1)) {
      const sample = await sampleOf(peer, way);
      if (round >= 0) samples.get(peer.name)?.push(sample);
    }
  const figures = (name: string, figure: keyof Sample) =>
    (samples.get(name) ?? []).map((sample) => sample[figure]);
  return {
    title: `${bytes / MiB} MiB of ${way === "down" ? "output" : "input"} in frames of 32 KiB`,
    throughputs: peers.map(({ name }) => ({
      mover: name,
      megabytesPerSecond: median(figures(name, "speed")),
      ratio: medianRatio(figures(name, "speed"), figures(bare, "speed")),
      cpuSecondsPerGigabyte: median(figures(name, "cpu")),
      cpuOfGo: medianRatio(figures(name, "cpu"), figures(goServer, "cpu")),
    })),
  };
}

async function sampleOf({ server, run }: Peer, way: Way): Promise<Sample> {
  const cpuUs = async () => ((await server.ask({})) as { readonly cpuUs: number }).cpuUs;
  const cpuBefore = await cpuUs();
  const began = performance.now();
  await run(way);
  const wallMs = performance.now() - began;
  return { speed: bytes / 1e3 / wallMs, cpu: ((await cpuUs()) - cpuBefore) / (bytes / 1e3) };
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
