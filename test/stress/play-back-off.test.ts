// The back-off of a container that exits at once, in real time: 0, 10 and 20 seconds.
import assert from "node:assert/strict";
import { test } from "node:test";
import { play, playground, script } from "../support/played-pods.js";
import { within } from "../support/waiting.js";

test("row 36 in real time", async (t) => {
  const node = await playground(t);
  const pod = await play(t, node, {
    metadata: { name: "loop", namespace: "test" },
    spec: { terminationGracePeriodSeconds: 1, containers: [script("c", "exit 1")] },
  });
  const starts: number[] = [];
  const read = async () => {
    for await (const { reason, timeMs } of pod) if (reason === "Started" && starts.push(timeMs) === 4) return;
  };
  await within(60_000, read(), "four starts");
  const waits = starts.slice(1).map((time, index) => Math.round((time - (starts[index] ?? 0)) / 1_000));
  const [first = -1, second = -1, third = -1] = waits;
  assert.ok(first <= 2 && second >= 10 && second <= 12 && third >= 20 && third <= 22, waits.join(" "));
});
