// Compiled by `npx tsc -p .`, never run: each @ts-expect-error fails the build when the line below it compiles.
import type {
  Container,
  ContainerSnapshot,
  Cri,
  ExitedContainer,
  Pod,
  PodSnapshot,
  RunningContainer,
} from "../../src/index.js";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function holds<T extends true>(): T | undefined {
  return undefined;
}

declare const cri: Cri;
declare const pod: Pod;
declare const container: Container;
const spec = { name: "main", image: "busybox" };

/** What a wait gives follows from what it waits for. */
export async function waits(): Promise<void> {
  const ended = await container.wait();
  holds<Same<typeof ended, ExitedContainer>>();
  const running = await container.wait({ until: "running", timeoutMs: 1_000 });
  holds<Same<typeof running, RunningContainer>>();
  const any = await container.wait({ until: ({ state }) => state !== "created" });
  holds<Same<typeof any, ContainerSnapshot>>();
  const ready = await pod.wait({ until: "ready" });
  holds<Same<typeof ready, PodSnapshot>>();
  const gone = await pod.wait({ until: "stopped" });
  holds<Same<typeof gone, PodSnapshot | undefined>>();
  // @ts-expect-error CRI knows no readiness of containers
  await container.wait({ until: "ready" });
  // @ts-expect-error a pod is waited for until something
  await pod.wait({});
  // @ts-expect-error the unit is in the name
  await container.wait({ timeout: 1_000 });
}

/** An exit code is there only for what has ended. */
export async function snapshots(): Promise<number> {
  const snapshot = await container.status();
  // @ts-expect-error it may run
  snapshot.exitCode;
  return snapshot.state === "exited" ? snapshot.exitCode : 0;
}

/** What CRI would refuse, or crash of, cannot be written. */
export async function calls(): Promise<void> {
  await pod.createContainer(spec, { allowPartialConfig: true });
  // @ts-expect-error a handle has its config: no other can be passed
  await pod.createContainer(spec, { sandboxConfig: {} });
  // @ts-expect-error a container has a name
  await pod.runContainer({ image: "busybox" });
  // @ts-expect-error and an image
  await pod.runContainer({ name: "main" });
  // @ts-expect-error a pod has a name
  await cri.pods.run({ namespace: "default" });
  // @ts-expect-error a pod is found by its name
  await cri.pods.find({ namespace: "default" });
  // @ts-expect-error a grace period is in milliseconds, and says so
  await pod.stop({ timeout: 5 });
  // @ts-expect-error nobody makes handles of ids
  new Pod("0123");
  // @ts-expect-error what a sandbox is does not change
  pod.uid = "another";
  // @ts-expect-error bytes are asked for, not hoped for
  (await container.runCommand(["ls"])).stdout.subarray(1);
  (await container.runCommand(["ls"], { encoding: "buffer" })).stdout.subarray(1);
}
