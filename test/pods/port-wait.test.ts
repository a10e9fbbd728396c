// A container runs before its server listens: `portWaitMs` of a pod's fetch and connect.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { Duplex } from "node:stream";
import { test } from "node:test";
import type { Program } from "../../src/testing/index.js";
import { busybox, scripted } from "../support/embedded.js";
import { failure } from "../support/failure.js";
import { textOf } from "../support/streaming-server.js";
import { within } from "../support/waiting.js";

const boundMs = 60_000;

test("pod.fetch and pod.connect wait for a server that listens late", async (t) => {
  let begin = () => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const web = createServer((_request, response) => response.end("a page"));
  const late: Program = async ({ listen, clock }) => {
    await begun;
    void listen(80, (connection: Duplex) => web.emit("connection", connection));
    void listen(81, (connection: Duplex) => connection.end("hello"));
    await clock.sleep(3_600_000);
  };
  const { cri } = await scripted(t, { programs: { late } });
  const pod = await cri.pods.run({ name: "late" });
  await pod.runContainer({ name: "late", image: busybox, command: ["late"] });

  const refused = await failure(within(boundMs, pod.fetch(80, "/")));
  assert.equal(refused.reason, "port_refused");
  assert.match(refused.hint ?? "", /portWaitMs/);
  const none = await failure(within(boundMs, pod.fetch(80, "/", { portWaitMs: 50 })));
  assert.deepEqual([none.reason, none.hint], ["port_refused", undefined]);

  const page = pod.fetch(80, "/", { portWaitMs: boundMs });
  const connection = await pod.connect(81, { portWaitMs: boundMs });
  setTimeout(begin, 200);
  assert.equal(await (await within(boundMs, page)).text(), "a page");
  assert.equal(await textOf(connection, boundMs), "hello");
  await pod.remove();
});
