import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "../../src/index.js";
import { failure } from "../support/failure.js";
import { containerConfig, runPod, type Subject } from "./support.js";

const mebibyte = 2 ** 20;

/** Cases for messages at and over the size limits of client and runtime. */
export function limitCases(subject: () => Subject): void {
  test("a list over the client's limit and over the runtime's; a request over the client's", async () => {
    const { runtime: daemon, cri } = subject();
    await using pod = await runPod(subject(), "large");
    const { podSandboxId, sandboxConfig } = pod;
    const create = (name: string, bytes: number) => {
      const config = {
        ...containerConfig(subject(), name, ["true"]),
        annotations: { large: "x".repeat(bytes) },
      };
      return cri.runtime.createContainer({ podSandboxId, config, sandboxConfig });
    };
    const refused = await failure(create("over", 17 * mebibyte), "send_limit");
    assert.match(refused.rawMessage, /writeLimitBytes/);

    await Promise.all([create("a", 6 * mebibyte), create("b", 6 * mebibyte)]);
    const { containers } = await cri.runtime.listContainers({ filter: { podSandboxId } });
    assert.equal(containers.length, 2);
    await using small = connect.lazy(daemon.endpoint, { readLimitBytes: 8 * mebibyte });
    const received = await failure(small.runtime.listContainers(), "receive_limit");
    assert.equal(received.code, "resource_exhausted");
    assert.match(received.message, /readLimitBytes.*8388608.*cri\.lists/s);
    await small.runtime.version();

    const { containerId } = await create("c", 6 * mebibyte);
    const sent = await failure(cri.runtime.listContainers(), "runtime_limit");
    assert.equal(sent.code, "resource_exhausted");
    // `cri.lists` reads what exceeds a message in pieces, on both sides of either limit.
    for (const client of [cri, small]) {
      const listed = await client.lists.containers({ podSandboxId }).collect();
      assert.equal(listed.length, 3);
    }
    await cri.runtime.removeContainer({ containerId });
    assert.equal(daemon.isAlive(), true);
  });

  test("ExecSync with more output than fits into a message", async () => {
    const { runtime } = subject().cri;
    await using pod = await runPod(subject(), "output");
    const containerId = await pod.container(["sleep", "600"]);
    const print = (count: number) => ({ containerId, cmd: ["sh", "-c", `head -c ${count} /dev/zero`] });
    const most = 15 * mebibyte;
    assert.equal((await runtime.execSync(print(most))).stdout.byteLength, most);
    await failure(runtime.execSync(print(17 * mebibyte)), "output_too_large");
  });
}
