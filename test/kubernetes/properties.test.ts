// Properties of all Pods: texts are read as they were printed, defaults are idempotent, validation never throws.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { stringify } from "yaml";
import { isCriError } from "../../src/index.js";
import { checkPod, defaultPod, type Pod, parseManifests, validatePod } from "../../src/kubernetes.js";
import { brokenPod, typedPod } from "../support/arbitrary-typed-pods.js";

/** As fast-check prints objects without a prototype, and -0. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

test("a Pod that is printed, as JSON or YAML, is read as it was", () => {
  fc.assert(
    fc.property(typedPod, (pod) => {
      // Null is as good as absent, and a Pod has none of its own.
      for (const text of [
        JSON.stringify(pod),
        JSON.stringify(pod, undefined, 2),
        stringify(plain(pod), {
          defaultStringType: "QUOTE_DOUBLE",
          defaultKeyType: "QUOTE_DOUBLE",
          aliasDuplicateObjects: false,
        }),
        stringify(plain(pod), {
          defaultStringType: "QUOTE_SINGLE",
          defaultKeyType: "QUOTE_SINGLE",
          collectionStyle: "flow",
          lineWidth: 0,
        }),
      ])
        assert.deepEqual(plain(parseManifests(text).pods[0]?.object), plain(pod), text);
    }),
    { numRuns: 150 },
  );
});

test("defaults are idempotent, change nothing, and keep the Pod's own values", () => {
  fc.assert(
    fc.property(typedPod, (pod) => {
      const before = JSON.stringify(pod);
      const once = defaultPod(pod);
      assert.equal(JSON.stringify(pod), before);
      assert.deepEqual(defaultPod(once), once);
      // The order of fields makes no other pod.
      assert.equal(defaultPod(reversed(pod)).metadata.uid, once.metadata.uid);
    }),
    { numRuns: 300 },
  );
});

function reversed<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(reversed) as T;
  const entries = Object.entries(value).map(([key, inner]) => [key, reversed(inner)] as const);
  return Object.fromEntries(entries.reverse()) as T;
}

test("a Pod is valid if and only if it is with its defaults", () => {
  const good = { name: "c", image: "i" };
  const pod: Pod = {
    metadata: { name: "p" },
    spec: {
      containers: [good],
      initContainers: [{ ...good, name: "i", restartPolicy: "Always" }],
      ephemeralContainers: [{ ...good, name: "e", targetContainerName: "c" }],
      volumes: [{ name: "v" }],
    },
  };
  assert.deepEqual(validatePod(pod), []);
  assert.deepEqual(validatePod(defaultPod(pod)), []);
  fc.assert(
    fc.property(typedPod, (one) => {
      assert.equal(validatePod(defaultPod(one)).length === 0, validatePod(one).length === 0);
    }),
    { numRuns: 200 },
  );
});

/** The problems of any value, which validatePod and checkPod must agree on. */
function problemsOf(value: unknown) {
  const pod = value as Pod;
  const problems = validatePod(pod);
  for (const { path, message, steps } of problems) {
    assert.equal(typeof path, "string");
    assert.match(
      message,
      /^(?:Required value|Invalid value|Duplicate value|Unsupported value|Forbidden|Too long|Too many|Not found|Unknown field)/,
    );
    assert.ok(steps.length > 0 || path === "");
  }
  try {
    checkPod(pod);
    assert.deepEqual(problems, []);
  } catch (error) {
    if (!isCriError(error)) throw error;
    assert.equal(error.reason, "invalid_spec");
    assert.equal(error.problems.length, problems.length);
  }
  return problems;
}

test("validatePod never throws: Pods of the right types", () => {
  fc.assert(
    fc.property(typedPod, (pod) => void problemsOf(pod)),
    { numRuns: 400 },
  );
});

test("validatePod never throws: Pods with a value of any type", () => {
  fc.assert(
    fc.property(brokenPod, (pod) => void problemsOf(pod)),
    { numRuns: 400 },
  );
});

test("validatePod never throws: any JSON", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => void problemsOf(value)),
    { numRuns: 200 },
  );
  for (const value of [undefined, null, 5, "", [], new Map(), Symbol("a"), () => 0, new Date()])
    problemsOf(value);
});

test("parseManifests throws nothing but invalid_file, whatever the text", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary", maxLength: 200 }),
    fc
      .array(
        fc.constantFrom(
          "kind: ",
          "Pod",
          "apiVersion: v1",
          "\n",
          "  ",
          "- ",
          "{",
          "}",
          "[",
          "]",
          "&a ",
          "*a",
          "<<: ",
          "---\n",
          "? ",
          "!!str ",
          "|\n",
          "'",
          '"',
          ": ",
          ",",
          "%YAML 1.2\n",
          "#",
        ),
        { maxLength: 40 },
      )
      .map((parts) => parts.join("")),
    brokenPod.map((pod) => JSON.stringify(pod)),
  );
  fc.assert(
    fc.property(text, (one) => {
      try {
        parseManifests(one);
      } catch (error) {
        if (!isCriError(error) || error.reason !== "invalid_file") throw error;
        assert.ok(error.problems.length > 0);
      }
    }),
    { numRuns: 250 },
  );
});
