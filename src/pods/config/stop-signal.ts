import { Signal } from "../../../gen/runtime/v1/api_pb.js";
import { describe, nearest } from "../../core/index.js";
import type { Fields } from "./fields.js";
import type { ContainerSpec } from "./spec-container.js";

const signals = new Map<string, Signal>(Object.entries(Signal).filter(([name]) => name.startsWith("SIG")));

/** CRI's number of a signal's name, with `SIG` or without, in either case. CRI has words for `+` and `-`. */
export function readStopSignal(fields: Fields<ContainerSpec>): Signal {
  const given = fields.text("stopSignal");
  if (given === undefined) return Signal.RUNTIME_DEFAULT;
  const upper = given.toUpperCase();
  const name = (upper.startsWith("SIG") ? upper : `SIG${upper}`)
    .replace(/^(SIGRTMIN)\+(\d+)$/, "$1PLUS$2")
    .replace(/^(SIGRTMAX)-(\d+)$/, "$1MINUS$2");
  const signal = signals.get(name);
  if (signal !== undefined) return signal;
  const meant = nearest(name, signals.keys());
  fields.report({
    path: fields.pathOf("stopSignal"),
    message:
      `must be the name of a signal, as SIGINT or SIGRTMIN+3, got ${describe(given)}` +
      (meant === undefined ? "" : `; did you mean ${meant.replace("PLUS", "+").replace("MINUS", "-")}?`),
    value: given,
  });
  return Signal.RUNTIME_DEFAULT;
}
