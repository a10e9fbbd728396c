import { existsSync } from "node:fs";
import { firstResponding, probeTimeoutMs } from "./clients/index.js";
import {
  type ConnectOptions,
  type CustomTransportOptions,
  connectTable,
  customTransportTable,
  isTransport,
} from "./connect-options.js";
import { checkTimeout, countdown, invalidOption, isPlainObject } from "./core/index.js";
import { Cri } from "./cri.js";
import {
  type Candidate,
  type Endpoint,
  findCandidates,
  type Http2Transport,
  openTransport,
  type RpcTransport,
} from "./transport/index.js";

/**
 * Connects to a runtime, and verifies with one Version call that it responds. Without an endpoint, it takes the one in
 * CONTAINER_RUNTIME_ENDPOINT or in crictl.yaml, or probes the well-known sockets, all at once.
 *
 * Rejects with {@link CriError}: code `unavailable` when no runtime responds (reasons `socket_missing`,
 * `socket_forbidden`, `connection_refused`, ...; `no_runtime` lists every socket that was probed), `wrong_api_version`
 * for a runtime without CRI v1, `invalid_endpoint`, `invalid_option`, `deadline`, `aborted_by_caller`.
 */
export async function connect(endpoint?: string | ConnectOptions, more?: ConnectOptions): Promise<Cri> {
  const options = asOptions("connect", endpoint, more);
  const { signal, timeoutMs = probeTimeoutMs } = options;
  const remainingMs = countdown(checkTimeout(timeoutMs));
  const { runtime: candidates, image } = findCandidates(options);
  const bounds = { signal, timeoutMs: remainingMs() ?? 0 };
  const { candidate, transport } = await firstResponding(candidates, options, bounds);
  const cri = wire(transport, candidate, image, options);
  try {
    // An image service with its own endpoint may be absent while the runtime responds.
    if (cri.imageEndpoint !== cri.endpoint)
      await cri.image.imageFsInfo({}, { signal, timeoutMs: remainingMs() ?? 0 });
    return cri;
  } catch (error) {
    await cri.close();
    throw error;
  }
}

/**
 * Returns a client that connects with its first call, so that an absent runtime is not an error yet. Without an
 * endpoint, it takes the same one as `connect()`, or the first well-known socket that exists.
 *
 * Throws {@link CriError}: `invalid_endpoint`, `invalid_option`.
 */
connect.lazy = (endpoint?: string | ConnectOptions, more?: ConnectOptions): Cri => {
  const options = asOptions("connect.lazy", endpoint, more);
  const { runtime: candidates, image } = findCandidates(options);
  const [first] = candidates;
  const candidate =
    candidates.find(({ endpoint }) => endpoint.kind === "unix" && existsSync(endpoint.path)) ?? first;
  if (!candidate) throw invalidOption("endpoint", undefined, "is required on this platform");
  return wire(openTransport(candidate.endpoint, options), candidate, image, options);
};

/** Returns a client on a transport that you created, such as `memoryTransport()` or Connect's. */
connect.through = (transport: RpcTransport | CustomTransportOptions): Cri => {
  const options = throughOptions(transport);
  const wiring = { transport: options.transport, endpoint: options.endpoint ?? "custom transport" };
  return new Cri(wiring, wiring, [], undefined, options);
};

function wire(
  transport: Http2Transport,
  { endpoint }: Candidate,
  image: Candidate | undefined,
  options: ConnectOptions,
): Cri {
  const runtime = { transport, endpoint: endpoint.url };
  const killer = openedOnUse(() => openTransport(endpoint, options), endpoint);
  if (!image || image.endpoint.url === endpoint.url)
    return new Cri(runtime, runtime, [transport], killer, options);
  const second = openTransport(image.endpoint, options);
  return new Cri(
    runtime,
    { transport: second, endpoint: image.endpoint.url },
    [transport, second],
    killer,
    options,
  );
}

/** Returns a transport that is created with its first call: most clients kill no command, and its TLS options would be parsed again. */
function openedOnUse(open: () => Http2Transport, endpoint: Endpoint): Http2Transport {
  let opened: Http2Transport | undefined;
  const transport = (): Http2Transport => {
    opened ??= open();
    return opened;
  };
  const close = async () => opened?.close();
  return {
    endpoint,
    unary: (...call) => transport().unary(...call),
    stream: (...call) => transport().stream(...call),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Throws `invalid_option`, also for something that belongs to `connect.through()`. */
function asOptions(
  operation: string,
  endpoint: string | ConnectOptions | undefined,
  more: ConnectOptions | undefined,
): ConnectOptions {
  if (isTransport(endpoint) || hasTransport(endpoint))
    throw invalidOption("endpoint", endpoint, "must be a string; pass a transport to `connect.through()`");
  if (typeof endpoint !== "string" && endpoint !== undefined) connectTable.check(operation, endpoint);
  connectTable.check(operation, more);
  return typeof endpoint === "string" ? { ...more, endpoint } : { ...endpoint, ...more };
}

/** Throws `invalid_option`. Of an object of a class, such as the embedded runtime, only the transport counts. */
function throughOptions(transport: RpcTransport | CustomTransportOptions): CustomTransportOptions {
  if (isTransport(transport)) return { transport };
  if (hasTransport(transport) && !isPlainObject(transport)) return { transport: transport.transport };
  customTransportTable.check("connect.through", transport);
  return transport;
}

function hasTransport(value: unknown): value is { readonly transport: RpcTransport } {
  return typeof value === "object" && value !== null && "transport" in value && isTransport(value.transport);
}
