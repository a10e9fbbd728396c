import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import { rpcs } from "../../../src/clients/rpcs.js";
import { criErrorCodes } from "../../../src/core/index.js";
import {
  chaosFaults,
  ruleTables,
  sessionMethods,
  streamMethods,
} from "../../../src/testing/chaos/check-plan.js";
import { chaos, defaultChaosPlan, parseChaosPlan } from "../../../src/testing/index.js";
import { checkout } from "../../support/checkout.js";
import { scripted } from "../../support/embedded.js";

const valid: readonly unknown[] = [
  defaultChaosPlan,
  { rules: [] },
  { $schema: "https://example.com/x.json", rules: [{ fault: "delay", ms: 0 }] },
  {
    rules: [
      { fault: "cutStream", how: "error", code: "internal", message: "", afterMs: 5, afterMessages: 1 },
    ],
  },
  { rules: [{ fault: "restart", methods: "all", downMs: { distribution: "exponential", meanMs: 5 } }] },
];

/** Plans with one mistake each, and what the error says. */
const invalid: readonly (readonly [unknown, RegExp])[] = [
  [[], /must be an object with `rules`/],
  [{}, /rules is required/],
  [{ rules: {} }, /rules must be an array/],
  [{ rules: [], seed: 1 }, /seed is not an option/],
  [{ rules: [5] }, /rules\[0\] must be an object, such as/],
  [{ rules: [{}] }, /rules\[0\]\.fault is required: one of delay, fail, /],
  [{ rules: [{ fault: "latency", ms: 5 }] }, /rules\[0\]\.fault must be one of .*, got "latency"/],
  [{ rules: [{ fault: "delay" }] }, /rules\[0\]\.ms is required/],
  [
    { rules: [{ fault: "delay", ms: "5" }] },
    /rules\[0\]\.ms must be a number of milliseconds, or .*, got "5"/,
  ],
  [{ rules: [{ fault: "delay", ms: -1 }] }, /rules\[0\]\.ms must be from 0 to 2147483647, got -1/],
  [
    { rules: [{ fault: "delay", ms: { distribution: "normal" } }] },
    /rules\[0\]\.ms\.distribution must be one of .*, got "normal"/,
  ],
  [
    { rules: [{ fault: "delay", ms: { distribution: "uniform", minMs: 5, maxMs: 2 } }] },
    /rules\[0\]\.ms\.maxMs must be at least minMs, 5, got 2/,
  ],
  [
    { rules: [{ fault: "delay", ms: { distribution: "lognormal", p50Ms: 5, p99Ms: 2 } }] },
    /rules\[0\]\.ms\.p99Ms must be at least p50Ms, 5, got 2/,
  ],
  [
    { rules: [{ fault: "delay", ms: { distribution: "uniform", minMs: 5 } }] },
    /rules\[0\]\.ms\.maxMs is required/,
  ],
  [{ rules: [{ fault: "hang", probability: 1.5 }] }, /rules\[0\]\.probability must be from 0 to 1, got 1\.5/],
  [
    { rules: [{ fault: "hang", probablity: 1 }] },
    /probablity is not an option \(did you mean probability\?\)/,
  ],
  [
    { rules: [{ fault: "hang", calls: [0] }] },
    /rules\[0\]\.calls\[0\] must be a whole number of 1 or more, got 0/,
  ],
  [{ rules: [{ fault: "hang", calls: [] }] }, /rules\[0\]\.calls must not be empty/],
  [{ rules: [{ fault: "hang", methods: [] }] }, /rules\[0\]\.methods must not be empty/],
  [{ rules: [{ fault: "hang", methods: "version" }] }, /rules\[0\]\.methods must be "all" or an array/],
  [
    { rules: [{ fault: "hang", methods: ["CreateContainer"] }] },
    /methods\[0\] must be one of .*createContainer/,
  ],
  [
    { rules: [{ fault: "hang", when: "during" }] },
    /rules\[0\]\.when must be one of "before", "after", got "during"/,
  ],
  [{ rules: [{ fault: "fail", code: "gone" }] }, /rules\[0\]\.code must be one of .*, got "gone"/],
  [{ rules: [{ fault: "fail" }] }, /rules\[0\]\.code is required/],
  [
    { rules: [{ fault: "cutStream", methods: ["version"] }] },
    /methods\[0\] must be one of .*"getContainerEvents"/,
  ],
  [
    { rules: [{ fault: "cutStream", how: "complete", code: "internal" }] },
    /code cannot be combined with how: "complete"/,
  ],
  [{ rules: [{ fault: "dropEvents", methods: ["getContainerEvents"] }] }, /methods is not an option/],
  [
    { rules: [{ fault: "cutSession", methods: ["version"] }] },
    /methods\[0\] must be one of "exec", "attach", "portForward"/,
  ],
  [
    {
      rules: [
        { fault: "hang", name: "a" },
        { fault: "hang", name: "a" },
      ],
    },
    /rules\[1\]\.name is already the name/,
  ],
  [{ rules: [{ fault: "hang", times: 0 }] }, /rules\[0\]\.times must be a whole number of 1 or more, got 0/],
];

