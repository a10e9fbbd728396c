import assert from "node:assert/strict";
import { test } from "node:test";
import { isCriError } from "../../src/core/index.js";
import { describeUrl, hostsOf, portOf, resolveUrl } from "../../src/streaming/url.js";

const forms: [string, string][] = [
  ["http://127.0.0.1:4000/exec/abc", "http://127.0.0.1:4000/exec/abc"],
  ["https://node:4000/cri/exec/abc?x=1", "https://node:4000/cri/exec/abc?x=1"],
  ["//10.0.0.1:4000/cri/exec/abc", "http://10.0.0.1:4000/cri/exec/abc"],
  ["/exec/a-b_c", "http://127.0.0.1/exec/a-b_c"],
  ["exec/abc", "http://127.0.0.1/exec/abc"],
  ["http://[::]:4000/attach/t", "http://[::]:4000/attach/t"],
];
for (const [text, expected] of forms)
  test(`the URL ${text}`, () => assert.equal(resolveUrl(text, {}).href, expected));

test("baseUrl completes a URL, then rewriteUrl replaces it", () => {
  assert.equal(resolveUrl("/exec/t", { baseUrl: "https://node:1" }).href, "https://node:1/exec/t");
  const rewriteUrl = (url: URL) => {
    url.host = "tunnel:9";
    return url;
  };
  assert.equal(resolveUrl("http://a:1/exec/t", { rewriteUrl }).href, "http://tunnel:9/exec/t");
  assert.equal(
    resolveUrl("http://a:1/exec/t", { rewriteUrl: () => "/other" }).href,
    "http://127.0.0.1/other",
  );
});

test("a wildcard host means this machine", () => {
  assert.deepEqual(hostsOf(new URL("http://[::]:1/x")), ["127.0.0.1", "::1"]);
  assert.deepEqual(hostsOf(new URL("http://0.0.0.0:1/x")), ["127.0.0.1", "::1"]);
  assert.deepEqual(hostsOf(new URL("http://[fe80::1]:1/x")), ["fe80::1"]);
  assert.equal(portOf(new URL("https://a/x")), 443);
  assert.equal(portOf(new URL("http://a/x")), 80);
});

test("invalid streaming URLs are refused", () => {
  for (const text of ["", "http://", "ftp://a/b", "unix:///run/x.sock"])
    assert.throws(
      () => resolveUrl(text, {}),
      (error) => isCriError(error) && error.reason === "invalid_option" && error.problems[0]?.path === "url",
    );
});

test("errors name the endpoint without its token", () => {
  assert.equal(describeUrl(new URL("http://h:1/cri/exec/secret?x=secret")), "http://h:1/cri/exec/…");
});
