// Reads events, watches the node and waits for a container without closing the client, then prints how long the process
// stayed alive afterwards.
import { connect } from "../../../src/index.js";

const cri = connect.lazy(process.argv[2] ?? "");
for await (const event of cri.events) if (event.type === "resync") break;
const node = await cri.watchNode();
const [container] = await cri.containers.list();
await node.close();
const waited = await container?.wait({ timeoutMs: 300 }).catch((error: { reason?: string }) => error.reason);
const end = performance.now();
process.on("exit", () => {
  const idle = performance.now() - end < 2_000 ? "less than 2 s" : "too long";
  process.stdout.write(`${waited}, and then idle for ${idle}`);
});
