import assert from "node:assert/strict";
import { type CriError, type CriErrorReason, isCriError } from "../../src/core/index.js";
import { within } from "./waiting.js";

/** Returns the CriError that a promise rejects with. It must reject in time, and with the given reason if there is one. */
export async function failure(work: Promise<unknown>, reason?: CriErrorReason): Promise<CriError> {
  const error = await within(60_000, work, "the failure").then(
    () => assert.fail("it did not fail"),
    (thrown: unknown) => thrown,
  );
  if (!isCriError(error)) throw error;
  if (reason !== undefined && error.reason !== reason)
    throw new Error(`expected the reason ${reason}: ${error.message}`, { cause: error });
  return error;
}
