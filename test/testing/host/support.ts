import { text } from "node:stream/consumers";
import type { TestContext } from "node:test";
import type {
  Driver,
  DriverContainer,
  DriverProcess,
  ProcessSpec,
} from "../../../src/testing/embedded/driver.js";
import { hostDriver } from "../../../src/testing/embedded/host/host-driver.js";
import { type HostProcessEntry, readProcesses } from "../../../src/testing/embedded/host/process-table.js";
import { cleanup } from "../../support/cleanup.js";
import { tempFolder } from "../../support/temp.js";

/** A driver on a folder of the test's own, closed after it. */
export async function driverOf(t: TestContext): Promise<{ driver: Driver; stateDir: string }> {
  const stateDir = `${await tempFolder(t)}/state`;
  const driver = await hostDriver({ stateDir });
  cleanup(t, () => driver[Symbol.asyncDispose]());
  return { driver, stateDir };
}

let count = 0;

export function container(more: Partial<DriverContainer> = {}): DriverContainer {
  const pod = { id: "pod", ip: undefined, hostname: "pod" };
  return { id: `c${++count}`, pod, image: "any", mounts: [], user: undefined, ...more };
}

/** A container that is there. */
export async function created(driver: Driver, more: Partial<DriverContainer> = {}): Promise<DriverContainer> {
  const one = container(more);
  await driver.create(one);
  return one;
}

/** A container whose main process does nothing until it is told to end. */
export async function idle(
  driver: Driver,
  more: Partial<DriverContainer> = {},
): Promise<{ one: DriverContainer; main: DriverProcess }> {
  const one = await created(driver, more);
  const main = await driver.start(one, sh("exec sleep 600"));
  return { one, main };
}

export function command(args: readonly string[], more: Partial<ProcessSpec> = {}): ProcessSpec {
  return { args, env: {}, workingDir: "", tty: false, stdin: false, ...more };
}

export function sh(script: string, more: Partial<ProcessSpec> = {}): ProcessSpec {
  return command(["sh", "-c", script], more);
}

export interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

/** Reads a process to its end. */
export async function outcomeOf(process: DriverProcess): Promise<Outcome> {
  const [stdout, stderr, { exitCode }] = await Promise.all([
    text(process.stdout),
    process.stderr ? text(process.stderr) : "",
    process.exit,
  ]);
  return { stdout, stderr, exitCode };
}

export async function run(driver: Driver, one: DriverContainer, spec: ProcessSpec): Promise<Outcome> {
  return outcomeOf(await driver.start(one, spec));
}

/** Whatever on this host has a marker that begins so. */
export async function marked(prefix: string): Promise<readonly HostProcessEntry[]> {
  return (await readProcesses()).filter(({ marker }) => marker?.startsWith(prefix));
}
