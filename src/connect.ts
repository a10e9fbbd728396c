import { existsSync } from "node:fs";
import { countdown, firstAnswering, probeTimeoutMs, timeoutOf } from "./clients/index.js";
import type { ConnectOptions, CustomTransportOptions } from "./connect-options.js";
import { invalidOption } from "./core/index.js";
import { Cri } from "./cri.js";
import {
  type Candidate,
  createTransport,
  findCandidates,
  type Http2Transport,
  type RpcTransport,
} from "./transport/index.js";

/**
 * Connects to a runtime and checks with one Version call that it answers. Without an endpoint it looks for one: in
 * CONTAINER_RUNTIME_ENDPOINT, in crictl.yaml, at the well-known sockets (all probed at once).
 *
 * Rejects with {@link CriError}: `unavailable` with the reason when nobody answers (`socket_missing`,
 * `socket_forbidden`, `connection_refused`, ...; `no_runtime` lists every socket tried), `wrong_api_version` for a
 * runtime without CRI v1, `invalid_endpoint` and `invalid_option` for what cannot be used.
 */
export async function connect(endpoint?: string | ConnectOptions, more?: ConnectOptions): Promise<Cri> {
  const options = asOptions(endpoint, more);
  const { signal, timeoutMs = probeTimeoutMs } = options;
  const remainingMs = countdown(timeoutOf("version", {}, { timeoutMs }));
  const { runtime: candidates, image } = findCandidates(options);
  const bounds = { signal, timeoutMs: remainingMs() ?? 0 };
  const { candidate, transport } = await firstAnswering(candidates, options, bounds);
  const cri = wire(transport, candidate, image, options);
  try {
    // An image service of its own is a second thing that may be absent.
    if (cri.imageEndpoint !== cri.endpoint)
      await cri.image.imageFsInfo({}, { signal, timeoutMs: remainingMs() ?? 0 });
    return cri;
  } catch (error) {
    await cri.close();
    throw error;
  }
}

/**
 * The same without the check: nothing is opened before the first call, so it cannot fail for an absent runtime. Where
 * no endpoint is named, the first well-known socket that exists is taken.
 *
 * Throws {@link CriError} `invalid_endpoint` or `invalid_option`.
 */
connect.lazy = (endpoint?: string | ConnectOptions, more?: ConnectOptions): Cri => {
  const options = asOptions(endpoint, more);
  const { runtime: candidates, image } = findCandidates(options);
  const [first] = candidates;
  const candidate =
    candidates.find(({ endpoint }) => endpoint.kind === "unix" && existsSync(endpoint.path)) ?? first;
  if (!candidate) throw invalidOption("endpoint", undefined, "is needed on this platform");
  return wire(createTransport(candidate.endpoint, options), candidate, image, options);
};

/** The two clients and the lists on a transport of your own. */
connect.through = (transport: RpcTransport | CustomTransportOptions): Cri => {
  const options = "unary" in transport ? { transport } : transport;
  const wiring = { transport: options.transport, endpoint: options.endpoint ?? "custom transport" };
  return new Cri(wiring, wiring, [], options);
};

function wire(
  transport: Http2Transport,
  { endpoint }: Candidate,
  image: Candidate | undefined,
  options: ConnectOptions,
): Cri {
  const runtime = { transport, endpoint: endpoint.url };
  if (!image || image.endpoint.url === endpoint.url) return new Cri(runtime, runtime, [transport], options);
  const second = createTransport(image.endpoint, options);
  return new Cri(runtime, { transport: second, endpoint: image.endpoint.url }, [transport, second], options);
}

function asOptions(
  endpoint: string | ConnectOptions | undefined,
  more: ConnectOptions | undefined,
): ConnectOptions {
  return typeof endpoint === "string" ? { ...more, endpoint } : { ...endpoint, ...more };
}
