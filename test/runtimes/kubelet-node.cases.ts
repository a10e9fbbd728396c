// The Node of a kubelet on a real runtime: what it says of the runtime and its images, and that it becomes not ready without it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { NodeReporter } from "../../src/kubelet/index.js";
import { NodeRelist } from "../../src/kubelet/relist/index.js";
import { nodeFacts, systemClock } from "../../src/kubernetes/index.js";
import { parseQuantity } from "../../src/pods/index.js";
import { until } from "../support/waiting.js";
import type { Subject } from "./support.js";

export function kubeletNodeCases(subject: () => Subject): void {
  test("the Node of a kubelet has the version, the handlers and the images of the runtime", async () => {
    const { cri, runtime, running, abilities } = subject();
    const image = running.images.busybox;
    await cri.images.ensure(image);
    const facts = await nodeFacts(cri);
    const relist = new NodeRelist({ cri, clock: systemClock });
    const closing = new AbortController();
    const loop = relist.run(closing.signal);
    try {
      await until(() => relist.health().status !== undefined, "the first Status");
      const reporter = await NodeReporter.open({
        cri,
        nodeName: "node-1",
        clock: systemClock,
        facts: () => facts,
        health: () => relist.health(),
        pressures: () => ({ memory: false, disk: false, pid: false }),
        record: () => undefined,
      });
      const { status } = reporter.current();
      const [kind = "", version = ""] = runtime.name.split("-");
      const reported = status?.nodeInfo?.containerRuntimeVersion ?? "";
      assert.match(reported, new RegExp(`^${kind}://v?\\d`));
      assert.ok(reported.includes(version), reported);
      const names = (status?.images ?? []).flatMap((one) => one.names ?? []);
      assert.ok(names.includes(image), `${image} is not among ${names.join(", ")}`);
      assert.ok((status?.images ?? []).every(({ sizeBytes = 0 }) => sizeBytes > 0));
      const handlers = status?.runtimeHandlers?.map(({ name }) => name);
      if (abilities.handlers) assert.ok(handlers?.includes("runc"));
      else assert.equal(handlers, undefined);
      assert.equal(status?.features === undefined, !abilities.handlers);
      const ready = status?.conditions?.find(({ type }) => type === "Ready");
      assert.deepEqual([ready?.status, ready?.message], ["True", "kubelet is posting ready status"]);
      assert.equal(parseQuantity(status?.capacity?.memory ?? "").value(), facts.memoryBytes);
    } finally {
      closing.abort(new Error("the test is over"));
      await loop;
    }
  });
}
