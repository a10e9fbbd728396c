import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { requestName } from "../../src/images/names.js";
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

test("normalizeReference() applies Docker Hub's rules and refuses invalid names", () => {
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
  for (const invalid of [
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
    assert.equal(thrown(() => normalizeReference(invalid)).reason, "invalid_image_reference", invalid);
});

test("familiarReference() returns the shortest equivalent name", () => {
  const names: Readonly<Record<string, string>> = {
    "docker.io/library/busybox:latest": "busybox",
    "docker.io/library/busybox:1": "busybox:1",
    "docker.io/foo/bar:1": "foo/bar:1",
    "quay.io/x:latest": "quay.io/x",
    // The short form of each of these would parse differently.
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

test("requestName() returns the digits of an id, and a name as written with latest as the default tag", () => {
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
  for (const [name, expected] of Object.entries(names)) assert.equal(requestName(name), expected);
  assert.equal(thrown(() => requestName("A b")).reason, "invalid_image_reference");
});

test("defaultPullPolicy() is the kubelet's default", () => {
  for (const name of ["x", "x:latest", `x:latest@${digest}`]) assert.equal(defaultPullPolicy(name), "Always");
  for (const name of ["x:1", `x@${digest}`, "0a".repeat(32)])
    assert.equal(defaultPullPolicy(name), "IfNotPresent");
});

test("any text parses to a reference that round-trips, or throws invalid_image_reference", () => {
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
  let valid = 0;
  fc.assert(
    fc.property(texts, (text) => {
      try {
        const reference = parseReference(text);
        assert.deepEqual(parseReference(formatReference(reference)), reference);
        assert.deepEqual(parseReference(familiarReference(reference)), reference);
        assert.equal(normalizeReference(normalizeReference(text)), normalizeReference(text));
        assert.equal(normalizeReference(requestName(text)), normalizeReference(text));
        valid++;
      } catch (error) {
        if (!isCriError(error)) throw error;
        assert.equal(error.reason, "invalid_image_reference");
      }
    }),
    { numRuns: 5_000 },
  );
  assert.ok(valid > 250, `only ${valid} texts were valid`);
});
