import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import type { DriverContainer, DriverPod, DriverProcess } from "../../../src/testing/embedded/driver.js";
import { kernelAddress, parseListeners } from "../../../src/testing/embedded/host/ports.js";
import { cleanup } from "../../support/cleanup.js";
import { command, createContainer, openDriver } from "../../support/host-driver.js";
import { within } from "../../support/waiting.js";

const pod = (id: string, ip?: string): DriverPod => ({ id, ip, hostname: id, dns: undefined });
const onlyLinux = { skip: process.platform !== "linux" };

/** A server that listens on a given host, prints its port, and sends back what it received once its input has ended. */
const server = `
  const [host] = process.argv.slice(1);
  const server = require("net").createServer({ allowHalfOpen: true }, (socket) => {
    let got = "";
    socket.on("data", (data) => (got += data));
    socket.on("end", () => socket.end("got " + got));
  });
  server.listen({ port: 0, host }, () => console.log(server.address().port));`;

async function listen(started: DriverProcess): Promise<number> {
  const [line] = await within(20_000, once(started.stdout, "data"), "a port");
  return Number(line);
}

const serverOn = (host: string) => command([process.execPath, "-e", server, host]);
const inPod = (of: DriverPod): Partial<DriverContainer> => ({ pod: of });

test("a port of the pod: the two halves of the connection end independently", onlyLinux, async (t) => {
  const { driver } = await openDriver(t);
  const cases = [
    [undefined, "127.0.0.1"],
    ["127.9.8.7", "127.9.8.7"],
    ["127.9.8.7", "127.0.0.1"],
    ["127.9.8.7", "0.0.0.0"],
    [undefined, "::"],
    [undefined, "::1"],
  ] as const;
  for (const [index, [ip, host]] of cases.entries()) {
    const target = pod(`p${index}`, ip);
    const started = await driver.start(await createContainer(driver, inPod(target)), serverOn(host));
    const connection = await driver.connect(target, await listen(started));
    connection.end("hello");
    assert.equal(await within(5_000, text(connection), host), "got hello");
  }
});

test("a port is refused if only other processes listen on it", onlyLinux, async (t) => {
  const { driver } = await openDriver(t);
  const [here, there] = [pod("here", "127.9.8.6"), pod("there", "127.9.8.5")];
  await createContainer(driver, inPod(here));
  const port = await listen(
    await driver.start(await createContainer(driver, inPod(there)), serverOn("0.0.0.0")),
  );
  const ofHost = createServer().listen(0, "127.0.0.1");
  cleanup(t, () => ofHost.close());
  await once(ofHost, "listening");
  const address = ofHost.address();
  const hostPort = typeof address === "object" ? (address?.port ?? 0) : 0;
  for (const wanted of [port, hostPort, 1])
    await assert.rejects(driver.connect(here, wanted), (error: Error) => {
      assert.match(error.message, new RegExp(`port ${wanted} of the pod: connection refused`));
      assert.match(error.message, /unavailable: port_refused/);
      return true;
    });
  (await driver.connect(there, port)).destroy();
});

test("parses the kernel's table of listeners", onlyLinux, () => {
  const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: ${kernelAddress("127.0.0.1")}:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 109 1 0
   1: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 110 1 0
   2: 00000000:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1 0
   3: 0100007F:1F90 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 112 1 0
`;
  assert.deepEqual(parseListeners(table, 4, 8080), [
    { family: 4, any: false, address: kernelAddress("127.0.0.1"), inode: "109" },
    { family: 4, any: true, address: "00000000", inode: "110" },
  ]);
});
