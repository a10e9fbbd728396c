import { createContextValues } from "@connectrpc/connect";
import { RuntimeService, type VersionResponse } from "../../gen/runtime/v1/api_pb.js";
import type { CallOptions, CriError } from "../core/index.js";
import {
  type Candidate,
  connectOnceKey,
  createTransport,
  fromTransportError,
  type Http2Transport,
  noRuntime,
  resolveRetry,
  type TransportOptions,
  wellKnownCandidates,
  withRetry,
} from "../transport/index.js";
import { normalizeError } from "./differences.js";

/** How a probe is bounded. */
export type ProbeOptions = Pick<CallOptions, "signal" | "timeoutMs">;

/** A candidate that answered Version, with the transport that it answered on. */
export interface Answering {
  readonly candidate: Candidate;
  readonly transport: Http2Transport;
  readonly version: VersionResponse;
}

/** A candidate that did not answer. */
export interface Silent {
  readonly candidate: Candidate;
  readonly error: CriError;
}

/** A runtime on this machine, or why there is none at this place. */
export type Discovered =
  | { readonly endpoint: string; readonly name: string; readonly version: string; readonly error?: undefined }
  | { readonly endpoint: string; readonly error: CriError };

/** Long enough for a runtime that is busy, short enough for a socket that keeps silent. */
export const probeTimeoutMs = 5_000;

/** Asks a candidate for its version, connecting once only: whoever looks around wants the answer at once. */
async function probe(
  candidate: Candidate,
  options: TransportOptions,
  bounds: ProbeOptions,
): Promise<Answering | Silent> {
  const { signal, timeoutMs = probeTimeoutMs } = bounds;
  const transport = createTransport(candidate.endpoint, options);
  const once = createContextValues().set(connectOnceKey, true);
  const ask = async () => {
    try {
      return await transport.unary(RuntimeService.method.version, signal, timeoutMs, undefined, {}, once);
    } catch (error) {
      const where = { method: "Version", endpoint: candidate.endpoint.url };
      throw normalizeError("version", fromTransportError(error, where));
    }
  };
  try {
    const { message: version } = await withRetry(resolveRetry(), signal, ask);
    return { candidate, transport, version };
  } catch (error) {
    await transport.close();
    // Both ways to reject above are typed.
    return { candidate, error: error as CriError };
  }
}

/**
 * Probes all candidates at once and takes the first in their order that answers; the transports of the others are
 * closed. Rejects with one error that lists every candidate and why not.
 */
export async function firstAnswering(
  candidates: readonly Candidate[],
  options: TransportOptions,
  bounds: ProbeOptions,
): Promise<Answering> {
  const results = await Promise.all(candidates.map((candidate) => probe(candidate, options, bounds)));
  const [first, ...others] = results.filter((result) => "transport" in result);
  await Promise.all(others.map(({ transport }) => transport.close()));
  if (first) return first;
  throw noRuntime(results.filter((result) => "error" in result));
}

/** Looks at every well-known socket of this machine: which runtime answers there, or why none does. Never rejects. */
export async function discover(bounds: ProbeOptions = {}): Promise<Discovered[]> {
  const results = await Promise.all(wellKnownCandidates().map((candidate) => probe(candidate, {}, bounds)));
  return Promise.all(
    results.map(async (result): Promise<Discovered> => {
      const endpoint = result.candidate.endpoint.url;
      if ("error" in result) return { endpoint, error: result.error };
      await result.transport.close();
      return { endpoint, name: result.version.runtimeName, version: result.version.runtimeVersion };
    }),
  );
}
