import { readFileSync } from "node:fs";
import { createServer } from "node:net";

/** The ports that tests may use: below those that Linux gives to connections and to listeners on port 0. */
const firstPort = 15_000;
const lastPort = Math.max(firstPort + 1_000, Math.min(32_000, firstEphemeralPort() - 1));

/** Processes of tests that run at the same time begin at different ports. */
let next = firstPort + ((process.pid * 50) % (lastPort - firstPort));

/** Returns a port on which nothing listens, and which no other call in this process returns soon. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt <= lastPort - firstPort; attempt++) {
    const port = next;
    next = next < lastPort ? next + 1 : firstPort;
    if (await isFree(port)) return port;
  }
  throw new Error(`no port from ${firstPort} to ${lastPort} is free`);
}

/** Listens on all addresses, as most servers do, which fails if another process listens on one of them. */
function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().once("error", () => resolve(false));
    server.listen(port, () => server.close(() => resolve(true)));
  });
}

function firstEphemeralPort(): number {
  try {
    return Number.parseInt(readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8"), 10);
  } catch {
    return 32_768;
  }
}