test("a plan is checked, and the error has the field and its value", async (t) => {
  const { runtime } = await scripted(t);
  for (const plan of valid) {
    const parsed = parseChaosPlan(plan, "plan.yaml");
    await chaos(runtime.transport, { plan: parsed }).close();
  }
  for (const [plan, message] of invalid) {
    const check = () => parseChaosPlan(plan, "plan.yaml");
    assert.throws(check, { reason: "invalid_option", message }, JSON.stringify(plan));
    assert.throws(check, { message: /^plan\.yaml: / });
    assert.throws(() => chaos(runtime.transport, { plan: plan as never }), { reason: "invalid_option" });
  }
});

test("the JSON schema accepts and refuses the same plans", async () => {
  const file = join(checkout, "schemas", "chaos-plan.schema.json");
  const schema = JSON.parse(await readFile(file, "utf8"));
  const validate = new Ajv2020({
    allErrors: true,
    strict: true,
    strictRequired: false,
    strictTypes: false,
  }).compile(schema);
  for (const plan of valid) assert.ok(validate(plan), JSON.stringify(validate.errors));
  for (const [plan, message] of invalid) {
    // What a schema cannot say.
    if (/at least (min|p50)Ms|already the name/.test(message.source)) continue;
    assert.ok(!validate(plan), JSON.stringify(plan));
  }
  const { $defs } = schema;
  assert.deepEqual($defs.rpc.enum, Object.keys(rpcs));
  assert.deepEqual($defs.streamRpc.enum, streamMethods);
  assert.deepEqual($defs.sessionRpc.enum, sessionMethods);
  assert.deepEqual($defs.code.enum, criErrorCodes);
  assert.deepEqual(
    schema.properties.rules.items.oneOf.map(({ $ref }: { $ref: string }) => $ref.replace("#/$defs/", "")),
    chaosFaults,
  );
  for (const fault of chaosFaults)
    assert.deepEqual(
      Object.keys($defs[fault].properties).sort(),
      Object.keys(ruleTables[fault].checks).sort(),
    );
});

test("the plan and the seed are the caller's: a later change has no effect, and a new seed is made", async (t) => {
  const { runtime } = await scripted(t);
  const rules = [{ fault: "fail", code: "internal", methods: ["version"] }] as const;
  const plan = { rules: [...rules] };
  const proxy = chaos(runtime.transport, { plan });
  plan.rules.pop();
  const { version } = proxy.services.runtime ?? {};
  assert.ok(version);
  const other = chaos(runtime.transport);
  assert.notEqual(proxy.seed, other.seed);
  assert.match(proxy.seed, /^[0-9a-f]{16}$/);
  await Promise.all([proxy.close(), proxy.close(), other.close()]);
});
