import assert from "node:assert/strict";
import { test } from "node:test";
import { pushImages } from "../../scripts/runtimes/images.js";
import { startRegistry } from "../../scripts/runtimes/index.js";
import { failure } from "../support/failure.js";
import { containerConfig, eventually, podConfig, runPod, type Subject } from "./support.js";

const missing = "0123456789abcdef".repeat(4);

/**
 * The id of the object that has the requested name already. containerd refuses the call, and CRI-O returns the object; CRI promises
 * neither.
 */
async function existingId(
  creation: Promise<{ readonly podSandboxId: string } | { readonly containerId: string }>,
): Promise<string | undefined> {
  try {
    const created = await creation;
    return "containerId" in created ? created.containerId : created.podSandboxId;
  } catch (error) {
    const { code, existingId } = await failure(Promise.reject(error), "name_reserved");
    assert.equal(code, "already_exists");
    return existingId;
  }
}

/** Cases for the normalization of runtime-specific errors and responses. */
export function vocabularyCases(subject: () => Subject): void {
  test("an unknown id: object_missing, and success of the RPCs that CRI declares idempotent", async () => {
    const { runtime } = subject().cri;
    const id = { containerId: missing };
    const pod = { podSandboxId: missing };
    for (const call of [
      () => runtime.podSandboxStatus(pod),
      () => runtime.containerStatus(id),
      () => runtime.startContainer(id),
      () => runtime.execSync({ ...id, cmd: ["true"] }),
      () => runtime.exec({ ...id, cmd: ["true"], stdout: true }),
      () => runtime.attach({ ...id, stdout: true }),
      () => runtime.portForward({ ...pod, port: [80] }),
      () => runtime.containerStats(id),
      () => runtime.podSandboxStats(pod),
      () => runtime.updateContainerResources({ ...id, linux: { cpuShares: 2n } }),
      () => runtime.reopenContainerLog(id),
    ]) {
      const error = await failure(call(), "object_missing");
      assert.equal(error.code, "not_found");
    }
    // containerd 1.6 responds with not_found to the first two.
    await runtime.stopPodSandbox(pod);
    await runtime.stopContainer(id);
    await runtime.removePodSandbox(pod);
    await runtime.removeContainer(id);
  });

  test("duplicate metadata: the id of the existing object, in name_reserved or in the response", async () => {
    const { runtime } = subject().cri;
    await using pod = await runPod(subject(), "twice");
    assert.equal(await existingId(runtime.runPodSandbox({ config: pod.sandboxConfig })), pod.podSandboxId);
    const containerId = await pod.container(["sleep", "600"], false);
    const config = containerConfig(subject(), "c0", ["sleep", "600"]);
    const { podSandboxId, sandboxConfig } = pod;
    const repeated = runtime.createContainer({ podSandboxId, config, sandboxConfig });
    assert.equal(await existingId(repeated), containerId);
  });

  test("wrong states: a second start, exec in a stopped container, stats of an unstarted one", async () => {
    const { runtime } = subject().cri;
    await using pod = await runPod(subject(), "states");
    const created = await pod.container(["sleep", "600"], false);
    await failure(runtime.execSync({ containerId: created, cmd: ["true"] }), "wrong_state");
    await failure(runtime.containerStats({ containerId: created }), "wrong_state");
    await failure(runtime.reopenContainerLog({ containerId: created }), "wrong_state");
    await runtime.startContainer({ containerId: created });
    const twice = await failure(runtime.startContainer({ containerId: created }), "wrong_state");
    assert.equal(twice.code, "failed_precondition");
    await runtime.stopContainer({ containerId: created, timeout: 0n });
    await failure(runtime.execSync({ containerId: created, cmd: ["true"] }), "wrong_state");
  });

  test("ExecSync: its timeout, and a command that does not exist", async () => {
    const { runtime } = subject().cri;
    await using pod = await runPod(subject(), "exec");
    const containerId = await pod.container(["sleep", "600"]);
    const late = await failure(
      runtime.execSync({ containerId, cmd: ["sleep", "60"], timeout: 1n }),
      "exec_timeout",
    );
    assert.equal(late.code, "deadline_exceeded");
    await failure(runtime.execSync({ containerId, cmd: ["no-such-command"] }), "exec_not_started");
    const killed = await runtime.execSync({ containerId, cmd: ["sh", "-c", "kill -9 $$"] });
    assert.equal(killed.exitCode, 137);
  });

  test("an ambiguous prefix on a read", async () => {
    const { runtime } = subject().cri;
    await using pod = await runPod(subject(), "prefix");
    // Of seventeen hexadecimal ids, two share their first digit.
    const ids = await Promise.all(Array.from({ length: 17 }, () => pod.container(["true"], false)));
    const digit = ids.map((id) => id.slice(0, 1)).find((first, index, all) => all.indexOf(first) !== index);
    const error = await failure(runtime.containerStatus({ containerId: digit ?? "" }), "ambiguous_id");
    assert.equal(error.code, "invalid_argument");
    assert.equal(
      (await runtime.podSandboxStatus({ podSandboxId: pod.podSandboxId.slice(0, 12) })).status?.id,
      pod.podSandboxId,
    );
  });

  test("images: missing locally, missing in the registry, no registry, an invalid reference", async () => {
    const { cri, running } = subject();
    await using pod = await runPod(subject(), "images");
    const { podSandboxId, sandboxConfig } = pod;
    const config = {
      ...containerConfig(subject(), "none", ["true"]),
      image: { image: "localhost:1/none:1" },
    };
    await failure(cri.runtime.createContainer({ podSandboxId, config, sandboxConfig }), "image_missing");
    const pull = (image: string) => cri.image.pullImage({ image: { image } });
    await failure(pull(`localhost:${running.registry.port}/cri-sdk/none:1`), "image_missing");
    const down = await failure(pull("localhost:1/none:1"), "registry_unavailable");
    assert.equal(down.code, "unavailable");
    await failure(pull("localhost/UPPER:1"), "invalid_image_reference");
  });

  test("a registry that requires credentials", async () => {
    const { cri, running, runtime } = subject();
    const name = `login${runtime.release.replace(".", "")}`;
    const registry = await startRegistry({
      program: running.installed.dockerRegistry,
      runDir: running.dir,
      name,
      requireLogin: true,
    });
    try {
      const { busybox } = await pushImages(registry, running.installed.busybox);
      const image = { image: busybox };
      const { username = "", password = "" } = registry.login ?? {};
      await failure(cri.image.pullImage({ image }), "registry_denied");
      await failure(cri.image.pullImage({ image, auth: { username, password: "wrong" } }), "registry_denied");
      await cri.image.pullImage({ image, auth: { username, password } });
      await cri.image.removeImage({ image });
    } finally {
      await registry.stop();
    }
  });

  test("an unknown runtime handler", async () => {
    const { runtime } = subject().cri;
    const config = podConfig(subject(), "handler");
    await failure(
      runtime.runPodSandbox({ config, runtimeHandler: "no-such-handler" }),
      "unknown_runtime_handler",
    );
  });

  test("a container that cannot start fails with exec_not_started and becomes EXITED", async () => {
    const { runtime } = subject().cri;
    await using pod = await runPod(subject(), "nostart");
    const containerId = await pod.container(["/no/such/binary"], false);
    await failure(runtime.startContainer({ containerId }), "exec_not_started");
    await eventually("the container is EXITED with 128", async () => {
      const { status } = await runtime.containerStatus({ containerId });
      return status?.exitCode === 128;
    });
  });
}
