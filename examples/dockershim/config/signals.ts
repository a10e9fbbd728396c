import { criError } from "cri-sdk/server";
import { Signal } from "cri-sdk/v1";

/** Returns the engine's name of a signal, such as `SIGTERM`, and `RTMIN+3` for CRI's `SIGRTMINPLUS3`. */
export function signalName(signal: Signal): string {
  const [name] = Object.entries(Signal).find(([, value]) => value === signal) ?? [];
  if (name === undefined) throw criError("invalid_request", `stop_signal: ${signal} is not a signal`);
  const [, limit, sign, count] = /^SIG(RTMIN|RTMAX)(PLUS|MINUS)(\d+)$/.exec(name) ?? [];
  return limit ? `${limit}${sign === "PLUS" ? "+" : "-"}${count}` : name;
}

/** Returns the signal for a name of the engine; the runtime's default for none. */
export function signalOf(name = ""): Signal {
  const key = `SIG${name.replace(/^SIG/, "").replace("+", "PLUS").replace("-", "MINUS")}`;
  return Object.entries(Signal).find(([one]) => one === key)?.[1] ?? Signal.RUNTIME_DEFAULT;
}
