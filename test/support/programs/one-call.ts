// Makes one call without closing the transport and prints how long the process stayed alive afterwards.
import { createTransport } from "../../../src/transport/transport.js";
import { version } from "../calls.js";

const response = await version(createTransport(process.argv[2] ?? ""), { timeoutMs: 10_000 });
const end = performance.now();
process.on("exit", () => {
  const idle = performance.now() - end < 1_000 ? "less than 1 s" : "too long";
  process.stdout.write(`${response.message.runtimeName}, and then idle for ${idle}`);
});
