// The lifecycle of a pod, with one call per step: `npm start` runs this file on any machine. It cleans up after itself.
import { randomUUID } from "node:crypto";
import { type Cri, isCriError, nanosToDate } from "cri-sdk";
import { type ContainerEventResponse, ContainerEventTypeSchema } from "cri-sdk/v1";
import { findRuntime } from "./find-runtime.js";
import { cleanUp, say, step } from "./show-steps.js";

async function quickstart(image: string): Promise<void> {
  await using found = await findRuntime(say);
  const { cri } = found;
  await step(
    "version",
    cri.runtime.version(),
    (v) => `${v.runtimeName} ${v.runtimeVersion} at ${cri.endpoint}`,
  );

  // Subscribe first: CRI does not repeat earlier events.
  const uid = randomUUID();
  const stopWatching = new AbortController();
  const events = watchPod(cri, uid, stopWatching.signal);

  const existed = (await cri.image.imageStatus({ image: { image } })).image !== undefined;
  await step(
    "pull",
    cri.image.pullImage({ image: { image } }),
    ({ imageRef }) => `${image} is ${imageRef.slice(0, 19)}`,
  );
  try {
    await runPod(cri, uid, image);
  } finally {
    if (!existed) await cleanUp("untag", cri.image.removeImage({ image: { image } }));
  }
  stopWatching.abort();
  await step("events", events, (names) => names.join(", "));
}

async function runPod(cri: Cri, uid: string, image: string): Promise<void> {
  const { runtime } = cri;
  const sandboxConfig = {
    metadata: { name: "quickstart", namespace: "default", uid, attempt: 0 },
    hostname: "quickstart",
    linux: {},
  };
  const { podSandboxId } = await step("sandbox", runtime.runPodSandbox({ config: sandboxConfig }), (pod) =>
    pod.podSandboxId.slice(0, 13),
  );
  try {
    await step(
      "status",
      runtime.podSandboxStatus({ podSandboxId }),
      ({ status }) =>
        `IP ${status?.network?.ip}, created ${nanosToDate(status?.createdAt ?? 0n)?.toISOString()}`,
    );
    const config = {
      metadata: { name: "main", attempt: 0 },
      image: { image },
      command: ["sleep", "3600"],
      linux: {},
    };
    const { containerId } = await step(
      "create",
      runtime.createContainer({ podSandboxId, config, sandboxConfig }),
      (container) => container.containerId.slice(0, 13),
    );
    await step("start", runtime.startContainer({ containerId }));
    await step(
      "exec",
      runtime.execSync({ containerId, cmd: ["sh", "-c", "echo hello from $HOSTNAME"], timeout: 10n }),
      ({ exitCode, stdout }) => `exit code ${exitCode}: ${Buffer.from(stdout).toString().trim()}`,
    );
    await step(
      "stream",
      cri.runCommand(containerId, ["tr", "a-z", "A-Z"], { input: "sent in small letters" }),
      ({ exitCode, stdout }) => `exit code ${exitCode}: ${stdout}`,
    );
    await step("stats", runtime.containerStats({ containerId }), ({ stats }) => {
      const memory = Number(stats?.memory?.workingSetBytes?.value ?? 0n) / 2 ** 20;
      const cpu = Number(stats?.cpu?.usageCoreNanoSeconds?.value ?? 0n) / 1e6;
      return `${memory.toFixed(1)} MiB of memory, ${cpu.toFixed(0)} ms of CPU`;
    });
    await step("stop", runtime.stopContainer({ containerId, timeout: 0n }));
    await step("remove", runtime.removeContainer({ containerId }));
  } finally {
    // Stopping and removing a sandbox also stops and removes its containers, after any of the steps above.
    await cleanUp("stop pod", runtime.stopPodSandbox({ podSandboxId }));
    await cleanUp("remove pod", runtime.removePodSandbox({ podSandboxId }));
  }
}

/** Collects the events of a pod and its containers until the signal is aborted. */
async function watchPod({ runtime }: Cri, uid: string, signal: AbortSignal): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const event of runtime.getContainerEvents({}, { signal }))
      if (event.podSandboxStatus?.metadata?.uid === uid) names.push(nameOf(event));
  } catch (error) {
    if (!isCriError(error)) throw error;
    // The abort above ends the stream as expected; containerd 1.6 does not implement events.
    if (error.reason !== "aborted_by_caller") names.push(`(${error.reason})`);
  }
  return names;
}

function nameOf({ containerId, podSandboxStatus, containerEventType }: ContainerEventResponse): string {
  const what = containerId === podSandboxStatus?.id ? "pod" : "container";
  const [, happened] = ContainerEventTypeSchema.value[containerEventType]?.name.split("_") ?? [];
  return `${what} ${happened?.toLowerCase()}`;
}

/** Returns advice for a failure. */
function adviceFor(error: unknown): string {
  if (error instanceof Error && "syscall" in error)
    return "Set a folder for temporary files that this user can write to: TMPDIR=/path npm start";
  if (!isCriError(error)) return "";
  if (error.reason === "socket_forbidden")
    return "Run it as root, or without CONTAINER_RUNTIME_ENDPOINT and crictl.yaml: then it starts the embedded runtime.";
  if (error.code === "unavailable")
    return "Start the runtime, or set the socket of another one: CONTAINER_RUNTIME_ENDPOINT=unix:///path npm start";
  if (error.method === "PullImage")
    return "Set an image that this machine can pull: IMAGE=registry/name:tag npm start";
  if (error.method === "RunPodSandbox")
    return "Check the runtime's Status and its log. The most common cause is a missing pod network.";
  return "";
}

try {
  await quickstart(process.env.IMAGE ?? "docker.io/library/busybox:1.37");
  say("done; everything was removed");
} catch (error) {
  process.exitCode = 1;
  say(`\nThe quickstart failed: ${error instanceof Error ? error.message : error}`);
  const advice = adviceFor(error);
  if (advice) say(advice);
}
