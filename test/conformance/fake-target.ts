import type { RpcTransport } from "../../src/index.js";
import { connect } from "../../src/index.js";
import {
  type ConformanceCase,
  type ConformanceGroup,
  type ConformanceTarget,
  shellCommands,
} from "../../src/testing/conformance/index.js";

/** What a fake runtime was asked, by the names of the RPCs. */
export interface FakeRuntime {
  readonly target: ConformanceTarget;
  readonly calls: string[];
}

/** A runtime that answers every call with an empty message, but for Version: it is there, and has nothing in it. */
export function fakeRuntime(runtimeName = "fake", runtimeVersion = "1.2.3"): FakeRuntime {
  const calls: string[] = [];
  const transport = {
    unary(method: { readonly name: string; readonly output: unknown }) {
      calls.push(method.name);
      const version = method.name === "Version" ? { runtimeName, runtimeVersion } : {};
      const message = { items: [], containers: [], ...version };
      return Promise.resolve({ message, method });
    },
    stream: () => Promise.reject(new Error("the fake runtime has no streams")),
  } as unknown as RpcTransport;
  const cri = connect.through({ transport, normalize: false });
  const images = { main: "main:1", sameImage: "main:2", other: "other:1", missing: "missing:1" };
  return { calls, target: { cri, images, commands: shellCommands, directory: "/nonexistent/logs" } };
}

/** A case that does this. */
export function fakeCase(
  id: string,
  run: ConformanceCase["run"] = () => Promise.resolve(),
  group: ConformanceGroup = "runtime",
): ConformanceCase {
  return { id, group, title: `the title of ${id}`, rule: `the rule of ${id}`, run };
}
