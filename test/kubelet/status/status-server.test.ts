// The read-only port: what its page and its other answers have, and what it refuses.
import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import { type TestContext, test } from "node:test";
import type { KubeletOptions } from "../../../src/kubelet/index.js";
import { html } from "../../../src/kubelet/server/status/html.js";
import type { Pod } from "../../../src/kubernetes/index.js";
import { kubeletNode, ListSource, onePod, untilPhase } from "../../support/kubelets.js";
import { until, within } from "../../support/waiting.js";

/** A kubelet with a status page, and requests to it. */
async function statusPort(
  t: TestContext,
  pods: readonly Pod[],
  readOnlyPort: KubeletOptions["readOnlyPort"] = { port: 0 },
) {
  const node = await kubeletNode(t);
  const kubelet = await node.start([new ListSource("list", pods)], { readOnlyPort });
  const { port } = new URL(kubelet.statusUrl ?? "");
  const get = async (
    path: string,
    { method = "GET", host = `127.0.0.1:${port}` }: { method?: string; host?: string } = {},
  ) => {
    const call = request({ host: "127.0.0.1", port, path, method, headers: { host }, agent: false });
    call.end();
    const [response] = await within(20_000, once(call, "response"), path);
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk);
    return { status: response.statusCode, headers: response.headers, text: Buffer.concat(chunks).toString() };
  };
  return { ...node, kubelet, get };
}

test("without the option there is no port", async (t) => {
  const node = await kubeletNode(t);
  const kubelet = await node.start([new ListSource("list", [])]);
  assert.equal(kubelet.statusUrl, undefined);
});

test("it listens on this machine only, and ends with the kubelet", async (t) => {
  const { kubelet, get } = await statusPort(t, []);
  assert.match(kubelet.statusUrl ?? "", /^http:\/\/127\.0\.0\.1:\d+\/$/);
  assert.equal((await get("/")).status, 200);
  await kubelet.close();
  await assert.rejects(get("/"), { code: "ECONNREFUSED" });
});

