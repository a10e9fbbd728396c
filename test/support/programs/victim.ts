// Uses a host driver until it is killed: keeps starting processes that are hard to kill and removing some of them.
import { hostDriver } from "../../../src/testing/embedded/host/driver.js";
import { command, containerConfig } from "../host-driver.js";

const [stateDir = "", sleepSeconds = ""] = process.argv.slice(2);
const terminals = process.platform === "linux";

const sleep = `sleep ${sleepSeconds}`;

/** A shell command that ignores signals, double-forks into a new session and clears the environment of one process. */
const stubborn =
  `trap '' TERM HUP INT; (setsid sh -c "trap '' TERM HUP; (${sleep}; true) & ${sleep}; true" &); ` +
  `exec env -i ${sleep}`;

async function main(): Promise<void> {
  process.stdout.write("starting\n");
  const driver = await hostDriver({ stateDir });
  process.stdout.write("open\n");
  for (let round = 0; ; round++) {
    const container = containerConfig();
    await driver.create(container);
    const specs = [
      command(["sh", "-c", stubborn]),
      command(["sh", "-c", `(${sleep} &) ; echo; exec ${sleep}`], { stdin: true }),
      command(["sh", "-c", `${sleep} & wait`], { tty: terminals }),
    ];
    await Promise.all(
      specs.map(async (spec) => {
        const started = await driver.start(container, spec);
        started.stdout.resume();
        process.stdout.write("started\n");
      }),
    );
    if (round % 2 === 1) await driver.remove(container);
  }
}

void main();
