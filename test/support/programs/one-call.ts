// Makes one call, never closes, and says how long it stayed after that.
import { createTransport } from "../../../src/transport/transport.js";
import { version } from "../calls.js";

const answer = await version(createTransport(process.argv[2] ?? ""), { timeoutMs: 10_000 });
const end = performance.now();
process.on("exit", () => {
  const idle = performance.now() - end < 1_000 ? "less than 1 s" : "too long";
  process.stdout.write(`${answer.message.runtimeName}, and then idle for ${idle}`);
});
