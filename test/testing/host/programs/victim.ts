// Uses a host driver until it is killed: starts what is hard to get rid of, ends some of it, and starts more.
import { hostDriver } from "../../../../src/testing/embedded/host/host-driver.js";
import { command, container } from "../support.js";

const stateDir = process.argv[2] ?? "";
const terminals = process.platform === "linux";

/** Ignores what asks it to end, forks twice into a session of its own, and one of them forgets its environment. */
const stubborn =
  "trap '' TERM HUP INT; (setsid sh -c \"trap '' TERM HUP; (sleep 54321; true) & sleep 54321; true\" &); exec env -i sleep 54321";

async function main(): Promise<void> {
  process.stdout.write("starting\n");
  const driver = await hostDriver({ stateDir });
  process.stdout.write("open\n");
  for (let round = 0; ; round++) {
    const one = container();
    await driver.create(one);
    const specs = [
      command(["sh", "-c", stubborn]),
      command(["sh", "-c", "(sleep 54321 &) ; echo; exec sleep 54321"], { stdin: true }),
      command(["sh", "-c", "sleep 54321 & wait"], { tty: terminals }),
    ];
    await Promise.all(
      specs.map(async (spec) => {
        const started = await driver.start(one, spec);
        started.stdout.resume();
        process.stdout.write("started\n");
      }),
    );
    if (round % 2 === 1) await driver.remove(one);
  }
}

void main();
