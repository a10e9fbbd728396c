import { text } from "node:stream/consumers";
import type { TestContext } from "node:test";
import type {
  Driver,
  DriverContainer,
  DriverProcess,
  ProcessSpec,
} from "../../src/testing/embedded/driver.js";
import { hostDriver } from "../../src/testing/embedded/host/driver.js";
import { type HostProcessEntry, readProcesses } from "../../src/testing/embedded/host/process-table.js";
import { cleanup } from "./cleanup.js";
import { tempFolder } from "./temp.js";

/** Creates a driver on a temporary directory; closes it after the test. */
export async function openDriver(t: TestContext): Promise<{ driver: Driver; stateDir: string }> {
  const stateDir = `${await tempFolder(t)}/state`;
  const driver = await hostDriver({ stateDir });
  cleanup(t, () => driver[Symbol.asyncDispose]());
  return { driver, stateDir };
}

let count = 0;

/** Returns a container whose id no other test of this machine uses: test files run at the same time. */
export function containerConfig(more: Partial<DriverContainer> = {}): DriverContainer {
  const pod = { id: "pod", ip: undefined, hostname: "pod", dns: undefined };
  return {
    ...{
      id: `c${process.pid}-${++count}`,
      pod,
      image: "any",
      imageFiles: new Map(),
      mounts: [],
      devices: [],
    },
    ...{ user: undefined, supplementalGroups: [], mergeGroups: true },
    ...more,
  };
}

/** Creates a container. */
export async function createContainer(
  driver: Driver,
  more: Partial<DriverContainer> = {},
): Promise<DriverContainer> {
  const container = containerConfig(more);
  await driver.create(container);
  return container;
}

/** Creates a container whose main process sleeps until it is killed. */
export async function createIdleContainer(
  driver: Driver,
  more: Partial<DriverContainer> = {},
): Promise<{ container: DriverContainer; main: DriverProcess }> {
  const container = await createContainer(driver, more);
  const main = await driver.start(container, sh("exec sleep 600"));
  return { container, main };
}

/** Returns the spec of a process without terminal and stdin. */
export function command(args: readonly string[], more: Partial<ProcessSpec> = {}): ProcessSpec {
  return { args, env: {}, workingDir: "", tty: false, stdin: false, ...more };
}

/** Returns the spec of a shell script. */
export function sh(script: string, more: Partial<ProcessSpec> = {}): ProcessSpec {
  return command(["sh", "-c", script], more);
}

export interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

/** Reads all output of a process, and waits for its exit. */
export async function outcomeOf(process: DriverProcess): Promise<Outcome> {
  const [stdout, stderr, { exitCode }] = await Promise.all([
    text(process.stdout),
    process.stderr ? text(process.stderr) : "",
    process.exit,
  ]);
  return { stdout, stderr, exitCode };
}

export async function run(driver: Driver, container: DriverContainer, spec: ProcessSpec): Promise<Outcome> {
  return outcomeOf(await driver.start(container, spec));
}

/** Lists the processes of this host whose marker has a prefix. */
export async function markedProcesses(prefix: string): Promise<readonly HostProcessEntry[]> {
  return (await readProcesses()).filter(({ marker }) => marker?.startsWith(prefix));
}
