import assert from "node:assert/strict";
import { test } from "node:test";
import { isCriError } from "../../src/core/index.js";
import { parseEndpoint } from "../../src/transport/endpoint.js";

const forms: [string, object][] = [
  ["unix:///run/x.sock", { kind: "unix", path: "/run/x.sock", url: "unix:///run/x.sock" }],
  ["unix:/run/x.sock", { kind: "unix", path: "/run/x.sock", url: "unix:///run/x.sock" }],
  ["UNIX:///run/x.sock", { kind: "unix", path: "/run/x.sock", url: "unix:///run/x.sock" }],
  ["/run/x.sock", { kind: "unix", path: "/run/x.sock", url: "unix:///run/x.sock" }],
  ["unix:///run/a%20b.sock", { kind: "unix", path: "/run/a b.sock", url: "unix:///run/a%20b.sock" }],
  ["unix:///run/x.sock?timeout=1", { kind: "unix", path: "/run/x.sock", url: "unix:///run/x.sock" }],
  ["unix:///run/a%3Fb", { kind: "unix", path: "/run/a?b", url: "unix:///run/a%3Fb" }],
  ["unix-abstract:name", { kind: "abstract", name: "name", url: "unix-abstract:name" }],
  ["@name", { kind: "abstract", name: "name", url: "unix-abstract:name" }],
  ["npipe:////./pipe/cri", { kind: "pipe", path: "\\\\.\\pipe\\cri", url: "npipe:////./pipe/cri" }],
  ["npipe://./pipe/cri", { kind: "pipe", path: "\\\\.\\pipe\\cri", url: "npipe:////./pipe/cri" }],
  ["npipe:\\\\.\\pipe\\cri", { kind: "pipe", path: "\\\\.\\pipe\\cri", url: "npipe:////./pipe/cri" }],
  ["npipe:///pipe/cri", { kind: "pipe", path: "\\\\.\\pipe\\cri", url: "npipe:////./pipe/cri" }],
  ["\\\\.\\pipe\\cri", { kind: "pipe", path: "\\\\.\\pipe\\cri", url: "npipe:////./pipe/cri" }],
  [
    "tcp://localhost:10010",
    { kind: "tcp", host: "localhost", port: 10010, tls: false, url: "tcp://localhost:10010" },
  ],
  ["http://10.0.0.1:80/", { kind: "tcp", host: "10.0.0.1", port: 80, tls: false, url: "tcp://10.0.0.1:80" }],
  ["https://node:443", { kind: "tcp", host: "node", port: 443, tls: true, url: "https://node:443" }],
  ["tcp://[::1]:10010", { kind: "tcp", host: "::1", port: 10010, tls: false, url: "tcp://[::1]:10010" }],
];

for (const [text, expected] of forms)
  test(`${text} is parsed, and its url parses to the same endpoint`, () => {
    const endpoint = parseEndpoint(text);
    assert.deepEqual({ ...endpoint }, expected);
    assert.ok(Object.isFrozen(endpoint));
    assert.deepEqual(parseEndpoint(endpoint.url), endpoint);
  });

const wrong: [string, RegExp][] = [
  ["", /empty/],
  ["unix://rel.sock", /absolute/],
  ["unix:rel", /absolute/],
  ["unix://", /absolute/],
  ["rel.sock", /relative/],
  ["./x.sock", /relative/],
  ["vsock://2:1", /scheme "vsock"/],
  ["unix:///run/%zz", /percent-escape/],
  ["unix:///run/%00", /NUL/],
  ["/run/\ud800", /Unicode/],
  ["unix-abstract:", /no name/],
  ["@", /no name/],
  ["npipe://x", /npipe:/],
  ["tcp://localhost", /port/],
  ["tcp://localhost:0", /port/],
  ["tcp://localhost:65536", /port/],
  ["tcp://user@host:1", /port/],
  ["tcp://host:1/path", /port/],
  ["https://:443", /port/],
];

for (const [text, why] of wrong)
  test(`${JSON.stringify(text)} is rejected with the value and the reason`, () => {
    assert.throws(
      () => parseEndpoint(text),
      (error) =>
        isCriError(error) &&
        error.code === "invalid_argument" &&
        error.reason === "invalid_endpoint" &&
        error.problems[0]?.value === text &&
        why.test(error.rawMessage) &&
        error.rawMessage.includes(JSON.stringify(text)),
    );
  });

test("a socket path has at most 107 bytes in UTF-8", () => {
  assert.equal(parseEndpoint(`/${"a".repeat(106)}`).kind, "unix");
  assert.throws(() => parseEndpoint(`/${"a".repeat(107)}`), /108 bytes; the kernel allows 107/);
  assert.throws(() => parseEndpoint(`/${"é".repeat(54)}`), /109 bytes/);
  assert.equal(parseEndpoint(`@${"a".repeat(107)}`).kind, "abstract");
  assert.throws(() => parseEndpoint(`@${"a".repeat(108)}`), /107/);
});
