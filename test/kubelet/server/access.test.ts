import assert from "node:assert/strict";
import { connect as tcpConnect } from "node:net";
import { test } from "node:test";
import { connect as tlsConnect } from "node:tls";
import type { KubeletAccess, KubeletUser } from "../../../src/kubelet/index.js";
import { ReviewCache } from "../../../src/kubelet/server/access/review-cache.js";
import { servedPods } from "../../support/kubelet-server.js";
import { onePod } from "../../support/kubelets.js";
import { within } from "../../support/waiting.js";

/** Paths with the method and the subresources that permit them. */
const paths: readonly (readonly [method: string, path: string, verb: string, ...subresources: string[]])[] = [
  ["GET", "/exec/test/a/main?command=x&output=1", "get", "proxy"],
  ["POST", "/exec/test/a/main?command=x&output=1", "create", "proxy"],
  ["POST", "/exec/test/a/uid/main?command=x&output=1", "create", "proxy"],
  ["POST", "/attach/test/a/main?output=1", "create", "proxy"],
  ["POST", "/portForward/test/a", "create", "proxy"],
  ["POST", "/run/test/a/main?cmd=x", "create", "proxy"],
  ["GET", "/containerLogs/test/a/main", "get", "proxy"],
  ["GET", "/pods", "get", "pods", "proxy"],
  ["GET", "/pods/", "get", "pods", "proxy"],
  ["GET", "/runningpods/", "get", "pods", "proxy"],
  ["GET", "/healthz", "get", "healthz", "proxy"],
  ["GET", "/healthz/ping", "get", "healthz", "proxy"],
  ["GET", "/configz", "get", "configz", "proxy"],
  ["GET", "/stats/summary", "get", "stats"],
  ["GET", "/stats/other", "get", "stats"],
  ["GET", "/metrics", "get", "metrics"],
  ["GET", "/metrics/cadvisor", "get", "metrics"],
  ["GET", "/metrics/resource", "get", "metrics"],
  ["GET", "/metrics/probes", "get", "metrics"],
  ["GET", "/logs/", "get", "log"],
  ["GET", "/logs/syslog", "get", "log"],
  ["POST", "/checkpoint/test/a/main", "create", "checkpoint"],
  ["GET", "/", "get", "proxy"],
  ["GET", "/unknown/path", "get", "proxy"],
  ["PUT", "/pods", "update", "pods", "proxy"],
  ["DELETE", "/metrics", "delete", "metrics"],
  // A path with a part that is not a name is unknown: it leads nowhere else.
  ["GET", "/metrics/../exec/test/a/main", "get", "proxy"],
  ["GET", "/%70ods", "get", "pods", "proxy"],
  ["GET", "//pods", "get", "proxy"],
  ["GET", "/pods%2f..%2fexec", "get", "proxy"],
  ["GET", "/constructor", "get", "proxy"],
  ["GET", "/%", "get", "proxy"],
];

test("nothing is answered without authentication, whatever the path and the method", async (t) => {
  const { server } = await servedPods(t, []);
  for (const [method, path] of paths)
    for (const authorization of ["", "Bearer", "Bearer other", "Basic YWRtaW46YWRtaW4="]) {
      const upgrade = path.startsWith("/exec") ? { connection: "Upgrade", upgrade: "SPDY/3.1" } : {};
      const answer = await server.get(path, { method, headers: { authorization, ...upgrade } });
      assert.deepEqual([answer.status, answer.text], [401, "Unauthorized"], `${method} ${path}`);
    }
});

test("each path needs its subresource of nodes, and the verb of its method", async (t) => {
  const asked: KubeletAccess[] = [];
  const { server } = await servedPods(t, [], {
    options: {
      authenticate: async (token) => ({ name: token }),
      authorize: async (_user, access) => {
        asked.push(access);
        return { allowed: false };
      },
    },
  });
  for (const [index, [method, path, verb, ...subresources]] of paths.entries()) {
    asked.length = 0;
    // Answers are kept for each user.
    const answer = await server.get(path, { method, headers: { authorization: `Bearer u${index}` } });
    assert.equal(answer.status, 403, `${method} ${path}`);
    const text = `Forbidden (user=u${index}, verb=${verb}, resource=nodes, subresource(s)=[${subresources.join(" ")}])`;
    assert.equal(answer.text, text);
    const expected = subresources.map((subresource) => ({
      ...{ verb, resource: "nodes", subresource, name: "node", path: path.split("?")[0] },
    }));
    assert.deepEqual(asked, expected, `${method} ${path}`);
  }
});

test("the narrow subresource is enough, and so is proxy", async (t) => {
  const { server } = await servedPods(t, [], {
    options: {
      authenticate: async (token) => ({ name: token }),
      authorize: async ({ name }, { subresource }) => ({ allowed: name === subresource }),
    },
  });
  const statusOf = async (path: string, user: string) =>
    (await server.get(path, { headers: { authorization: `Bearer ${user}` } })).status;
  for (const user of ["pods", "proxy"]) assert.equal(await statusOf("/pods", user), 200);
  for (const user of ["healthz", "proxy"]) assert.equal(await statusOf("/healthz", user), 200);
  assert.equal(await statusOf("/metrics", "proxy"), 403);
  assert.equal(await statusOf("/metrics", "metrics"), 200);
  assert.equal(await statusOf("/pods", "metrics"), 403);
});

