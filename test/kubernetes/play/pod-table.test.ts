// The table of examples/play.ts says what `kubectl get pods` says.
import assert from "node:assert/strict";
import { test } from "node:test";
import { formatTable } from "../../../examples/pod-table.js";

test("columns are aligned", () => {
  const row = { name: "default/web", ready: "1/1", status: "Running", restarts: "0", age: "5s", ip: "" };
  assert.deepEqual(formatTable([row]), [
    "NAME          READY   STATUS    RESTARTS   AGE   IP",
    "default/web   1/1     Running   0          5s",
  ]);
});
