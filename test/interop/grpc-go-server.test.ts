// Our client with a server on grpc-go, which containerd and CRI-O are built on: the benchmark's, with messages of its own.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { toBinary } from "@bufbuild/protobuf";
import { currentGo, installGo } from "../../scripts/interop/go.js";
import {
  ContainerEventResponseSchema,
  ListContainersResponseSchema,
  VersionResponseSchema,
} from "../../src/v1.js";
import { checkout } from "../support/checkout.js";
import { cleanup } from "../support/cleanup.js";
import { checkLeaks } from "../support/leaks.js";
import {
  checkClientWith,
  listSizes,
  peerEvent,
  peerList,
  peerVersion,
  type ServerPeer,
} from "../support/server-peer.js";
import { tempFolder } from "../support/temp.js";
import { within } from "../support/waiting.js";

const source = join(checkout, "bench/go");
const minutes = 60_000;

async function startServer(t: TestContext): Promise<ServerPeer> {
  const folder = await tempFolder(t);
  const program = join(folder, "server");
  const go = await installGo(currentGo);
  await go.build(source, program, { timeoutMs: 20 * minutes });
  const write = (name: string, bytes: Uint8Array) => writeFile(join(folder, `${name}.bin`), bytes);
  await write("version", toBinary(VersionResponseSchema, peerVersion));
  await write("event", toBinary(ContainerEventResponseSchema, peerEvent));
  for (const size of listSizes)
    await write(`list-${size}`, toBinary(ListContainersResponseSchema, peerList(size)));
  const path = join(folder, "cri.sock");
  const child = spawn(program, ["server", path, folder, "messages"], { stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.on("error", () => undefined);
  cleanup(t, async () => {
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await within(10_000, ended, "the end of the server");
  });
  // One line when it is ready, and one for each order.
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const line = async () => {
    const { done, value } = await within(40_000, lines.next(), "a line of the server");
    assert.ok(!done, "the server has ended");
    return value;
  };
  await line();
  const ask = (order: object) => {
    child.stdin.write(`${JSON.stringify(order)}\n`);
    return line();
  };
  return {
    path,
    broadcast: (count) => ask({ do: "broadcast", count }),
    subscribed: (count) => ask({ do: "subscribed", count }),
  };
}

test("our client with a server on grpc-go", { timeout: 25 * minutes }, async (t) => {
  checkLeaks(t);
  await checkClientWith(t, await startServer(t));
});
