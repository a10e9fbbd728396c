import { connect } from "cri-sdk";
import type { BenchClient, Sockets } from "./client.js";

/** This package, as its users call it. Its policy table sets the deadline. */
export function criSdk(sockets: Sockets): BenchClient {
  const versions = connect.lazy(`unix://${sockets.version}`);
  const lists = connect.lazy(`unix://${sockets.list}`);
  return {
    version: () => versions.runtime.version(),
    list: () => lists.runtime.listContainers(),
    async close() {
      await Promise.all([versions.close(), lists.close()]);
    },
  };
}
