import assert from "node:assert/strict";
import { appendFile, rename, rm, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { loggedContainer, readLogRequest } from "../../../src/kubelet/server/handlers/log-request.js";
import type { ContainerStatus } from "../../../src/kubernetes/index.js";
import { kubeletPodOf } from "../../support/kubelet-pods.js";
import { servedPods } from "../../support/kubelet-server.js";
import { onePod } from "../../support/kubelets.js";
import { until, within } from "../../support/waiting.js";

const time = (second: number) => `2026-03-01T00:00:0${second}.00000001Z`;
const record = (second: number, stream: string, tag: string, text: string) =>
  `${time(second)} ${stream} ${tag} ${text}\n`;

/** A container that runs, whose log the test writes. */
async function loggedPod(t: Parameters<typeof servedPods>[0], log: string) {
  const node = await servedPods(t, [onePod("a")]);
  const path = node.kubelet.pods()[0]?.observed.containers[0]?.logPath ?? "";
  assert.notEqual(path, "");
  await writeFile(path, log);
  const get = (query: string) => node.server.get(`/containerLogs/test/a/main${query}`);
  return { ...node, path, get };
}

const sample = [
  record(1, "stdout", "F", "one"),
  record(2, "stderr", "F", "two"),
  record(3, "stdout", "P", "thr"),
  record(4, "stdout", "F", "ee"),
  record(5, "stdout", "F", "four \xff"),
].join("");

test("a log is answered whole, from its end, since a time, with times, by stream and up to a number of bytes", async (t) => {
  const { get } = await loggedPod(t, sample);
  const whole = await get("");
  assert.deepEqual([whole.status, whole.headers["content-type"]], [200, "text/plain"]);
  assert.equal(whole.text, "one\ntwo\nthree\nfour \xff\n");
  const textOf = async (query: string) => (await get(query)).text;
  assert.equal(await textOf("?tailLines=2"), "three\nfour \xff\n");
  assert.equal(await textOf("?tailLines=0"), "");
  assert.equal(await textOf("?tailLines=1000000"), whole.text);
  assert.equal(await textOf("?sinceTime=2026-03-01T00:00:03Z"), "three\nfour \xff\n");
  assert.equal(await textOf("?sinceTime=2026-03-01T01:00:05%2B01:00"), "four \xff\n");
  assert.equal(await textOf("?sinceSeconds=1"), "");
  assert.equal(await textOf("?sinceSeconds=99999999999"), whole.text);
  assert.equal(await textOf("?limitBytes=5"), "one\nt");
  assert.equal(await textOf("?stream=Stderr"), "two\n");
  assert.equal(await textOf("?stream=Stdout&limitBytes=4"), "one\n");
  assert.equal(await textOf("?stream=All&tailLines=1"), "four \xff\n");
  const t9 = (second: number) => `2026-03-01T00:00:0${second}.000000010Z`;
  const timed = `${t9(1)} one\n${t9(2)} two\n${t9(3)} three\n${t9(5)} four \xff\n`;
  assert.equal(await textOf("?timestamps=true"), timed);
  assert.equal(await textOf("?timestamps=true&tailLines=1"), timed.slice(timed.lastIndexOf("2026")));
  assert.equal(await textOf("?timestamps=true&limitBytes=40"), timed.slice(0, 40));
  assert.equal(await textOf("?timestamps&follow=false&previous=false"), timed);
});

test("bytes that are not text are passed on as they are", async (t) => {
  const { path, get } = await loggedPod(t, "");
  const bytes = Buffer.from([0xff, 0xfe, 0x80, 0x41]);
  await writeFile(path, Buffer.concat([Buffer.from(`${time(1)} stdout F `), bytes, Buffer.from("\n")]));
  assert.deepEqual((await get("")).body, Buffer.concat([bytes, Buffer.from("\n")]));
  assert.deepEqual((await get("?timestamps=1")).body.subarray(-5), Buffer.concat([bytes, Buffer.from("\n")]));
});

test("a log is followed line by line, over rotations, until its container ends", async (t) => {
  const { path, server, cri, kubelet } = await loggedPod(t, record(1, "stdout", "F", "one"));
  const response = await server.open("/containerLogs/test/a/main?follow=true");
  assert.equal(response.statusCode, 200);
  let text = "";
  response.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  const ended = new Promise((resolve) => response.once("close", resolve));
  await until(() => text === "one\n", "the first line");
  await appendFile(path, record(2, "stdout", "F", "two"));
  await until(() => text === "one\ntwo\n", "the second line, as soon as it is there");
  for (let round = 1; round <= 3; round++) {
    await rename(path, `${path}.2026030100000${round}`);
    await appendFile(`${path}.2026030100000${round}`, record(2 + round, "stderr", "F", `late ${round}`));
    await writeFile(path, record(2 + round, "stdout", "F", `new ${round}`));
    await until(() => text.endsWith(`late ${round}\nnew ${round}\n`), `the lines of rotation ${round}`);
  }
  const [container] = kubelet.pods()[0]?.observed.containers ?? [];
  await cri.runtime.stopContainer({ containerId: container?.id ?? "", timeout: 0n });
  await within(20_000, ended, "the end of a followed log");
  assert.ok(response.complete);
});

test("a log without output is followed at once, and the end of the client ends the reading", async (t) => {
  const { path, server, get } = await loggedPod(t, "");
  await get("");
  for (const query of ["?follow=true", "?follow=true&timestamps=true"]) {
    const response = await server.open(`/containerLogs/test/a/main${query}`);
    assert.equal(response.statusCode, 200);
    response.on("error", () => undefined).destroy();
  }
  await rm(path);
  const missing = await get("");
  assert.equal(missing.status, 400);
  assert.match(missing.text, /log/);
});

test("a followed log ends when the server closes", async (t) => {
  const { server } = await loggedPod(t, sample);
  const response = await server.open("/containerLogs/test/a/main?follow=true");
  response.on("error", () => undefined).resume();
  const closed = new Promise((resolve) => response.once("close", resolve));
  await within(5_000, server.server.close(), "close()");
  await within(5_000, closed, "the end of the answer");
  assert.ok(!response.complete);
});

test("a big log is answered with back-pressure", async (t) => {
  const line = record(1, "stdout", "F", "x".repeat(999));
  const { get, server } = await loggedPod(t, line.repeat(20_000));
  assert.equal((await get("")).body.length, 20_000_000);
  assert.equal((await get("?timestamps=true")).body.length, 20_000 * 1_031);
  const slow = await server.open("/containerLogs/test/a/main");
  await new Promise((resolve) => setTimeout(resolve, 200));
  let length = 0;
  for await (const chunk of slow) length += (chunk as Buffer).length;
  assert.equal(length, 20_000_000);
});

test("previous containers, and those that have none", async (t) => {
  const { server } = await servedPods(t, [
    onePod("a", ["print", "first run\n"], { restartPolicy: "Always" }),
    onePod("once", ["run"]),
  ]);
  // Between two runs, the container that was the previous one is removed.
  await until(async () => {
    const { status, text } = await server.get("/containerLogs/test/a/main?previous=true");
    return status === 200 && text === "first run\n";
  }, "the log of the previous container");
  const none = await server.get("/containerLogs/test/once/main?previous=true");
  const text = 'previous terminated container "main" in pod "once" not found';
  assert.deepEqual([none.status, none.text], [400, text]);
  const unknown = await server.get("/containerLogs/test/once/other");
  assert.deepEqual([unknown.status, unknown.text], [404, 'container "other" not found in pod "once"']);
  const noPod = await server.get("/containerLogs/test/none/main");
  assert.deepEqual([noPod.status, noPod.text], [404, 'pod "none" does not exist']);
});

test("the container whose log is meant, and why there is none", () => {
  const base = { name: "c", image: "i", imageID: "", ready: false, restartCount: 0 };
  const podWith = (status: Partial<ContainerStatus<Date>>, list = "containerStatuses") =>
    kubeletPodOf({ uid: "u", status: { [list]: [{ ...base, ...status }] } });
  const terminated = (id: string) => ({
    terminated: { exitCode: 1, ...(id && { containerID: `containerd://${id}` }) },
  });
  const running = { containerID: "containerd://now", state: { running: {} } };
  const idOf = (status: Partial<ContainerStatus<Date>>, previous = false) =>
    loggedContainer(podWith(status), "c", previous);
  assert.equal(idOf(running), "now");
  assert.equal(idOf({ ...running, lastState: terminated("old") }), "now");
  assert.equal(idOf({ ...running, lastState: terminated("old") }, true), "old");
  assert.equal(idOf({ state: terminated("ended") }), "ended");
  assert.equal(
    idOf({ state: { waiting: { reason: "CrashLoopBackOff" } }, lastState: terminated("old") }),
    "old",
  );
  assert.equal(loggedContainer(podWith(running, "initContainerStatuses"), "c", false), "now");
  assert.equal(loggedContainer(podWith(running, "ephemeralContainerStatuses"), "c", false), "now");
  const waiting = (reason: string) => ({ state: { waiting: { reason } } });
  const prefix = 'container "c" in pod "p"';
  for (const [status, text] of [
    [waiting("ContainerCreating"), `${prefix} is waiting to start: ContainerCreating`],
    [waiting("PodInitializing"), `${prefix} is waiting to start: PodInitializing`],
    [waiting("ErrImagePull"), `${prefix} is waiting to start: image can't be pulled`],
    [waiting("ImagePullBackOff"), `${prefix} is waiting to start: trying and failing to pull image`],
    [{}, `${prefix} is waiting to start - no logs yet`],
    [{ state: terminated("") }, `${prefix} is terminated`],
  ] as const)
    assert.throws(() => idOf(status), { status: 400, message: text });
  assert.throws(() => loggedContainer(kubeletPodOf({ uid: "u" }), "c", false), {
    status: 400,
    message: `${prefix} is not available`,
  });
});

test("sinceSeconds counts back from now", () => {
  const since = (query: string) => readLogRequest(new URLSearchParams(query), 1_000_000).since?.getTime();
  assert.equal(since("sinceSeconds=10"), 990_000);
  assert.equal(since("sinceSeconds=5000"), 0);
  assert.equal(since(""), undefined);
});
