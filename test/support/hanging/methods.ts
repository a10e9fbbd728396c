import { connect } from "../../../src/index.js";
import { type Bounds, type Row, rows } from "./rows.js";
import type { Stage } from "./stage.js";

/** Returns the objects whose methods the rows are about. */
function owners(stage: Stage): Readonly<Record<string, object>> {
  const { cri, pod, container, watch, session, killable, attach, forward, listener, reader } = stage;
  const { images, pods, containers, events, stats } = cri;
  return {
    ...{ cri, images, pods, containers, events, stats, pod, container, watch },
    ...{ session, killable, attach, forward, listener, reader },
  };
}

/** Returns the names of all methods of an object, those of its classes included. */
function methodsOf(object: object): string[] {
  const names = new Set<string>();
  for (let at = object; at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at))
    for (const key of Reflect.ownKeys(at)) {
      const isMethod = typeof Object.getOwnPropertyDescriptor(at, key)?.value === "function";
      const name = typeof key === "symbol" ? /\.(\w+)\)$/.exec(String(key))?.[1] : key;
      if (isMethod && key !== "constructor" && name) names.add(name);
    }
  return [...names];
}

/** Returns the rows of the exact layer: one for each RPC and each list, with an empty request. */
function exactRows({ exact }: Stage): [string, Row][] {
  type Rpc = (request: object, bounds: Bounds) => Promise<unknown> | AsyncIterator<unknown>;
  const callRpc = (name: string) => async (stage: Stage, bounds: Bounds) => {
    const rpc = { ...stage.exact.runtime, ...stage.exact.image }[name as never] as Rpc;
    const result = rpc({}, bounds);
    return "next" in result ? await result.next() : await result;
  };
  const rpcs = [...Object.keys(exact.runtime), ...Object.keys(exact.image)].map((name): [string, Row] => [
    `rpc.${name}`,
    { call: callRpc(name), takes: "signal and timeoutMs" },
  ]);
  const lists = Object.keys(exact.lists).flatMap((name): [string, Row][] => {
    const list = (stage: Stage, bounds: Bounds) =>
      name === "podSandboxMetrics"
        ? stage.exact.lists.podSandboxMetrics(bounds)
        : stage.exact.lists[name as "images"]({}, bounds);
    const iterate = (stage: Stage, bounds: Bounds) => list(stage, bounds)[Symbol.asyncIterator]().next();
    return [
      [`list.${name}.collect`, { call: (...args) => list(...args).collect(), takes: "signal and timeoutMs" }],
      [`list.${name}.asyncIterator`, { call: iterate, takes: "signal and timeoutMs" }],
    ];
  });
  return [...rpcs, ...lists];
}

/** Returns every row by its name. Throws for a public method without a row, and for a row without a method. */
export function allRows(stage: Stage): Map<string, Row> {
  const methods = Object.entries(owners(stage)).flatMap(([owner, object]) =>
    methodsOf(object).map((name) => `${owner}.${name}`),
  );
  const functions = [...Object.keys(connect), "connect", "discover"].map((name) => `connect.${name}`);
  const known = new Set([...methods, ...functions]);
  const without = [...known].filter((name) => !Object.hasOwn(rows, name));
  if (without.length > 0)
    throw new Error(`add a row to test/support/hanging/rows.ts for each of: ${without.join(", ")}`);
  const stale = Object.keys(rows).filter((name) => !known.has(name) && !name.startsWith("killable."));
  if (stale.length > 0) throw new Error(`remove the rows of methods that do not exist: ${stale.join(", ")}`);
  return new Map([...Object.entries(rows), ...exactRows(stage)]);
}
