import assert from "node:assert/strict";
import { test } from "node:test";
import {
  canonicalName,
  isCriError,
  parseReference,
  repositoryOf,
  tryParseReference,
} from "../../src/core/index.js";

const hex = "0123456789abcdef".repeat(4);
const digest = `sha256:${hex}`;

test("a name is completed with the registry, `library/` and `latest`", () => {
  const names = {
    busybox: "docker.io/library/busybox:latest",
    "busybox:1.37": "docker.io/library/busybox:1.37",
    "foo/bar": "docker.io/foo/bar:latest",
    "docker.io/busybox": "docker.io/library/busybox:latest",
    "docker.io/foo/bar:1": "docker.io/foo/bar:1",
    "index.docker.io/busybox:1": "docker.io/library/busybox:1",
    "index.docker.io/foo/bar:1": "docker.io/foo/bar:1",
    // The first segment is a domain with a dot, a colon or an upper-case letter, or as localhost.
    "quay.io/x": "quay.io/x:latest",
    "registry.k8s.io/pause:3.10": "registry.k8s.io/pause:3.10",
    "localhost/x": "localhost/x:latest",
    "localhost:5000/x:1": "localhost:5000/x:1",
    "host:5000/a/b/c:1": "host:5000/a/b/c:1",
    "MyHost/x": "MyHost/x:latest",
    "[::1]:5000/x": "[::1]:5000/x:latest",
    "[fe80::1]/x:2": "[fe80::1]/x:2",
    // Without a slash there is no domain.
    localhost: "docker.io/library/localhost:latest",
    "localhost:5000": "docker.io/library/localhost:5000",
    "quay.io": "docker.io/library/quay.io:latest",
    // What a component may be joined by.
    "x/a.b_c__d-e---f": "docker.io/x/a.b_c__d-e---f:latest",
    "x:_A.b-9": "docker.io/library/x:_A.b-9",
    [`x:${"t".repeat(128)}`]: `docker.io/library/x:${"t".repeat(128)}`,
    // A digest decides; a tag beside it says nothing.
    [`busybox@${digest}`]: `docker.io/library/busybox@${digest}`,
    [`busybox:1.37@${digest}`]: `docker.io/library/busybox@${digest}`,
    [`localhost:5000/x@sha512:${hex}${hex}`]: `localhost:5000/x@sha512:${hex}${hex}`,
    // Hexadecimal digits are a name as long as they are not an id.
    abc: "docker.io/library/abc:latest",
    [hex.slice(1)]: `docker.io/library/${hex.slice(1)}:latest`,
    // containerd, too, reads this as a tag, before it looks for an id.
    [digest]: `docker.io/library/${digest}`,
    [`x/${hex}`]: `docker.io/x/${hex}:latest`,
  };
  for (const [name, canonical] of Object.entries(names))
    assert.equal(canonicalName(parseReference(name)), canonical, name);
});

test("the parts are told apart", () => {
  assert.deepEqual(parseReference("localhost:5000/a/b:1"), {
    domain: "localhost:5000",
    path: "a/b",
    tag: "1",
    digest: undefined,
  });
  assert.deepEqual(parseReference(`busybox:1@${digest}`), {
    domain: "docker.io",
    path: "library/busybox",
    tag: "1",
    digest,
  });
  assert.equal(parseReference(`busybox@${digest}`).tag, undefined);
  assert.equal(repositoryOf(parseReference("quay.io/a/b:1")), "quay.io/a/b");
});

test("what is no name is refused, in the words of containerd", () => {
  const format = /invalid reference format$/;
  const refused: Readonly<Record<string, RegExp>> = {
    "": format,
    " busybox": format,
    "busybox ": format,
    "https://quay.io/x": format,
    "x:": format,
    "x@": format,
    ":1": format,
    "/x": format,
    "x//y": format,
    "x/": format,
    "-x": format,
    "x-": format,
    "a..b": format,
    a___b: format,
    "a._b": format,
    "x:.a": format,
    "x:-a": format,
    [`x:${"t".repeat(129)}`]: format,
    "quay.io/x:a:b": format,
    "host:port/x": format,
    "a.b_c/g": format,
    "-quay.io/x": format,
    "[::1/x": format,
    Busybox: /repository name \(library\/Busybox\) must be lowercase$/,
    "quay.io/Foo:1": /repository name \(Foo\) must be lowercase$/,
    [hex]: /cannot specify 64-byte hexadecimal strings$/,
    "x@sha256:abc": format,
    [`x@sha256:${hex.slice(1)}`]: /invalid checksum digest length$/,
    [`x@sha256:${hex}0`]: /invalid checksum digest length$/,
    [`x@sha256:${hex.toUpperCase()}`]: /invalid checksum digest format$/,
    [`x@md5:${hex.slice(32)}`]: /unsupported digest algorithm$/,
    [`quay.io/${"x".repeat(248)}`]: /must not be more than 255 characters$/,
  };
  for (const [name, text] of Object.entries(refused)) {
    assert.throws(
      () => parseReference(name),
      (error) => {
        assert.ok(isCriError(error));
        assert.match(error.rawMessage, text, name);
        assert.ok(error.rawMessage.startsWith(`failed to parse image reference ${JSON.stringify(name)}: `));
        assert.deepEqual([error.code, error.reason], ["invalid_argument", "invalid_image_reference"]);
        return true;
      },
      name,
    );
    assert.equal(tryParseReference(name), undefined);
  }
  assert.equal(repositoryOf(parseReference(`quay.io/${"x".repeat(247)}`)).length, 255);
});
