// Signals: their numbers in CRI, and their names on this host.
import { constants } from "node:os";
import { Signal } from "../../../gen/runtime/v1/api_pb.js";

const names = new Map<number, string>(Object.entries(Signal).map(([name, number]) => [number, name]));
const numbers = new Map<string, Signal>(Object.entries(Signal));

/** Returns the name of CRI's number; "" for an unknown one. */
export function signalName(number: Signal): string {
  return names.get(number) ?? "";
}

/** Returns CRI's number of a signal; that of the runtime's default for a signal that CRI does not have. */
export function signalNumber(name: NodeJS.Signals): Signal {
  return numbers.get(name) ?? Signal.RUNTIME_DEFAULT;
}

/** Reports whether this host has a signal with this name. */
export function isSignal(name: string): name is NodeJS.Signals {
  return name in constants.signals;
}
