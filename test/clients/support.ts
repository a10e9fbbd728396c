import type { TestContext } from "node:test";
import { type Code, ConnectError } from "@connectrpc/connect";
import { type Cri, CriError, type CriErrorInit } from "../../src/index.js";
import { toConnectError } from "../../src/transport/connect-errors.js";
import { cleanup } from "../support/cleanup.js";
import { within } from "../support/waiting.js";

/** Creates the error of a lost connection, as our transport throws it. */
export function lost(reason: CriErrorInit["reason"] = "connection_lost"): Error {
  return toConnectError(new CriError({ code: "unavailable", reason, rawMessage: `${reason} in a test` }));
}

/** Creates an error that a runtime reports: a gRPC status and a text. */
export function runtimeError(code: Code, text: string): Error {
  return new ConnectError(text, code);
}

/** Closes a connection after the test. */
export function closing(t: TestContext, cri: Cri): Cri {
  cleanup(t, () => within(5_000, cri.close(), "close()"));
  return cri;
}

/** A back-off without delays. */
export const atOnce = { firstMs: 0, maxMs: 0 };

/** Returns a complete id of 64 equal digits. */
export const idOf = (digit: string): string => digit.repeat(64);

export async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of source) all.push(item);
  return all;
}