test("without authorize, only system:masters may do anything", async (t) => {
  const { server } = await servedPods(t, [], {
    options: {
      authenticate: async (token) => ({ name: "u", groups: token === "m" ? ["system:masters"] : ["others"] }),
    },
  });
  for (const [token, status] of [
    ["m", 200],
    ["o", 403],
  ] as const)
    assert.equal(
      (await server.get("/pods", { headers: { authorization: `Bearer ${token}` } })).status,
      status,
    );
});

test("users have the group of everybody who was authenticated, and reviews that fail are no permission", async (t) => {
  const users: KubeletUser[] = [];
  let isDown = false;
  const { server } = await servedPods(t, [], {
    options: {
      authenticate: async (token) => {
        if (token === "down") throw new Error("the API server does not answer");
        return { name: "jo", uid: "7", groups: ["a", "a"], extra: { scopes: ["x"] } };
      },
      authorize: async (user) => {
        users.push(user);
        if (isDown) throw new Error("the API server does not answer");
        return { allowed: true };
      },
    },
  });
  const get = (token: string, path = "/pods") =>
    server.get(path, { headers: { authorization: `Bearer ${token}` } });
  assert.equal((await get("t")).status, 200);
  assert.deepEqual(users, [
    { name: "jo", uid: "7", groups: ["a", "system:authenticated"], extra: { scopes: ["x"] } },
  ]);
  assert.equal((await get("down")).status, 401);
  isDown = true;
  assert.equal((await get("t")).status, 200, "the earlier answer is kept");
  const failed = await get("t", "/metrics");
  assert.equal(failed.status, 500);
  assert.match(failed.text, /^Authorization error \(user=jo, .*\): the API server does not answer$/);
});

test("unknown paths, methods, pods, containers and names that lead elsewhere are refused after authentication", async (t) => {
  const { server, cri } = await servedPods(t, [onePod("a")]);
  const calls = { method: "POST" };
  for (const path of [
    "/",
    "/unknown",
    "/exec",
    "/exec/test",
    "/exec/test/a",
    "/exec/test/a/b/main/more",
    "/containerLogs/test/a/uid/main",
    "/pods/a",
    "/healthz/ping/more",
    "/healthz/nothing",
    "/metrics/other",
    "/stats",
    "/stats/summary/more",
    "/logs/",
    "/logs/..%2f..%2fetc%2fpasswd",
    "/containerLogs/test/a/..",
    "/containerLogs/test/../main",
    "/containerLogs/../a/main",
    "/containerLogs/test/a/%2e%2e",
    "/containerLogs/test/a/..%2f..%2f..%2fetc%2fpasswd",
    "/containerLogs/test/a%2fmain/main",
    "/containerLogs/test/a/main%00",
    "/containerLogs/test/a/main%5c",
    "/containerLogs//a/main",
    "/containerLogs/test/a/%",
    "/containerLogs/test/a/%ff",
    "/containerLogs/test/a/other",
    "/containerLogs/test/other/main",
    "/containerLogs/other/a/main",
    "/containerLogs/test/a/__proto__",
  ])
    assert.equal((await server.get(path)).status, 404, path);
  for (const path of [
    "/run/test/a/other?cmd=x",
    "/run/test/a/no-such-uid/main?cmd=x",
    "/run/test/b/main?cmd=x",
    "/checkpoint/test/a/other",
    "/checkpoint/test/b/main",
    "/checkpoint/test/a/..%2f..%2fmain",
  ])
    assert.equal((await server.get(path, calls)).status, 404, path);
  for (const [method, path, allow] of [
    ["POST", "/pods", "GET, HEAD"],
    ["DELETE", "/exec/test/a/main", "GET, POST"],
    ["GET", "/checkpoint/test/a/main", "POST"],
    ["POST", "/metrics/resource", "GET, HEAD"],
  ] as const) {
    const answer = await server.get(path, { method });
    assert.deepEqual([answer.status, answer.headers.allow], [405, allow], path);
  }
  for (const path of [
    "/containerLogs/test/a/main?tailLines=x",
    "/containerLogs/test/a/main?tailLines=1.5",
    "/containerLogs/test/a/main?tailLines=99999999999999999999",
    "/containerLogs/test/a/main?sinceSeconds=1e3",
    "/containerLogs/test/a/main?sinceTime=yesterday",
    "/containerLogs/test/a/main?limitBytes=0x10",
    "/containerLogs/test/a/main?follow=perhaps",
    "/run/test/a/main",
    "/exec/test/a/main?output=1&command=x",
  ])
    assert.equal((await server.get(path)).status, 400, path);
  assert.equal((await server.get("/checkpoint/test/a/main?timeout=-1", calls)).status, 400);
  for (const path of [
    "/containerLogs/test/a/main?tailLines=-1",
    "/containerLogs/test/a/main?sinceSeconds=0",
    "/containerLogs/test/a/main?limitBytes=0",
    "/containerLogs/test/a/main?sinceSeconds=1&sinceTime=2026-01-01T00:00:00Z",
    "/containerLogs/test/a/main?stream=Both",
    "/containerLogs/test/a/main?stream=Stdout&tailLines=1",
  ])
    assert.equal((await server.get(path)).status, 422, path);
  // A long query is read, and one beyond the limit refused before anything is read of it.
  assert.equal((await server.get(`/pods?x=${"y".repeat(200_000)}`)).status, 200);
  assert.equal((await server.get(`/pods?x=${"y".repeat(300_000)}`)).status, 431);
  assert.deepEqual((await cri.runtime.listContainers({})).containers.length, 1);
});