test("the page shows Pods, conditions and events, and links to logs", async (t) => {
  const crashing = onePod("crashing", ["exit", "3"]);
  const { kubelet, get } = await statusPort(t, [onePod("web"), crashing]);
  await untilPhase(kubelet, "Running", "web");
  await until(
    () => (kubelet.pod("test", "crashing")?.status.containerStatuses?.[0]?.restartCount ?? 0) > 0,
    "a restart",
  );
  await until(() => kubelet.isReady(), "the node is ready");
  const { status, headers, text } = await get("/");
  assert.equal(status, 200);
  assert.equal(headers["content-type"], "text/html; charset=utf-8");
  assert.match(text, /<h1>node <span class="mark good">Ready<\/span><\/h1>/);
  assert.match(
    text,
    /data-title="Name">web<\/th>\s*<td data-title="Status"><span class="mark good">Running</,
  );
  assert.match(text, /<span class="mark bad">(?:CrashLoopBackOff|Error)</);
  assert.match(text, /MemoryPressure/);
  assert.match(text, /<td data-title="Reason">Started<\/td>\s*<td data-title="Object">test\/web<\/td>/);
  assert.match(text, /<a href="\/logs\/test\/web\/main">main<\/a>/);
  assert.match(text, /<a class="quiet" href="\/logs\/test\/crashing\/main\?previous=true">previous<\/a>/);
  assert.doesNotMatch(text, /<script|javascript:| on\w+="/i);
});

test("the page is loaded again, unless it is asked not to", async (t) => {
  const { get } = await statusPort(t, []);
  const refresh = async (path: string) =>
    /http-equiv="refresh" content="(\d+)"/.exec((await get(path)).text)?.[1];
  assert.equal(await refresh("/"), "5");
  assert.equal(await refresh("/?refresh=30"), "30");
  assert.equal(await refresh("/?refresh=9999"), "3600");
  assert.equal(await refresh("/?refresh=-1"), "5");
  assert.equal(await refresh("/?refresh=0"), undefined);
});

test("logs are text of the last lines, also of the instance before", async (t) => {
  const { kubelet, get } = await statusPort(t, [
    onePod("talking", ["print", "<b>one</b>", "two"], { restartPolicy: "Never" }),
  ]);
  await untilPhase(kubelet, "Succeeded", "talking");
  const { status, headers, text } = await get("/logs/test/talking/main");
  assert.equal(status, 200, text);
  assert.equal(headers["content-type"], "text/plain; charset=utf-8");
  assert.equal(headers["x-content-type-options"], "nosniff");
  assert.match(text, /<b>one<\/b>/);
  assert.equal((await get("/logs/test/talking/main?tailLines=0")).text, "");
  assert.equal((await get("/logs/test/talking/main?previous=true")).status, 400);
  assert.equal((await get("/logs/test/talking/main?tailLines=x")).status, 400);
  for (const path of ["/logs/test/talking/other", "/logs/test/none/main", "/logs/other/talking/main"])
    assert.equal((await get(path)).status, 404, path);
});

test("Pods and the health are JSON", async (t) => {
  const { kubelet, get } = await statusPort(t, [onePod("web")]);
  await untilPhase(kubelet, "Running", "web");
  const pods = await get("/pods");
  assert.equal(pods.headers["content-type"], "application/json");
  const { kind, items } = JSON.parse(pods.text);
  assert.deepEqual([kind, items[0].metadata.name, items[0].status.phase], ["PodList", "web", "Running"]);
  await until(() => kubelet.isReady(), "the node is ready");
  const health = await get("/healthz");
  assert.deepEqual(
    [health.status, JSON.parse(health.text)],
    [200, { status: "ok", ready: true, problems: {} }],
  );
});

test("every answer has a policy that permits no script, no frame and no other origin", async (t) => {
  const { get } = await statusPort(t, []);
  for (const path of ["/", "/pods", "/healthz", "/none", "/logs/a/b/c"]) {
    const { headers } = await get(path);
    const policy = String(headers["content-security-policy"]);
    assert.match(
      policy,
      /^default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'/,
      path,
    );
    assert.doesNotMatch(policy, /script-src|unsafe/);
    assert.equal(headers["cross-origin-resource-policy"], "same-origin", path);
    assert.equal(headers["access-control-allow-origin"], undefined, path);
    assert.equal(headers["x-content-type-options"], "nosniff", path);
  }
  const nonce = async () =>
    /nonce-([^']+)'/.exec(String((await get("/")).headers["content-security-policy"]))?.[1];
  assert.notEqual(await nonce(), await nonce());
});

test("a name that does not belong to this machine is refused, so that no page of another site can read it", async (t) => {
  const { kubelet, get } = await statusPort(t, []);
  const { port } = new URL(kubelet.statusUrl ?? "");
  for (const host of [
    "attacker.example",
    `attacker.example:${port}`,
    "127.0.0.1.attacker.example",
    "a b",
    "[::1",
  ])
    for (const path of ["/", "/pods", "/healthz", "/logs/a/b/c"])
      assert.equal((await get(path, { host })).status, 421, `${host} ${path}`);
  for (const host of ["localhost", `LOCALHOST:${port}`, "127.0.0.1", `[::1]:${port}`, "node", "10.1.2.3:80"])
    assert.equal((await get("/", { host })).status, 200, host);
});

test("only GET and HEAD, and only the paths that exist", async (t) => {
  const { get } = await statusPort(t, []);
  for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
    assert.equal((await get("/", { method })).status, 405, method);
  const head = await get("/", { method: "HEAD" });
  assert.deepEqual([head.status, head.text], [200, ""]);
  for (const path of [
    ...["/exec/test/web/main", "/run/test/web/main", "/configz", "/metrics", "/pods/x", "/index.html"],
    ...["/logs", "/logs/a", "/logs/../../etc/passwd", "/logs/a/b/%2e%2e", "/logs/a/%2fetc/c", "/%", "//x/y"],
  ])
    assert.equal((await get(path)).status, 404, path);
});

test("values in HTML are escaped, whatever they are", () => {
  const evil = `<img src=x onerror=alert(1)>"'&\u0000\u001b`;
  const escaped = "&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;\uFFFD\uFFFD";
  assert.equal(
    String(html`<p title="${evil}">${[evil, html`<b>${evil}</b>`]}</p>`),
    `<p title="${escaped}">${escaped}<b>${escaped}</b></p>`,
  );
  assert.equal(String(html`${undefined}${false}${0}${[]}`), "0");
});

test("texts that a Pod, its image or its command choose are shown as text", async (t) => {
  const pod = onePod("web", ["run"]);
  const evil = "</span><script>alert(1)</script>";
  const bad: Pod = { ...pod, spec: { ...pod.spec, containers: [{ name: "main", image: evil }] } };
  const { kubelet, get } = await statusPort(t, [bad]);
  await until(
    () => kubelet.events().some(({ message }) => message.includes("script")),
    "an event with the text",
  );
  const { text } = await get("/");
  assert.match(text, /&lt;script&gt;alert\(1\)/);
  assert.doesNotMatch(text, /<script/);
});

test("a port in use fails the start, and a closed kubelet frees its port", async (t) => {
  const { kubelet, start, rootDir } = await statusPort(t, []);
  const readOnlyPort = { port: Number(new URL(kubelet.statusUrl ?? "").port) };
  const second = { readOnlyPort, rootDir: `${rootDir}-2` };
  await assert.rejects(start([new ListSource("list", [])], second), {
    reason: "unreachable",
    message: /cannot listen on 127\.0\.0\.1:\d+/,
  });
  await kubelet.close();
  const other = await start([new ListSource("list", [])], second);
  assert.equal(new URL(other.statusUrl ?? "").port, `${readOnlyPort.port}`);
});
