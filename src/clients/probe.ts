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
  type Retry,
  type RetryOptions,
  resolveRetry,
  type TransportOptions,
  wellKnownCandidates,
  withRetry,
} from "../transport/index.js";
import { countdown, timeoutOf } from "./deadline.js";
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
  transport: Http2Transport,
  retry: Retry,
  { signal, timeoutMs }: ProbeOptions,
): Promise<Answering | Silent> {
  const once = createContextValues().set(connectOnceKey, true);
  const remainingMs = countdown(timeoutMs);
  const ask = async () => {
    try {
      return await transport.unary(RuntimeService.method.version, signal, remainingMs(), undefined, {}, once);
    } catch (error) {
      const where = { method: "Version", endpoint: candidate.endpoint.url };
      throw normalizeError("version", fromTransportError(error, where));
    }
  };
  try {
    const { message: version } = await withRetry(retry, signal, ask, remainingMs);
    return { candidate, transport, version };
  } catch (error) {
    await transport.close();
    // Both ways to reject above are typed.
    return { candidate, error: error as CriError };
  }
}

/**
 * Probes all candidates at once and takes the first in their order that answers; it waits for those before it, not
 * for those behind it. The transports of the others are closed. Rejects with one error that lists every candidate
 * and why not, or with the caller's abort.
 */
export async function firstAnswering(
  candidates: readonly Candidate[],
  options: TransportOptions & { readonly retry?: RetryOptions | undefined },
  bounds: ProbeOptions,
): Promise<Answering> {
  const { signal } = bounds;
  const timeoutMs = probeTimeout(bounds);
  const ways = candidates.map((candidate) => ({
    candidate,
    transport: createTransport(candidate.endpoint, options),
    retry: resolveRetry(options.retry),
  }));
  const stop = new AbortController();
  const forward = () => stop.abort(signal?.reason);
  if (signal?.aborted) forward();
  signal?.addEventListener("abort", forward, { once: true });
  try {
    const probes = ways.map(({ candidate, transport, retry }) =>
      probe(candidate, transport, retry, { signal: stop.signal, timeoutMs }),
    );
    const first = await firstIn(probes);
    stop.abort();
    const results = await Promise.all(probes);
    for (const result of results)
      if ("transport" in result && result !== first) await result.transport.close();
    if (first) return first;
    const failures = results.filter((result) => "error" in result);
    const stopped = signal?.aborted
      ? failures.find(({ error }) => ["aborted_by_caller", "deadline"].includes(error.reason))
      : undefined;
    throw stopped?.error ?? noRuntime(failures);
  } finally {
    signal?.removeEventListener("abort", forward);
  }
}

async function firstIn(probes: readonly Promise<Answering | Silent>[]): Promise<Answering | undefined> {
  for (const probe of probes) {
    const result = await probe;
    if ("transport" in result) return result;
  }
  return undefined;
}

function probeTimeout({ timeoutMs = probeTimeoutMs }: ProbeOptions): number | undefined {
  return timeoutOf("version", {}, { timeoutMs });
}

/**
 * Looks at every well-known socket of this machine: which runtime answers there, or why none does. Rejects only with
 * `invalid_option`.
 */
export async function discover(bounds: ProbeOptions = {}): Promise<Discovered[]> {
  const { signal } = bounds;
  const timeoutMs = probeTimeout(bounds);
  return Promise.all(
    wellKnownCandidates().map(async (candidate): Promise<Discovered> => {
      const { url: endpoint } = candidate.endpoint;
      const transport = createTransport(candidate.endpoint);
      const result = await probe(candidate, transport, resolveRetry(), { signal, timeoutMs });
      if ("error" in result) return { endpoint, error: result.error };
      await transport.close();
      return { endpoint, name: result.version.runtimeName, version: result.version.runtimeVersion };
    }),
  );
}
