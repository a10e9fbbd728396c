import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import { ExecRequestSchema, PortForwardRequestSchema } from "../../gen/runtime/v1/api_pb.js";
import type { CriError } from "../../src/core/index.js";
import { createStreamingServer } from "../../src/server/index.js";
import { exec } from "../../src/streaming/index.js";
import { failure } from "../support/failure.js";
import { serve } from "../support/streaming-server.js";
import { within } from "../support/waiting.js";

const handlers = { exec: async () => 0, attach: async () => undefined, portForward: async () => undefined };
const request = { containerId: "c", stdout: true };

function thrown(act: () => unknown): CriError {
  try {
    act();
  } catch (error) {
    return error as CriError;
  }
  return assert.fail("it did not throw");
}

test("each URL is unique and valid for its kind of session only", async (t) => {
  const { server } = await serve(t, handlers);
  const urls = Array.from({ length: 100 }, () => server.exec(request).url);
  assert.equal(new Set(urls).size, 100);
  for (const url of urls) assert.match(url, /^http:\/\/127\.0\.0\.1:\d+\/exec\/[\w-]{22}$/);
  const [url = ""] = urls;
  for (const kind of ["attach", "portforward"])
    assert.equal((await failure(exec(url.replace("/exec/", `/${kind}/`)))).reason, "stream_url_spent");
  assert.equal((await failure(exec(url))).reason, "stream_url_spent", "the wrong path did not spend it");
});

test("a URL can be used once", async (t) => {
  const { server } = await serve(t, handlers);
  const { url } = server.exec(request);
  const session = await exec(url, { stderr: false });
  await within(5_000, session.ended);
  assert.equal((await failure(exec(url, { stderr: false }))).reason, "stream_url_spent");
});

test("a URL is valid for its lifetime and not longer", async (t) => {
  const { server } = await serve(t, handlers, { tokenLifetimeMs: 300 });
  const young = server.exec(request).url;
  const old = server.exec(request).url;
  const session = await exec(young, { stderr: false });
  await within(5_000, session.ended);
  await pause(350);
  assert.equal((await failure(exec(old, { stderr: false }))).reason, "stream_url_spent");
});

test("unused URLs are limited; used and expired ones do not count", async (t) => {
  const { server } = await serve(t, handlers, { maxTokens: 3, tokenLifetimeMs: 300 });
  const { url } = server.exec(request);
  server.attach(request);
  server.portForward({ podSandboxId: "p" });
  const full = thrown(() => server.exec(request));
  assert.deepEqual([full.code, full.reason], ["resource_exhausted", "stream_limit"]);
  await exec(url, { stderr: false }).then((session) => session.close());
  server.exec(request);
  thrown(() => server.exec(request));
  await pause(350);
  for (let n = 0; n < 3; n++) server.exec(request);
});

test("the default limit is 1,000 unused URLs", async (t) => {
  const { server } = await serve(t, handlers);
  for (let n = 0; n < 1_000; n++) server.exec(request);
  assert.equal(thrown(() => server.exec(request)).code, "resource_exhausted");
});

test("requests that runtimes refuse are refused, with every violation", async (t) => {
  const { server } = await serve(t, handlers);
  const refused = (act: () => unknown, ...paths: string[]) => {
    const error = thrown(act);
    assert.deepEqual([error.code, error.reason], ["invalid_argument", "invalid_request"]);
    assert.deepEqual(
      error.problems.map(({ path }) => path),
      paths,
    );
  };
  refused(() => server.exec({ containerId: "c", tty: true, stdout: true, stderr: true }), "stderr");
  refused(() => server.exec({ containerId: "c" }), "stdin");
  refused(() => server.attach({ containerId: "", tty: true }), "containerId", "stdin");
  refused(() => server.portForward({ podSandboxId: "" }), "podSandboxId");
  refused(() => server.portForward({ podSandboxId: "p", port: [80, 0, 65_536] }), "port[1]", "port[2]");
  // Runtimes accept an empty command here, and fail when they run it.
  assert.ok(server.exec({ containerId: "c", cmd: [], stdin: true }).url);
});

test("a missing handler and a closed server refuse requests", async (t) => {
  const { server } = await serve(t, { exec: handlers.exec });
  assert.equal(thrown(() => server.attach(request)).reason, "unimplemented");
  assert.equal(thrown(() => server.portForward({ podSandboxId: "p" })).code, "unimplemented");
  await server.close();
  assert.equal(thrown(() => server.exec(request)).reason, "server_closed");
});

test("CRI's own request messages are accepted", async (t) => {
  const { server } = await serve(t, handlers);
  server.exec(create(ExecRequestSchema, { containerId: "c", cmd: ["ls"], stdout: true }));
  server.portForward(create(PortForwardRequestSchema, { podSandboxId: "p", port: [80] }));
});

test("the base of the URLs can be set, with a path prefix", async (t) => {
  const { server } = await serve(t, handlers, { baseUrl: "https://node.example:10250/cri/" });
  assert.match(server.exec(request).url, /^https:\/\/node\.example:10250\/cri\/exec\/[\w-]+$/);
});

test("invalid options and unusable addresses are refused", async (t) => {
  for (const options of [
    { port: -1 },
    { port: 1.5 },
    { maxTokens: 0 },
    { tokenLifetimeMs: 0 },
    { streamTimeoutMs: Number.NaN },
    { idleTimeoutMs: 2 ** 31 },
    { baseUrl: "ftp://x" },
    { baseUrl: "no url" },
  ])
    assert.equal(
      (await failure(createStreamingServer({}, options))).reason,
      "invalid_option",
      JSON.stringify(options),
    );
  const { server } = await serve(t, handlers);
  const port = Number(new URL(server.baseUrl).port);
  const taken = await failure(createStreamingServer({}, { port }));
  assert.deepEqual([taken.code, taken.reason], ["unavailable", "unreachable"]);
});

test("a wildcard address gives URLs with the loopback address", async (t) => {
  const { server } = await serve(t, handlers, { host: "0.0.0.0" });
  assert.match(server.baseUrl, /^http:\/\/127\.0\.0\.1:/);
  const session = await exec(server.exec(request).url, { stderr: false });
  await within(5_000, session.ended);
});
