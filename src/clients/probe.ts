import { createContextValues } from "@connectrpc/connect";
import { RuntimeService, type VersionResponse } from "../../gen/runtime/v1/api_pb.js";
import {
  type CallOptions,
  type CriError,
  checkTimeout,
  countdown,
  linkedController,
  OptionTable,
  option,
} from "../core/index.js";
import {
  type Candidate,
  connectOnceKey,
  fromTransportError,
  type Http2Transport,
  noRuntime,
  openTransport,
  type TransportOptions,
  wellKnownCandidates,
} from "../transport/index.js";
import { normalizeError } from "./normalize-errors.js";
import { type Retry, type RetryOptions, resolveRetry, withRetry } from "./retry.js";

/** The deadline and the cancellation of a probe. */
export type ProbeOptions = Pick<CallOptions, "signal" | "timeoutMs">;

const probeTable = new OptionTable<ProbeOptions>({ signal: option.signal, timeoutMs: option.timeoutMs });

/** A candidate that answered Version, with the transport that carried the response. */
export interface RespondingCandidate {
  readonly candidate: Candidate;
  readonly transport: Http2Transport;
  readonly version: VersionResponse;
}

/** A candidate whose probe failed. */
export interface FailedCandidate {
  readonly candidate: Candidate;
  readonly error: CriError;
}

/** The runtime at one well-known endpoint of this machine, or the error of its probe. */
export type DiscoveredRuntime =
  | {
      /** The endpoint as a URL. */
      readonly endpoint: string;
      /** VersionResponse.runtime_name. */
      readonly name: string;
      /** VersionResponse.runtime_version. */
      readonly version: string;
      readonly error?: undefined;
    }
  | {
      /** The endpoint as a URL. */
      readonly endpoint: string;
      /** Why the runtime did not answer. */
      readonly error: CriError;
    };

/** The default deadline of a probe: long enough for a busy runtime, short enough for a socket that never responds. */
export const probeTimeoutMs = 5_000;

/** Calls Version on a candidate. Connects only once, because discovery needs its result at once. */
async function probe(
  candidate: Candidate,
  transport: Http2Transport,
  retry: Retry,
  { signal, timeoutMs }: ProbeOptions,
): Promise<RespondingCandidate | FailedCandidate> {
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
    // Everything that can reject above rejects with a CriError.
    return { candidate, error: error as CriError };
  }
}

/**
 * Probes all candidates at once, and returns the first one in the list that responds. Waits until every earlier candidate has failed,
 * but not for later ones. Closes the transports of all other candidates. Rejects with one error that lists every candidate with its
 * failure, or with the error for the caller's abort.
 */
export async function firstResponding(
  candidates: readonly Candidate[],
  options: TransportOptions & { readonly retry?: RetryOptions | undefined },
  { signal, timeoutMs = probeTimeoutMs }: ProbeOptions,
): Promise<RespondingCandidate> {
  const deadlineMs = checkTimeout(timeoutMs);
  const targets = candidates.map((candidate) => ({
    candidate,
    transport: openTransport(candidate.endpoint, options),
    retry: resolveRetry(options.retry),
  }));
  const stop = linkedController(signal);
  try {
    const probes = targets.map(({ candidate, transport, retry }) =>
      probe(candidate, transport, retry, { signal: stop.signal, timeoutMs: deadlineMs }),
    );
    const first = await firstResponse(probes);
    stop.abort();
    const results = await Promise.all(probes);
    for (const result of results)
      if ("transport" in result && result !== first) await result.transport.close();
    if (first) return first;
    const failures = results.filter((result) => "error" in result);
    const aborted = signal?.aborted
      ? failures.find(({ error }) => ["aborted_by_caller", "deadline"].includes(error.reason))
      : undefined;
    throw aborted?.error ?? noRuntime(failures);
  } finally {
    stop.unlink();
  }
}

async function firstResponse(
  probes: readonly Promise<RespondingCandidate | FailedCandidate>[],
): Promise<RespondingCandidate | undefined> {
  for (const probe of probes) {
    const result = await probe;
    if ("transport" in result) return result;
  }
  return undefined;
}

/**
 * Probes every well-known socket of this machine, and returns for each the runtime that responds, or the error. Rejects only with
 * `invalid_option`.
 */
export async function discover(options: ProbeOptions = {}): Promise<DiscoveredRuntime[]> {
  probeTable.check("discover", options);
  const { signal } = options;
  const timeoutMs = checkTimeout(options.timeoutMs ?? probeTimeoutMs);
  return Promise.all(
    wellKnownCandidates().map(async (candidate): Promise<DiscoveredRuntime> => {
      const { url: endpoint } = candidate.endpoint;
      const transport = openTransport(candidate.endpoint);
      const result = await probe(candidate, transport, resolveRetry(), { signal, timeoutMs });
      if ("error" in result) return { endpoint, error: result.error };
      await transport.close();
      return { endpoint, name: result.version.runtimeName, version: result.version.runtimeVersion };
    }),
  );
}
