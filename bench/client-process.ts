// Runs one client in its own process, so that garbage and compiled code of one client do not slow down another.
// Arguments: the client's name and the server's socket. Each message is a RoundOrder; the response is a RoundResult.
import { answerOrders, costOf } from "./answer-orders.js";
import { type ClientName, clients } from "./clients/index.js";
import type { RoundOrder, RoundResult } from "./rounds.js";

const [, , name = "", socket = ""] = process.argv;
const client = await clients[name as ClientName](socket);
await client.version();

answerOrders(run);

async function run({ workload, durationMs }: RoundOrder): Promise<RoundResult> {
  const call = workload.call === "version" ? () => client.version() : () => client.list(workload.containers);
  let calls = 0;
  const cost = await costOf(async () => {
    const endsAt = performance.now() + durationMs;
    const repeat = async (): Promise<void> => {
      do {
        await call();
        calls++;
      } while (performance.now() < endsAt);
    };
    await Promise.all(Array.from({ length: workload.inFlight }, repeat));
  });
  return { calls, ...cost };
}
