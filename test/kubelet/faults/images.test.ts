// Images that cannot be pulled, and sandboxes that cannot start: the states and events of the real kubelet.
import assert from "node:assert/strict";
import { test } from "node:test";
import { busybox } from "../../support/embedded.js";
import { onePod } from "../../support/kubelets.js";
import { conditionOf, containerOf, eventsOf, startFaulty, stateChanges, waitingOf } from "./support.js";

const quoted = `"${busybox}"`;

test("an image that cannot be pulled: ErrImagePull, ImagePullBackOff, and new attempts; then the Pod runs", async (t) => {
  const { clock, kubelet, list, runtime } = await startFaulty(t, [], { runtimeOptions: { preload: [] } });
  runtime.faults.failNext("pullImage", { code: "not_found", message: "no such manifest" }, { times: 3 });
  list.set(onePod("a"));
  const states = stateChanges(() => waitingOf(kubelet, "a"));
  const isRunning = () => {
    states.look();
    return containerOf(kubelet, "a")?.state?.running !== undefined;
  };
  const passedMs = await clock.until(isRunning, { stepMs: 500 });
  const backOff = `ImagePullBackOff: Back-off pulling image ${quoted}: ErrImagePull: no such manifest`;
  // The first pause may be over before it is looked at again.
  assert.deepEqual(states.seen.filter((state) => state.includes("ImagePull")).slice(-4), [
    "ErrImagePull: no such manifest",
    backOff,
    "ErrImagePull: no such manifest",
    backOff,
  ]);
  const pull = `Normal Pulling: Pulling image ${quoted}`;
  const failed = [
    pull,
    `Warning Failed: Failed to pull image ${quoted}: no such manifest`,
    "Warning Failed: Error: ErrImagePull",
  ];
  const waits = [
    `Normal BackOff: Back-off pulling image ${quoted}`,
    "Warning Failed: Error: ImagePullBackOff",
  ];
  const events = eventsOf(list.events, "a");
  assert.deepEqual(events.slice(0, 3), failed);
  const last = events.lastIndexOf(pull);
  assert.deepEqual(events.slice(last - 5, last), [...failed, ...waits]);
  assert.match(
    events[last + 1] ?? "",
    /^Normal Pulled: Successfully pulled image .* Image size: \d+ bytes\.$/,
  );
  assert.deepEqual(events.slice(last + 2), [
    "Normal Created: Container created",
    "Normal Started: Container started",
  ]);
  // Pauses of 10, 20 and 40 s.
  assert.equal(runtime.calls.of("pullImage").length, 4);
  assert.ok(passedMs >= 70_000 && passedMs < 90_000, `${passedMs} ms`);
  assert.equal(kubelet.pod("test", "a")?.status.containerStatuses?.[0]?.restartCount, 0);
  await kubelet.stop();
});

test("imagePullPolicy Never without the image: ErrImageNeverPull, and no pull", async (t) => {
  const { clock, kubelet, list, runtime } = await startFaulty(t, [], { runtimeOptions: { preload: [] } });
  const containers = [{ name: "main", image: busybox, imagePullPolicy: "Never" }];
  list.set(onePod("a", [], { containers }));
  const text = `Container image ${quoted} is not present with pull policy of Never`;
  await clock.until(() => waitingOf(kubelet, "a") === `ErrImageNeverPull: ${text}`);
  assert.deepEqual(eventsOf(list.events, "a").slice(0, 2), [
    `Warning ErrImageNeverPull: ${text}`,
    "Warning Failed: Error: ErrImageNeverPull",
  ]);
  assert.equal(kubelet.pod("test", "a")?.status.phase, "Pending");
  assert.equal(runtime.calls.of("pullImage").length, 0);
  await kubelet.stop();
});

test("a sandbox that cannot start: FailedCreatePodSandBox while the containers wait, and new attempts", async (t) => {
  const { clock, kubelet, list, runtime } = await startFaulty(t, []);
  const message = "failed to setup network for sandbox: no IP addresses available";
  runtime.faults.failNext("runPodSandbox", { code: "unknown", message }, { times: 3 });
  list.set(onePod("a"));
  const states = stateChanges(() =>
    [
      waitingOf(kubelet, "a"),
      kubelet.pod("test", "a")?.status.phase,
      conditionOf(kubelet, "a", "PodReadyToStartContainers"),
    ].join(" "),
  );
  const isRunning = () => {
    states.look();
    return containerOf(kubelet, "a")?.state?.running !== undefined;
  };
  const passedMs = await clock.until(isRunning, { stepMs: 500 });
  assert.deepEqual(states.seen.slice(-2), ["ContainerCreating Pending False", " Running True"]);
  assert.deepEqual(eventsOf(list.events, "a"), [
    `Warning FailedCreatePodSandBox: Failed to create pod sandbox: ${message}`,
    `Normal Pulled: Container image ${quoted} already present on machine`,
    "Normal Created: Container created",
    "Normal Started: Container started",
  ]);
  const failures = list.events.filter(({ reason }) => reason === "FailedCreatePodSandBox");
  assert.equal(failures.length, 3);
  // Each after 10 to 15 s.
  assert.ok(passedMs <= 50_000, `${passedMs} ms`);
  assert.equal(kubelet.pod("test", "a")?.observed.sandboxes.length, 1);
  await kubelet.stop();
});

test("a container that cannot be created: CreateContainerError, and a new attempt", async (t) => {
  const { clock, kubelet, list, runtime } = await startFaulty(t, []);
  runtime.faults.failNext(
    "createContainer",
    { code: "unknown", message: "no space left on device" },
    { times: 3 },
  );
  list.set(onePod("a"));
  const states = stateChanges(() => waitingOf(kubelet, "a"));
  const isRunning = () => {
    states.look();
    return containerOf(kubelet, "a")?.state?.running !== undefined;
  };
  await clock.until(isRunning, { stepMs: 500 });
  assert.ok(states.seen.includes("CreateContainerError: no space left on device"), states.seen.join());
  assert.ok(eventsOf(list.events, "a").includes("Warning Failed: Error: no space left on device"));
  assert.equal(containerOf(kubelet, "a")?.restartCount, 0);
  await kubelet.stop();
});
