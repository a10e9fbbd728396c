import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { firstResponding } from "../../src/clients/probe.js";
import { discover } from "../../src/index.js";
import { wellKnownCandidates } from "../../src/transport/discovery.js";
import { parseEndpoint } from "../../src/transport/endpoint.js";
import { cleanup } from "../support/cleanup.js";
import { failure } from "../support/failure.js";
import { assertNoListeners, checkLeaks } from "../support/leaks.js";
import { rawServer } from "../support/raw-server.js";
import { tempFolder } from "../support/temp.js";
import { until, within } from "../support/waiting.js";
import { alienServer, runtimeServer } from "./runtime-server.js";

const candidates = (...urls: string[]) =>
  urls.map((url) => ({ endpoint: parseEndpoint(url), source: "well-known" }));

/** Returns the name of the discovered runtime; its connection is closed after the test. */
async function found(t: TestContext, ...urls: string[]): Promise<string> {
  const { transport, version } = await within(
    30_000,
    firstResponding(candidates(...urls), {}, { timeoutMs: 60_000 }),
  );
  cleanup(t, () => transport.close());
  return version.runtimeName;
}

test("the first responding candidate in order is used, and the connections of the others are closed", async (t) => {
  checkLeaks(t);
  const [one, two] = [await runtimeServer(t, "one"), await runtimeServer(t, "two")];
  const alien = await alienServer(t);
  const none = join(await tempFolder(t), "none.sock");
  assert.equal(await found(t, none, alien.url, two.url, one.url), "two");
  await until(() => one.sessions.size + alien.sessions.size === 0, "the other connections were closed");
  assert.equal(two.sessions.size, 1);
  assert.equal(await found(t, one.url, two.url), "one");
});

test("an unresponsive socket after the responding one is not waited for", async (t) => {
  checkLeaks(t);
  const one = await runtimeServer(t, "one");
  const mute = await rawServer(t, { onConnect: () => undefined });
  const silent = await rawServer(t, { onRequest: () => undefined });
  assert.equal(await found(t, one.url, mute.url, silent.url), "one");
  await until(() => [...mute.peers, ...silent.peers].every(({ closed }) => closed), "they were closed");
});

test("no_runtime lists every candidate with its failure", async (t) => {
  checkLeaks(t);
  const alien = await alienServer(t);
  const mute = await rawServer(t, { onConnect: () => undefined });
  const http = await rawServer(t, {
    onConnect: (peer) => peer.send(Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")),
  });
  const none = join(await tempFolder(t), "none.sock");
  const search = firstResponding(candidates(none, alien.url, mute.url, http.url), {}, { timeoutMs: 2_000 });
  const error = await failure(search, "no_runtime");
  assert.equal(error.code, "unavailable");
  for (const [url, reason] of [
    [`unix://${none}`, "socket_missing"],
    [alien.url, "wrong_api_version"],
    [mute.url, "deadline"],
    [http.url, "not_grpc"],
  ])
    assert.match(error.message, new RegExp(`\n {2}${url}: .*\\[${reason}\\]`));
  assert.match(error.hint ?? "", /CONTAINER_RUNTIME_ENDPOINT/);
  assert.ok(error.cause instanceof AggregateError);
  assert.equal(error.cause.errors.length, 4);
});

test("an abort rejects with aborted_by_caller, also with several candidates", async (t) => {
  const silent = await rawServer(t, { onRequest: () => undefined });
  const none = join(await tempFolder(t), "none.sock");
  const why = new Error("enough");
  const stop = new AbortController();
  const search = firstResponding(
    candidates(none, silent.url),
    {},
    { signal: stop.signal, timeoutMs: 60_000 },
  );
  await until(() => silent.requests === 1, "the probe arrived");
  stop.abort(why);
  const error = await within(30_000, failure(search, "aborted_by_caller"));
  assert.deepEqual([error.cause, error.method], [why, "Version"]);
  assertNoListeners(stop.signal);
  await until(() => silent.peers.every(({ closed }) => closed), "the connection was closed");
});

test("discover() returns an entry for each well-known socket, with a runtime or an error", async () => {
  const all = await within(20_000, discover({ timeoutMs: 2_000 }));
  assert.deepEqual(
    all.map(({ endpoint }) => endpoint),
    wellKnownCandidates().map(({ endpoint }) => endpoint.url),
  );
  for (const one of all)
    if (one.error) assert.deepEqual([one.error.endpoint, one.error.method], [one.endpoint, "Version"]);
    else assert.ok(one.name && one.version);
  for (const { error } of await discover({ signal: AbortSignal.abort() }))
    assert.equal(error?.reason, "aborted_by_caller");
  await failure(discover({ timeoutMs: -1 }), "invalid_option");
});
