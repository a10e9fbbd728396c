// Compiled by `npx tsc -p .`, never run: each @ts-expect-error fails the build when the line below it compiles.
import { type Cri, connect, type RpcTransport, type ServerStream } from "../../src/index.js";
import type {
  Container,
  ContainerEventResponse,
  PodSandboxStatusResponse,
  StopContainerResponse,
  VersionResponse,
} from "../../src/v1.js";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function holds<T extends true>(): T | undefined {
  return undefined;
}

export function answersAreInferred({ runtime, image, lists }: Cri): void {
  holds<Same<ReturnType<typeof runtime.version>, Promise<VersionResponse>>>();
  holds<Same<ReturnType<typeof runtime.podSandboxStatus>, Promise<PodSandboxStatusResponse>>>();
  holds<Same<ReturnType<typeof runtime.stopContainer>, Promise<StopContainerResponse>>>();
  holds<Same<ReturnType<typeof runtime.getContainerEvents>, ServerStream<ContainerEventResponse>>>();
  holds<Same<ReturnType<ReturnType<typeof lists.containers>["collect"]>, Promise<Container[]>>>();
  holds<Same<Awaited<ReturnType<typeof image.pullImage>>["imageRef"], string>>();
}

export function requestsAreChecked({ runtime, image, lists }: Cri): void {
  void runtime.version();
  void runtime.version({}, { signal: undefined, timeoutMs: undefined, headers: undefined });
  // @ts-expect-error RunPodSandbox requires a request
  void runtime.runPodSandbox();
  // @ts-expect-error StopContainer requires a request
  void runtime.stopContainer();
  // @ts-expect-error PullImage requires a request
  void image.pullImage();
  // @ts-expect-error ImageStatus requires a request
  void image.imageStatus();
  // @ts-expect-error an unknown field
  void runtime.podSandboxStatus({ id: "x" });
  // @ts-expect-error an int64 is a bigint
  void runtime.stopContainer({ containerId: "x", timeout: 10 });
  // @ts-expect-error a list of strings
  void runtime.execSync({ containerId: "x", cmd: "ls" });
  // @ts-expect-error a nested field of the wrong type
  void runtime.runPodSandbox({ config: { metadata: { name: 1 } } });
  // @ts-expect-error options come second
  void runtime.version({ timeoutMs: 5 });
  // @ts-expect-error the unit is in the name
  void runtime.version({}, { timeout: 5 });
  // @ts-expect-error an unknown field of a filter
  void lists.containers({ name: "x" });
  // @ts-expect-error CRI has no filter for metrics; the options come first
  void lists.podSandboxMetrics({}, {});
  // @ts-expect-error an unknown RPC
  void runtime.startPodSandbox({});
  // @ts-expect-error an RPC of the image service
  void runtime.pullImage({});
}

export async function kindsOfCallsDiffer({ runtime }: Cri): Promise<void> {
  for await (const event of runtime.getContainerEvents()) holds<Same<typeof event, ContainerEventResponse>>();
  await using events = runtime.getContainerEvents({});
  void events.next();
  // @ts-expect-error a unary RPC returns a promise
  for await (const _ of runtime.version());
}

export function nothingIsReplaced(cri: Cri, other: Cri): void {
  // @ts-expect-error readonly
  cri.runtime = other.runtime;
  // @ts-expect-error readonly
  cri.runtime.version = other.runtime.version;
}

export function connecting(transport: RpcTransport): void {
  void connect();
  void connect("unix:///x", { timeoutMs: 1 });
  void connect({ endpoint: "unix:///x", retry: { attempts: 1 }, preflight: false, normalize: false });
  connect.lazy("unix:///x");
  connect.through(transport);
  connect.through({ transport, retry: { attempts: 1 }, endpoint: "a name" });
  // @ts-expect-error options of our transport do not apply to a custom one
  connect.through({ transport, readLimitBytes: 1 });
  // @ts-expect-error the table of RPCs decides which methods are retried
  void connect({ retry: { methods: ["runPodSandbox"] } });
  // @ts-expect-error a number of milliseconds
  void connect({ timeoutMs: "5s" });
}
