import { constants } from "node:os";

const signalNames = new Map(
  Object.entries(constants.signals).map(([name, number]) => [number, name as NodeJS.Signals]),
);

/** Returns the signal that an exit code above 128 stands for; undefined for other codes. */
export function signalOf(exitCode: number): NodeJS.Signals | undefined {
  return exitCode > 128 ? signalNames.get(exitCode - 128) : undefined;
}
