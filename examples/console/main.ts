// The console: this node live in a browser.
//
//   npm run console
//   npm run console -- --demo
//
// It prints a link that opens the page once. Ctrl-C and SIGTERM close it; pods and containers keep running.
import { createInterface } from "node:readline";
import { type Cri, connect, isCriError } from "cri-sdk";
import { stopRequest } from "../stop-request.js";
import { type Command, readCommand, UsageError, usage } from "./command.js";
import { startDemo } from "./demo/demo.js";
import { type Console, PortError, startConsole } from "./server/console-server.js";

/** Returns a client. An endpoint that was named may start later; without one, a runtime must respond now. */
async function connectTo({ endpoint }: Command): Promise<Cri> {
  if (endpoint !== undefined) return connect.lazy(endpoint);
  try {
    return await connect();
  } catch (error) {
    if (!isCriError(error) || error.reason !== "no_runtime") throw error;
    throw error.with({ hint: "Start a runtime, or see an example with `npm run console -- --demo`" });
  }
}

async function run(command: Command): Promise<void> {
  const stop = stopRequest();
  await using demo = command.isDemo ? await startDemo() : undefined;
  await using cri = demo ? undefined : await connectTo(command);
  const client = demo?.cri ?? cri;
  if (!client) return;
  const { port, intervalMs, isReadOnly } = command;
  await using page = await startConsole({ cri: client, port, intervalMs, isReadOnly });
  console.log(`The console shows ${client.endpoint}. Open it with this link, which works once:\n`);
  console.log(`  ${page.newLink()}\n`);
  await untilStopped(page, stop);
}

/** Prints another link for each Enter, until the signal fires. */
async function untilStopped(page: Console, stop: AbortSignal): Promise<void> {
  const lines = process.stdin.isTTY ? createInterface({ input: process.stdin }) : undefined;
  if (lines) console.log("Press Enter for another link, and Ctrl-C to end the console.");
  lines?.on("line", () => console.log(`  ${page.newLink()}\n`));
  await new Promise<void>((resolve) => {
    if (stop.aborted) resolve();
    stop.addEventListener("abort", () => resolve(), { once: true });
  });
  lines?.close();
}

try {
  const command = readCommand(process.argv.slice(2));
  if (command === "help") console.log(usage);
  else await run(command);
} catch (error) {
  const isUsage = error instanceof UsageError;
  process.exitCode = isUsage ? 2 : 1;
  if (!isUsage && !isCriError(error) && !(error instanceof PortError)) throw error;
  console.error(isUsage ? `${error.message}\n\n${usage}` : error.message);
}
