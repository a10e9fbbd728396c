import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { PodSandboxConfigSchema } from "../../gen/runtime/v1/api_pb.js";
import type { Pod as ApiPod, LifecycleHandler, Probe } from "../../src/kubernetes/api/index.js";
import { lifecycleHooks } from "../../src/kubernetes/hooks/hooks.js";
import { podImages } from "../../src/kubernetes/images/pod-images.js";
import { probeRunner } from "../../src/kubernetes/probes/run-probe.js";
import { StartError } from "../../src/kubernetes/start-error.js";
import { systemClock } from "../../src/kubernetes/worker/clock.js";
import { failure } from "../support/failure.js";
import { eventually, type Pod, runPod, type Subject } from "./support.js";

const signal = new AbortController().signal;

/** Probes, hooks and images of Pods. */
export function kubernetesProbeCases(subject: () => Subject): void {
  let pod: Pod;
  let containerId = "";
  let podIPs: readonly string[] = [];
  before(async () => {
    pod = await runPod(subject(), "probes");
    const script = "mkdir /www && echo fine > /www/healthz && exec httpd -f -p 8080 -h /www";
    containerId = await pod.container(["sh", "-c", script]);
    const { status } = await subject().cri.runtime.podSandboxStatus({ podSandboxId: pod.podSandboxId });
    podIPs = status?.network ? [status.network.ip] : [];
  });
  after(() => pod?.[Symbol.asyncDispose]());

  const container = { name: "c0", ports: [{ name: "web", containerPort: 8080 }] };
  const probe = (spec: Probe, timeoutMs = 2_000) =>
    probeRunner(subject().cri.runtime)(spec, { container, containerId, podIPs }, { timeoutMs, signal });

  test("httpGet and tcpSocket probes reach the pod's network", async () => {
    const httpGet = { port: "web", path: "/healthz" };
    await eventually("httpd listens", async () => (await probe({ httpGet })).result === "success");
    assert.deepEqual(await probe({ httpGet }), { result: "success", output: "fine\n" });
    assert.equal(
      (await probe({ httpGet: { ...httpGet, path: "/no" } })).output,
      "HTTP probe failed with statuscode: 404",
    );
    assert.equal((await probe({ tcpSocket: { port: "web" } })).result, "success");
    const [ip] = podIPs;
    assert.deepEqual(await probe({ tcpSocket: { port: 8081 } }), {
      result: "failure",
      output: `dial tcp ${ip}:8081: connect: connection refused`,
    });
  });

  test("exec probes: exit code, output, timeout, no such program", async () => {
    const exec = (...command: string[]) => probe({ exec: { command } }, 1_000);
    assert.deepEqual(await exec("sh", "-c", "echo out; echo err >&2"), {
      result: "success",
      output: "out\nerr\n",
    });
    assert.deepEqual(await exec("sh", "-c", "echo bad; exit 3"), { result: "failure", output: "bad\n" });
    assert.deepEqual(await exec("sleep", "30"), {
      result: "failure",
      output: 'command timed out: "sleep 30" timed out after 1s',
    });
    assert.equal((await failure(exec("/no/such/program"))).reason, "exec_not_started");
  });

  test("hooks: exec and httpGet", async () => {
    const hooks = lifecycleHooks({ runtime: subject().cri.runtime, clock: systemClock });
    const target = { pod: { metadata: { name: "p", uid: "u" } }, container, containerId, podIPs };
    const run = (handler: LifecycleHandler, limit = signal) => hooks.run(handler, target, { signal: limit });
    await run({ exec: { command: ["touch", "/tmp/hook"] } });
    await run({ httpGet: { port: "web", path: "/any" } });
    // The port speaks plain HTTP.
    await run({ httpGet: { port: "web", scheme: "HTTPS" } });
    const failed = await failure(run({ exec: { command: ["sh", "-c", "echo no >&2; exit 7"] } }));
    assert.match(failed.rawMessage, /command 'sh -c echo no >&2; exit 7' exited with 7: no$/);
    await assert.rejects(run({ exec: { command: ["sleep", "30"] } }, AbortSignal.timeout(300)));
  });

  test("images of Pods: pulled, present, missing, with back-off", async () => {
    const { cri, running } = subject();
    const images = podImages({ image: cri.image, clock: systemClock, secrets: () => [] });
    const events: string[] = [];
    const apiPod: ApiPod = { metadata: { name: "p", namespace: "n", uid: "u" }, spec: { containers: [] } };
    const ensure = async (image: string, pullPolicy: "Always" | "IfNotPresent" | "Never") => {
      const sandbox = create(PodSandboxConfigSchema, pod.sandboxConfig);
      const request = { pod: apiPod, container: "c", image, pullPolicy, sandbox };
      const record = ({ reason }: { readonly reason: string }) => void events.push(reason);
      return await images.ensure(request, { signal, record }).catch((error: unknown) => {
        if (error instanceof StartError) return `${error.waitingReason}: ${error.rawMessage}`;
        throw error;
      });
    };
    const { busybox } = running.images;
    const pulled = await ensure(busybox, "Always");
    assert.ok(typeof pulled === "object", String(pulled));
    assert.match(pulled.id, /^sha256:[0-9a-f]{64}$/);
    assert.deepEqual(await ensure(busybox, "Never"), pulled);
    const missing = busybox.replace(/:[^:]*$/, ":no-such-tag");
    assert.match(String(await ensure(missing, "Never")), /^ErrImageNeverPull: /);
    assert.match(String(await ensure(missing, "IfNotPresent")), /^ErrImagePull: .*not found/);
    assert.match(
      String(await ensure(missing, "IfNotPresent")),
      /^ImagePullBackOff: Back-off pulling image .*: ErrImagePull: /,
    );
    assert.deepEqual(events, [
      ...["Pulling", "Pulled", "Pulled", "ErrImageNeverPull"],
      ...["Pulling", "Failed", "BackOff"],
    ]);
  });
}
