// Compiled by `npx tsc -p .`, never run: each @ts-expect-error fails the build when the line below it compiles.
import type { Container, ContainerSnapshot, Cri, Pod, PodSnapshot } from "../../src/index.js";

type ExitedContainer = Extract<ContainerSnapshot, { state: "exited" }>;
type RunningContainer = Extract<ContainerSnapshot, { state: "running" }>;
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function holds<T extends true>(): T | undefined {
  return undefined;
}

declare const cri: Cri;
declare const pod: Pod;
declare const container: Container;
const spec = { name: "main", image: "busybox" };

/** The result's type follows from the condition. */
export async function waits(): Promise<void> {
  const ended = await container.wait();
  holds<Same<typeof ended, ExitedContainer>>();
  const running = await container.wait({ until: "running", timeoutMs: 1_000 });
  holds<Same<typeof running, RunningContainer>>();
  const any = await container.wait({ until: ({ state }) => state !== "created" });
  holds<Same<typeof any, ContainerSnapshot>>();
  const ready = await pod.wait({ until: "ready" });
  holds<Same<typeof ready, PodSnapshot>>();
  const stopped = await pod.wait({ until: "stopped" });
  holds<Same<typeof stopped, PodSnapshot | undefined>>();
  // @ts-expect-error CRI has no readiness of containers
  await container.wait({ until: "ready" });
  // @ts-expect-error a pod's wait requires a condition
  await pod.wait({});
  // @ts-expect-error the unit is in the name
  await container.wait({ timeout: 1_000 });
}

/** Only an exited container has an exit code. */
export async function snapshots(): Promise<number> {
  const snapshot = await container.status();
  // @ts-expect-error the container may be running
  snapshot.exitCode;
  return snapshot.state === "exited" ? snapshot.exitCode : 0;
}

/** Calls that runtimes reject, or crash on, do not compile. */
export async function calls(): Promise<void> {
  await pod.createContainer(spec, { allowPartialConfig: true });
  // @ts-expect-error the handle knows its config; another one cannot be passed
  await pod.createContainer(spec, { sandboxConfig: {} });
  // @ts-expect-error a container requires a name
  await pod.runContainer({ image: "busybox" });
  // @ts-expect-error a container requires an image
  await pod.runContainer({ name: "main" });
  // @ts-expect-error a pod requires a name
  await cri.pods.run({ namespace: "default" });
  // @ts-expect-error find() requires a name
  await cri.pods.find({ namespace: "default" });
  // @ts-expect-error the option is gracePeriodMs
  await pod.stop({ timeout: 5 });
  // @ts-expect-error handles come from cri.pods, not from ids
  new Pod("0123");
  // @ts-expect-error metadata is immutable
  pod.uid = "another";
  // @ts-expect-error bytes require encoding: "buffer"
  (await container.runCommand(["ls"])).stdout.subarray(1);
  (await container.runCommand(["ls"], { encoding: "buffer" })).stdout.subarray(1);
}
