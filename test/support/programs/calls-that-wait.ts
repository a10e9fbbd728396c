// Keeps five unanswered calls and five endless streams open until it is killed.
import { createTransport } from "../../../src/transport/transport.js";
import { RuntimeService } from "../../../src/v1.js";
import { collect, events } from "../calls.js";

const transport = createTransport(process.argv[2] ?? "");
const waiting = Array.from({ length: 5 }, () => [
  transport.unary(RuntimeService.method.execSync, undefined, undefined, undefined, { cmd: ["wait"] }),
  collect(events(transport)),
]);
await Promise.all(waiting.flat());
