import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { sentName } from "../../src/images/names.js";
import {
  defaultPullPolicy,
  familiarReference,
  formatReference,
  isCriError,
  normalizeReference,
  parseReference,
} from "../../src/index.js";
import { thrown } from "./support.js";

const digest = `sha256:${"ab".repeat(32)}`;

test("normalising: Docker Hub's rules, and what is no name", () => {
  const names: Readonly<Record<string, string>> = {
    busybox: "docker.io/library/busybox:latest",
    "busybox:1": "docker.io/library/busybox:1",
    "foo/bar": "docker.io/foo/bar:latest",
    "index.docker.io/busybox": "docker.io/library/busybox:latest",
    "localhost/x": "localhost/x:latest",
    "localhost:5000/x:2": "localhost:5000/x:2",
    "localhost:5000": "docker.io/library/localhost:5000",
    "[::1]:5000/x": "[::1]:5000/x:latest",
    "Upper/x": "Upper/x:latest",
    [`busybox:1@${digest}`]: `docker.io/library/busybox@${digest}`,
    [`a.b/c@${digest}`]: `a.b/c@${digest}`,
  };
  for (const [name, full] of Object.entries(names)) assert.equal(normalizeReference(name), full);
  for (const bad of [
    "",
    "a b",
    "A",
    "https://x/y",
    "x:",
    "x@sha256:12",
    "-x",
    "x//y",
    "a".repeat(256),
    "0a".repeat(32),
  ])
    assert.equal(thrown(() => normalizeReference(bad)).reason, "invalid_image_reference", bad);
});

test("familiar names are the shortest that mean the same", () => {
  const names: Readonly<Record<string, string>> = {
    "docker.io/library/busybox:latest": "busybox",
    "docker.io/library/busybox:1": "busybox:1",
    "docker.io/foo/bar:1": "foo/bar:1",
    "quay.io/x:latest": "quay.io/x",
    // Each of these would be read as another one, were it shortened.
    "docker.io/library/foo/bar:1": "library/foo/bar:1",
    "docker.io/localhost/x:1": "docker.io/localhost/x:1",
    "docker.io/a.b/x:1": "docker.io/a.b/x:1",
    [`docker.io/library/x:latest@${digest}`]: `x:latest@${digest}`,
    [`docker.io/library/x@${digest}`]: `x@${digest}`,
  };
  for (const [full, short] of Object.entries(names)) {
    assert.equal(familiarReference(parseReference(full)), short);
    assert.deepEqual(parseReference(short), parseReference(full));
  }
});

test("what is sent: ids as digits, names as they are with latest where nothing else is said", () => {
  const id = "0a".repeat(32);
  const names: Readonly<Record<string, string>> = {
    busybox: "busybox:latest",
    "busybox:1": "busybox:1",
    "localhost:5000/x": "localhost:5000/x:latest",
    [`x@${digest}`]: `x@${digest}`,
    [`x:1@${digest}`]: `x:1@${digest}`,
    [id]: id,
    [`sha256:${id}`]: id,
  };
  for (const [name, sent] of Object.entries(names)) assert.equal(sentName(name), sent);
  assert.equal(thrown(() => sentName("A b")).reason, "invalid_image_reference");
});

test("the kubelet's default policy", () => {
  for (const name of ["x", "x:latest", `x:latest@${digest}`]) assert.equal(defaultPullPolicy(name), "Always");
  for (const name of ["x:1", `x@${digest}`, "0a".repeat(32)])
    assert.equal(defaultPullPolicy(name), "IfNotPresent");
});

test("any text is a reference that prints back equal, or a typed error", () => {
  const words = fc.constantFrom(
    "a",
    "B",
    "docker.io",
    "library",
    "localhost",
    ":",
    "/",
    "@",
    digest,
    "5000",
    "_",
    "-",
    ".",
    "[::1]",
  );
  const texts = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.array(words, { maxLength: 8 }).map((all) => all.join("")),
  );
  let good = 0;
  fc.assert(
    fc.property(texts, (text) => {
      try {
        const reference = parseReference(text);
        assert.deepEqual(parseReference(formatReference(reference)), reference);
        assert.deepEqual(parseReference(familiarReference(reference)), reference);
        assert.equal(normalizeReference(normalizeReference(text)), normalizeReference(text));
        assert.equal(normalizeReference(sentName(text)), normalizeReference(text));
        good++;
      } catch (error) {
        if (!isCriError(error)) throw error;
        assert.equal(error.reason, "invalid_image_reference");
      }
    }),
    { numRuns: 5_000 },
  );
  assert.ok(good > 250, `only ${good} texts were references`);
});
