import { type CriError, isCriError } from "../../../src/index.js";
import { within } from "../../support/waiting.js";

/** What a call failed with. */
export async function failed(call: Promise<unknown>): Promise<CriError> {
  const error: unknown = await within(60_000, call, "the call").then(
    () => new Error("the call did not fail"),
    (thrown: unknown) => thrown,
  );
  if (isCriError(error)) return error;
  throw error;
}
