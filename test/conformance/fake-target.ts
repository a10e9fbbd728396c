import type { RpcTransport } from "../../src/index.js";
import { connect } from "../../src/index.js";
import {
  type ConformanceCase,
  type ConformanceGroup,
  type ConformanceTarget,
  shellCommands,
} from "../../src/testing/conformance/index.js";

/** A fake runtime, and the names of the RPCs that it has received. */
export interface FakeRuntime {
  readonly target: ConformanceTarget;
  readonly calls: string[];
  /** The pods that ListPodSandbox returns. */
  readonly pods: { readonly id: string; readonly labels: Readonly<Record<string, string>> }[];
  /** The ids that RemovePodSandbox received. */
  readonly removed: string[];
  /** Makes every later call fail. */
  stopResponding(): void;
}

/** Creates a runtime without containers. Calls change nothing. */
export function fakeRuntime(runtimeName = "fake", runtimeVersion = "1.2.3"): FakeRuntime {
  const calls: string[] = [];
  const pods: FakeRuntime["pods"] = [];
  const removed: string[] = [];
  let isResponding = true;
  const transport = {
    unary(
      method: { readonly name: string; readonly output: unknown },
      ...[, , , request]: readonly [unknown, unknown, unknown, { readonly podSandboxId?: string }]
    ) {
      calls.push(method.name);
      if (!isResponding) return Promise.reject(new Error("the fake runtime does not respond"));
      if (method.name === "RemovePodSandbox") removed.push(request.podSandboxId ?? "");
      if (method.name === "ListPodSandbox")
        return Promise.resolve({
          message: { items: pods.filter(({ id }) => !removed.includes(id)) },
          method,
        });
      const version = method.name === "Version" ? { runtimeName, runtimeVersion } : {};
      const message = { items: [], containers: [], ...version };
      return Promise.resolve({ message, method });
    },
    stream: () => Promise.reject(new Error("the fake runtime has no streams")),
  } as unknown as RpcTransport;
  const cri = connect.through({ transport, normalize: false });
  const images = { main: "main:1", sameImage: "main:2", other: "other:1", missing: "missing:1" };
  const stopResponding = () => {
    isResponding = false;
  };
  return {
    calls,
    pods,
    removed,
    stopResponding,
    target: { cri, images, commands: shellCommands, directory: "/nonexistent/logs" },
  };
}

/** Creates a case with this check. */
export function fakeCase(
  id: string,
  run: ConformanceCase["run"] = () => Promise.resolve(),
  group: ConformanceGroup = "runtime",
): ConformanceCase {
  return { id, group, title: `the title of ${id}`, rule: `the rule of ${id}`, run };
}
