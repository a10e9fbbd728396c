// Who may use the console: the one-time link, the cookie, the names of the host, the origin, and the page's policy.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { checkout } from "../support/checkout.js";
import { openConsole } from "../support/console.js";
import { scripted } from "../support/embedded.js";

test("a link works once, and a used one is like an unknown one", async (t) => {
  const { cri } = await scripted(t);
  const own = await openConsole(t, cri);
  own.cookie = "";
  const { pathname, search } = new URL(own.console.newLink());
  const opened = await own.request(`${pathname}${search}`);
  assert.equal(opened.status, 303);
  assert.equal(opened.headers.location, "/");
  assert.match(
    opened.headers["set-cookie"]?.[0] ?? "",
    new RegExp(`^cri-console-${own.console.port}=[\\w-]{43}; Path=/; HttpOnly; SameSite=Strict$`),
  );
  const again = await own.request(`${pathname}${search}`);
  const unknown = await own.request(`/open?token=${"A".repeat(43)}`);
  const missing = await own.request("/open");
  for (const { status, body, headers } of [again, unknown, missing]) {
    assert.equal(status, 401);
    assert.equal(body, again.body);
    assert.equal(headers["set-cookie"], undefined);
  }
  assert.match(again.body, /each link works once/);
});

test("a link stays usable when a HEAD or a request under another name tried it", async (t) => {
  const { cri } = await scripted(t);
  const own = await openConsole(t, cri);
  const { pathname, search } = new URL(own.console.newLink());
  const foreign = await own.request(`${pathname}${search}`, { Host: "attacker.example" });
  assert.equal(foreign.status, 421);
  assert.equal((await own.request(`${pathname}${search}`, {}, { method: "HEAD" })).status, 405);
  assert.equal((await own.request(`${pathname}${search}`)).status, 303);
});

test("without the cookie of an opened link, every request is refused", async (t) => {
  const { cri } = await scripted(t);
  const own = await openConsole(t, cri);
  const paths = [
    "/",
    "/page/main.js",
    "/lib/lit-html/lit-html.js",
    "/api/images",
    "/api/container?id=1",
    "/other",
  ];
  for (const cookie of [undefined, "cri-console-1=x", `cri-console-${own.console.port}=${"A".repeat(43)}`])
    for (const path of paths)
      assert.equal((await own.request(path, { Cookie: cookie })).status, 401, `${path} with ${cookie}`);
  const { status } = await own.change({ action: "stop", kind: "pod", id: "1" }, { Cookie: undefined });
  assert.equal(status, 401);
  const origin = `http://${own.host}`;
  for (const path of ["/feed", "/log?container=1", "/terminal?container=1"])
    assert.equal(await own.refusal(path, {}, { origin }), 401, path);
});

test("only requests under names of this machine are accepted, with any port, for tunnels", async (t) => {
  const { cri } = await scripted(t);
  const own = await openConsole(t, cri);
  for (const host of ["127.0.0.1:9000", "localhost:80", "LOCALHOST", "[::1]:1"])
    assert.equal((await own.request("/", { Host: host })).status, 200, host);
  for (const host of [
    "attacker.example",
    "127.0.0.1.attacker.example:1",
    "localhost.attacker.example",
    "127.0.0.1@x",
    "",
  ])
    assert.equal((await own.request("/", { Host: host })).status, 421, host);
});

test("pages of other origins get nothing, although their requests have the cookie", async (t) => {
  const { cri } = await scripted(t);
  const own = await openConsole(t, cri);
  for (const site of ["same-site", "cross-site"])
    assert.equal((await own.request("/api/images", { "Sec-Fetch-Site": site })).status, 403, site);
  for (const site of ["same-origin", "none"])
    assert.equal((await own.request("/", { "Sec-Fetch-Site": site })).status, 200, site);
  const stop = { action: "stop", kind: "pod", id: "1" };
  for (const origin of [
    undefined,
    "null",
    "http://127.0.0.1:1",
    `https://${own.host}`,
    "http://attacker.example",
  ]) {
    assert.equal((await own.change(stop, { Origin: origin })).status, 403, `POST from ${origin}`);
    const options = origin === undefined ? {} : { origin };
    for (const path of ["/feed", "/log?container=1", "/terminal?container=1"])
      assert.equal(await own.refusal(path, { Cookie: own.cookie }, options), 403, `${path} from ${origin}`);
  }
  assert.equal((await own.change(stop, { "X-CRI-Console": undefined })).status, 403);
  // Nothing was wrong with the request itself: the pod is gone already.
  assert.equal((await own.change(stop)).status, 200);
});

test("the page's policy allows no script and no style but the console's own", async (t) => {
  const { cri } = await scripted(t);
  const own = await openConsole(t, cri);
  const [first, second] = [await own.request("/"), await own.request("/")];
  const policy = String(first.headers["content-security-policy"]);
  assert.match(policy, /default-src 'none'/);
  assert.match(policy, /frame-ancestors 'none'/);
  assert.match(policy, /require-trusted-types-for 'script'/);
  assert.doesNotMatch(policy, /unsafe|\*|data:|https?:/);
  const nonce = /'nonce-([\w+/=]{24})'/.exec(policy)?.[1] ?? "";
  assert.ok(first.body.includes(`nonce="${nonce}"`), first.body);
  assert.doesNotMatch(first.body, /\{\{/);
  assert.notEqual(
    second.headers["content-security-policy"],
    policy,
    "the nonce is another one for each request",
  );
  const file = await own.request("/page/main.js");
  for (const { headers } of [first, file, await own.request("/nothing")]) {
    assert.match(String(headers["content-security-policy"]), /default-src 'none'/);
    assert.equal(headers["x-content-type-options"], "nosniff");
    assert.equal(headers["referrer-policy"], "no-referrer");
    assert.equal(headers["cross-origin-resource-policy"], "same-origin");
    assert.equal(headers["cache-control"], "no-store");
  }
});

test("everything that the page loads is on this server, and nothing else", async (t) => {
  const { cri } = await scripted(t);
  const own = await openConsole(t, cri);
  const seen = new Set<string>();
  const load = async (path: string): Promise<void> => {
    if (seen.has(path)) return;
    seen.add(path);
    const { status, headers, body } = await own.request(path);
    assert.equal(status, 200, path);
    if (!path.startsWith("/page/") || !path.endsWith(".js")) return;
    assert.equal(headers["content-type"], "text/javascript; charset=utf-8");
    for (const [, imported = ""] of body.matchAll(/^import[^"]*"([^"]+)";/gm))
      await load(imported.startsWith(".") ? join("/page", imported) : (imports[imported] ?? imported));
  };
  const { body } = await own.request("/");
  const { imports } = JSON.parse(/<script type="importmap"[^>]*>([^<]*)</.exec(body)?.[1] ?? "");
  for (const path of Object.values<string>(imports)) await load(path);
  for (const [, path = ""] of body.matchAll(/(?:href|src)="([^"]+)"/g)) await load(path);
  assert.ok(seen.has("/page/terminal-policy.js"), [...seen].join());
  for (const path of [
    "/page/../main.js",
    "/page/index.html",
    "/page/tsconfig.json",
    "/lib/../package.json",
    "/api/none",
  ])
    assert.equal((await own.request(path)).status, 404, path);
  assert.equal((await own.request("/", {}, { method: "PUT" })).status, 405);
  assert.doesNotMatch(readFileSync(join(checkout, "examples/console/page/index.html"), "utf8"), /https?:/);
});
