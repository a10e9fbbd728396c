// A pod's whole life through the SDK: `npm start` runs this file. It leaves nothing behind.
import { randomUUID } from "node:crypto";
import { isCriError, nanosToDate } from "cri-sdk";
import { type ContainerEventResponse, ContainerEventTypeSchema } from "cri-sdk/v1";
import { findRuntime } from "./find-runtime.js";

const say = (line: string) => console.log(line);

/** Does one step, and prints what it gave with the time it took. */
async function step<T>(name: string, work: Promise<T>, show: (result: T) => string = () => ""): Promise<T> {
  const began = performance.now();
  const result = await work;
  say(`${name.padEnd(10)} ${(performance.now() - began).toFixed(1).padStart(7)} ms  ${show(result)}`);
  return result;
}

const eventName = ({ containerId, podSandboxStatus, containerEventType }: ContainerEventResponse) => {
  const what = containerId === podSandboxStatus?.id ? "pod" : "container";
  const [, happened] = ContainerEventTypeSchema.value[containerEventType]?.name.split("_") ?? [];
  return `${what} ${happened?.toLowerCase()}`;
};

async function quickstart(): Promise<void> {
  await using found = await findRuntime(say);
  const { cri, image, cgroupParent } = found;
  const { runtime } = cri;
  const uid = randomUUID();

  await step("version", runtime.version(), (v) => `${v.runtimeName} ${v.runtimeVersion} at ${cri.endpoint}`);

  // The subscription has to be there before what it should see.
  const events: string[] = [];
  const stopWatching = new AbortController();
  const watching = (async () => {
    for await (const event of runtime.getContainerEvents({}, { signal: stopWatching.signal }))
      if (event.podSandboxStatus?.metadata?.uid === uid) events.push(eventName(event));
  })().catch((error: unknown) => {
    // Our own abort is the expected end; containerd 1.6 has no events at all.
    if (isCriError(error) && error.reason !== "aborted_by_caller") events.push(`(${error.reason})`);
  });

  const wasThere = (await cri.image.imageStatus({ image: { image } })).image !== undefined;
  await step(
    "pull",
    cri.image.pullImage({ image: { image } }),
    ({ imageRef }) => `${image} is ${imageRef.slice(0, 19)}`,
  );

  const sandboxConfig = {
    metadata: { name: "quickstart", namespace: "default", uid, attempt: 0 },
    hostname: "quickstart",
    linux: { cgroupParent: `${cgroupParent}/${uid}` },
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
      metadata: { name: "web", attempt: 0 },
      image: { image },
      command: ["httpd", "-f", "-p", "8080"],
      linux: {},
    };
    const { containerId } = await step(
      "create",
      runtime.createContainer({ podSandboxId, config, sandboxConfig }),
      (container) => container.containerId.slice(0, 13),
    );
    await step("start", runtime.startContainer({ containerId }));
    const cmd = ["sh", "-c", "echo hello from $(hostname)"];
    await step(
      "exec",
      runtime.execSync({ containerId, cmd, timeout: 10n }),
      ({ exitCode, stdout }) => `exit code ${exitCode}: ${Buffer.from(stdout).toString().trim()}`,
    );
    await step("stats", runtime.containerStats({ containerId }), ({ stats }) => {
      const memory = Number(stats?.memory?.workingSetBytes?.value ?? 0n) / 2 ** 20;
      const cpu = Number(stats?.cpu?.usageCoreNanoSeconds?.value ?? 0n) / 1e6;
      return `${memory.toFixed(1)} MiB of memory, ${cpu.toFixed(0)} ms of CPU`;
    });
    await step("stop", runtime.stopContainer({ containerId, timeout: 0n }));
    await step("remove", runtime.removeContainer({ containerId }));
  } finally {
    // Stopping and removing a sandbox takes its containers along, however far the steps above came.
    await step("stop pod", runtime.stopPodSandbox({ podSandboxId }));
    await step("remove pod", runtime.removePodSandbox({ podSandboxId }));
    if (!wasThere) await step("untag", cri.image.removeImage({ image: { image } }));
  }
  stopWatching.abort();
  await step("events", watching, () => events.join(", "));
}

try {
  await quickstart();
  say("done; nothing was left behind");
} catch (error) {
  process.exitCode = 1;
  if (!isCriError(error)) throw error;
  say(`\nIt failed: ${error.message}`);
  if (error.code === "unavailable")
    say("Start containerd or CRI-O, or name the socket: CONTAINER_RUNTIME_ENDPOINT=unix:///path npm start");
  if (error.reason === "socket_forbidden") say("Run it as root: runtimes' sockets are root's.");
  if (error.method === "PullImage")
    say("Name an image this machine can pull: IMAGE=registry/name:tag npm start");
}
