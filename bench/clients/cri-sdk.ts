import { connect } from "cri-sdk";
import { type BenchClient, filterFor } from "./client.js";

/** cri-sdk as its users call it. Its default deadlines apply. */
export function criSdk(path: string): BenchClient {
  const { runtime } = connect.lazy(`unix://${path}`);
  return {
    version: () => runtime.version(),
    list: (containers) => runtime.listContainers({ filter: filterFor(containers) }),
  };
}
