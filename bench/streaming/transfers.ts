import { once } from "node:events";
import { createReadStream } from "node:fs";
import type { Readable, Writable } from "node:stream";
import type { Cri, KillableSession } from "cri-sdk";
import type { Cost } from "../answer-orders.js";
import { openBare, receiveBare, sendBare } from "./bare-socket.js";
import type { TransferOrder } from "./orders.js";
import type { BenchPod } from "./pod.js";

/** The implementations that transfer bytes. */
export type Mover =
  | "cri-sdk"
  | "cri-sdk, for await"
  | "cri-sdk, from a file"
  | "cri-sdk, WebSocket"
  | "Go client"
  | "bare socket";

/** Runs a command in another process, and returns its cost there. */
export type RunElsewhere = (order: TransferOrder) => Promise<Cost>;

/** One kind of transfer through a runtime. */
export interface Transfer {
  readonly title: string;
  readonly bytes: number;
  /** Resolves when all bytes have arrived. Movers without support for the transfer are absent. */
  readonly movers: { readonly [M in Mover]?: () => Promise<void> | Promise<Cost> };
  /** Prepares the transfer before the measurement starts. */
  readonly begin?: () => Promise<void>;
  /** Ends the prepared processes. */
  readonly end?: () => Promise<void>;
}

const MiB = 2 ** 20;
const pieceBytes = 65_536;
const frameBytes = 32_768;
const port = 7_000;

/** The transfers, each `share` of its full size. */
export function transfers(
  { cri, containerId, podSandboxId }: BenchPod,
  share: number,
  go: RunElsewhere | undefined,
): Transfer[] {
  const down = 1_024 * MiB * share;
  const up = 256 * MiB * share;
  const zeros = ["dd", "if=/dev/zero", `bs=${MiB}`, `count=${down / MiB}`];
  // The shell keeps the output open: otherwise containerd would cut off the input.
  const nowhere = ["sh", "-c", "cat >/dev/null; exit 0"];
  const execUrl = async (cmd: string[], stdin: boolean) =>
    (await cri.runtime.exec({ containerId, cmd, stdin, stdout: true })).url;
  const exec = async (transport: "spdy" | "websocket") => {
    const session = await cri.exec(containerId, zeros, { stderr: false, transport });
    await count(session.stdout, down);
    await session.ended;
  };
  const source = startOnce(
    cri,
    containerId,
    `nc -ll -p ${port} -e dd if=/dev/zero bs=${MiB} count=${up / MiB}`,
  );
  return [
    {
      title: `exec, ${down / MiB} MiB of output`,
      bytes: down,
      movers: {
        "cri-sdk": () => exec("spdy"),
        "cri-sdk, for await": async () => {
          const session = await cri.exec(containerId, zeros, { stderr: false });
          let bytes = 0;
          for await (const part of session.stdout ?? []) bytes += (part as Buffer).byteLength;
          if (bytes !== down) throw new Error(`${bytes} bytes came instead of ${down}`);
          await session.ended;
        },
        "cri-sdk, WebSocket": () => exec("websocket"),
        ...(go && {
          "Go client": async () => go({ url: await execUrl(zeros, false), way: "down", bytes: down }),
        }),
        "bare socket": async () => {
          const streams = [[["streamtype", "error"]], [["streamtype", "stdout"]]] as const;
          const socket = await openBare(await execUrl(zeros, false), "v4.channel.k8s.io", streams);
          await receiveBare(socket, down);
          socket.destroy();
        },
      },
    },
    {
      title: `exec, ${up / MiB} MiB of input`,
      bytes: up,
      movers: {
        "cri-sdk": async () => {
          const session = await cri.exec(containerId, nowhere, { stdin: true, stderr: false });
          session.stdout?.resume();
          if (session.stdin) await pour(session.stdin, up);
          await session.ended;
        },
        ...(go && {
          "Go client": async () =>
            go({ url: await execUrl(nowhere, true), way: "up", bytes: up, hasOutput: true }),
        }),
        "cri-sdk, from a file": async () => {
          const input = createReadStream("/dev/zero", { end: up - 1 });
          await cri.runCommand(containerId, nowhere, { input });
        },
        "bare socket": async () => {
          const streams = [
            [["streamtype", "error"]],
            [["streamtype", "stdin"]],
            [["streamtype", "stdout"]],
          ] as const;
          const socket = await openBare(await execUrl(nowhere, true), "v4.channel.k8s.io", streams);
          const over = receiveBare(socket, Number.POSITIVE_INFINITY);
          await sendBare(socket, 3, frameBytes, up);
          await over;
        },
      },
    },
    {
      title: `port-forward, ${up / MiB} MiB from the pod`,
      bytes: up,
      begin: () => source.begin(),
      movers: {
        "cri-sdk": async () => {
          await using pod = cri.portForward(podSandboxId);
          await count(await pod.connect(port), up);
        },
        "bare socket": async () => {
          const { url } = await cri.runtime.portForward({ podSandboxId, port: [port] });
          const pair = [
            ["port", String(port)],
            ["requestid", "0"],
          ] as const;
          const streams = [
            [["streamtype", "error"], ...pair],
            [["streamtype", "data"], ...pair],
          ] as const;
          const socket = await openBare(url, "portforward.k8s.io", streams);
          await receiveBare(socket, up);
          socket.destroy();
        },
      },
      end: () => source.end(),
    },
  ];
}

async function pour(stdin: Writable, bytes: number): Promise<void> {
  const piece = Buffer.alloc(pieceBytes);
  for (let sent = 0; sent < bytes; sent += pieceBytes) if (!stdin.write(piece)) await once(stdin, "drain");
  stdin.end();
}

/** Resolves after `bytes` bytes. The end of the stream is not measured: a runtime may delay it by a second. */
function count(output: Readable | undefined, expected: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let bytes = 0;
    output?.on("data", (part: Buffer) => {
      bytes += part.byteLength;
      if (bytes === expected) resolve();
    });
    output?.once("end", () => reject(new Error(`${bytes} bytes came instead of ${expected}`)));
    output?.once("error", reject);
  });
}

/** A server in the container, started on first use. */
function startOnce(cri: Cri, containerId: string, command: string) {
  let running: KillableSession | undefined;
  return {
    async begin() {
      running = await cri.exec(containerId, ["sh", "-c", command], { killOnClose: true });
      await new Promise((resolve) => setTimeout(resolve, 300));
    },
    async end() {
      await running?.close();
    },
  };
}