test("ALPN offers HTTP/1.1 only, and connections that send nothing are closed", {
  timeout: 60_000,
}, async (t) => {
  const { server } = await servedPods(t, []);
  const { port } = server.server;
  const protocolFor = (offered: string[]) =>
    new Promise<unknown>((resolve) => {
      const socket = tlsConnect({
        port,
        host: "127.0.0.1",
        rejectUnauthorized: false,
        ALPNProtocols: offered,
      });
      socket.once("secureConnect", () => {
        resolve(socket.alpnProtocol);
        socket.destroy();
      });
      socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code));
    });
  assert.equal(await protocolFor(["h2", "http/1.1"]), "http/1.1");
  assert.notEqual(await protocolFor(["h2"]), "h2");
  assert.equal(await protocolFor([]), false);
  const silent = tcpConnect({ port, host: "127.0.0.1" });
  const slow = tlsConnect({ port, host: "127.0.0.1", rejectUnauthorized: false });
  slow.write("GET /pods HTTP/1.1\r\nHost: x\r\n");
  const idle = tlsConnect({ port, host: "127.0.0.1", rejectUnauthorized: false });
  for (const socket of [silent, slow, idle]) socket.on("error", () => undefined).resume();
  await within(
    40_000,
    Promise.all(
      [silent, slow, idle].map((socket) => new Promise((resolve) => socket.once("close", resolve))),
    ),
    "closing silent connections",
  );
});

test("health is served without authentication where configured, and nothing else there", async (t) => {
  let problem: string | undefined;
  const { server } = await servedPods(t, [], {
    options: { healthz: { port: 0 } },
    parts: { healthChecks: { syncloop: () => problem } },
  });
  const get = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`http://127.0.0.1:${server.server.healthPort}${path}`, init);
    return [response.status, await response.text()];
  };
  assert.deepEqual(await get("/healthz"), [200, "ok"]);
  assert.deepEqual(await get("/healthz/syncloop"), [200, "ok"]);
  const all = "[+]ping ok\n[+]log ok\n[+]syncloop ok\nhealthz check passed\n";
  assert.deepEqual(await get("/healthz?verbose"), [200, all]);
  problem = "no relist for 3m0s";
  assert.deepEqual(await get("/healthz/ping"), [200, "ok"]);
  const failed = "[+]ping ok\n[+]log ok\n[-]syncloop failed: no relist for 3m0s\nhealthz check failed\n";
  assert.deepEqual(await get("/healthz"), [500, failed]);
  assert.equal((await server.get("/healthz")).status, 500);
  for (const path of ["/pods", "/metrics", "/", "/exec/test/a/main?command=x", "/healthz/nothing"])
    assert.deepEqual(await get(path), [404, "404 page not found\n"], path);
  assert.equal((await get("/healthz", { method: "POST" }))[0], 405);
});

test("reviews are kept for their time, asked once, and bounded in number", async () => {
  let now = 0;
  let asked = 0;
  const cache = new ReviewCache<boolean>({
    maxEntries: 2,
    lifetimeMs: (isAllowed) => (isAllowed ? 100 : 10),
    timeoutMs: 5_000,
    now: () => now,
  });
  const { signal } = new AbortController();
  const get = (key: string, answer = true) =>
    cache.get(key, signal, async () => {
      asked++;
      return answer;
    });
  assert.deepEqual(await Promise.all([get("a"), get("a"), get("a")]), [true, true, true]);
  assert.equal(asked, 1);
  now = 99;
  await get("a");
  assert.equal(asked, 1);
  now = 100;
  await get("a");
  assert.equal(asked, 2);
  await get("b", false);
  now = 109;
  assert.equal(await get("b"), false);
  now = 110;
  assert.equal(await get("b"), true);
  assert.equal(asked, 4);
  await get("c");
  assert.equal(asked, 5);
  await get("b");
  assert.equal(asked, 5);
  await get("a");
  assert.equal(asked, 6, "the oldest answer made place");
  const failing = cache.get("d", signal, async () => {
    throw new Error("down");
  });
  await assert.rejects(failing, { message: "down" });
  assert.equal(await get("d"), true, "failures are not kept");
  const waiting = new AbortController();
  const left = cache.get(
    "e",
    waiting.signal,
    (shared) =>
      new Promise((_, reject) => {
        shared.addEventListener("abort", () => reject(new Error("canceled")));
      }),
  );
  waiting.abort(new Error("left"));
  await assert.rejects(left);
});
