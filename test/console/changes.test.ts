// Stopping and removing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { openConsole } from "../support/console.js";
import { scripted, start } from "../support/embedded.js";

test("a container is stopped and removed, and so is a pod; a second time changes nothing", async (t) => {
  const { cri } = await scripted(t);
  const { containerId, podSandboxId } = await start(cri, ["run"], "a");
  const own = await openConsole(t, cri);
  const twice = async (body: object) => {
    for (const time of ["first", "second"]) {
      const { status, body: answer } = await own.change(body);
      assert.equal(status, 200, `${time}: ${answer}`);
    }
  };
  await twice({ action: "stop", kind: "container", id: containerId });
  const { status } = await cri.runtime.containerStatus({ containerId });
  assert.equal(status?.exitCode, 143);
  await twice({ action: "remove", kind: "container", id: containerId });
  assert.equal((await cri.runtime.listContainers({})).containers.length, 0);
  await twice({ action: "stop", kind: "pod", id: podSandboxId });
  await twice({ action: "remove", kind: "pod", id: podSandboxId });
  assert.equal((await cri.runtime.listPodSandbox({})).items.length, 0);
});

test("the beginning of an id changes nothing", async (t) => {
  const { cri } = await scripted(t);
  const { containerId } = await start(cri, ["run"], "a");
  const own = await openConsole(t, cri);
  const { status } = await own.change({ action: "stop", kind: "container", id: containerId.slice(0, 20) });
  assert.equal(status, 200);
  const [container] = (await cri.runtime.listContainers({})).containers;
  assert.equal(container?.state, 1, "it runs");
});

test("a request that is not understood says which field is wrong", async (t) => {
  const { cri } = await scripted(t);
  const own = await openConsole(t, cri);
  const cases: readonly [body: unknown, error: RegExp][] = [
    [{ action: "kill", kind: "pod", id: "1" }, /action: must be "stop" or "remove", got "kill"/],
    [{ action: "stop", kind: "node", id: "1" }, /kind: must be "pod" or "container", got "node"/],
    [{ action: "stop", kind: "pod", id: 1 }, /id: must be a string with the whole id, got 1/],
    [null, /action: must be/],
  ];
  for (const [body, error] of cases) {
    const answer = await own.change(body as object);
    assert.equal(answer.status, 400);
    assert.match(JSON.parse(answer.body).error, error);
  }
  const headers = { Origin: `http://${own.host}`, "X-CRI-Console": "1" };
  const invalid = await own.request("/api/change", headers, { method: "POST", body: "{" });
  assert.equal(invalid.status, 400);
  const long = await own.request("/api/change", headers, { method: "POST", body: "x".repeat(5_000) });
  assert.equal(long.status, 413);
  assert.equal((await own.request("/api/change", headers)).status, 405);
});

test("the runtime's error is passed on", async (t) => {
  const { cri, runtime } = await scripted(t);
  const { containerId } = await start(cri, ["run"], "a");
  runtime.faults.failNext("stopContainer", { code: "unknown", message: "the shim is stuck" });
  const own = await openConsole(t, cri);
  const { status, body } = await own.change({ action: "stop", kind: "container", id: containerId });
  assert.equal(status, 502);
  assert.match(JSON.parse(body).error, /the shim is stuck/);
});

test("with --read-only, nothing is changed and no terminal opens, but logs do", async (t) => {
  const { cri } = await scripted(t);
  const { containerId } = await start(cri, ["run"], "a");
  const own = await openConsole(t, cri, { isReadOnly: true });
  const { status, body } = await own.change({ action: "stop", kind: "container", id: containerId });
  assert.equal(status, 403);
  assert.match(JSON.parse(body).error, /--read-only/);
  const headers = { Cookie: own.cookie };
  const options = { origin: `http://${own.host}` };
  assert.equal(await own.refusal(`/terminal?container=${containerId}`, headers, options), 403);
  await own.socket(`/log?container=${containerId}`);
  assert.equal((await (await own.feed()).start()).node.readOnly, true);
  assert.equal((await cri.runtime.listContainers({})).containers[0]?.state, 1);
});
