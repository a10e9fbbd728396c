import { type CriError, criError, isCriError } from "../core/index.js";
import { type Environment, readCrictlConfig } from "./crictl-config.js";
import { type Endpoint, parseEndpoint } from "./endpoint.js";

/** An endpoint to probe, with its source, for error messages. */
export interface Candidate {
  readonly endpoint: Endpoint;
  /** `the endpoint option`, `CONTAINER_RUNTIME_ENDPOINT`, the path of a crictl.yaml, or `well-known`. */
  readonly source: string;
}

/** The endpoints to probe for the two services. */
export interface Candidates {
  /** In order of preference: the first one that responds is used. */
  readonly runtime: readonly Candidate[];
  /** Undefined if the image service is at the runtime's endpoint. */
  readonly image: Candidate | undefined;
}

/**
 * Returns the endpoints to probe: those of the options; otherwise of CONTAINER_RUNTIME_ENDPOINT and IMAGE_SERVICE_ENDPOINT; otherwise of
 * crictl.yaml; otherwise the sockets where runtimes listen by default. A named endpoint that does not respond is an error, without
 * fallback to another runtime. An explicit runtime endpoint is also that of the image service, unless `imageEndpoint` is set.
 */
export function findCandidates(
  explicit: { readonly endpoint?: string | undefined; readonly imageEndpoint?: string | undefined },
  env: Environment = process.env,
  platform: NodeJS.Platform = process.platform,
): Candidates {
  // An empty option is invalid; an empty variable or setting counts as unset.
  const option = (name: "endpoint" | "imageEndpoint") =>
    explicit[name] === undefined ? undefined : candidate(explicit[name], `the ${name} option`);
  const named = (text: string | undefined, source: string) => (text ? candidate(text, source) : undefined);
  const explicitRuntime = option("endpoint");
  const explicitImage = option("imageEndpoint");
  if (explicitRuntime) return { runtime: [explicitRuntime], image: explicitImage };

  let runtime = named(env.CONTAINER_RUNTIME_ENDPOINT, "CONTAINER_RUNTIME_ENDPOINT");
  let image = explicitImage ?? named(env.IMAGE_SERVICE_ENDPOINT, "IMAGE_SERVICE_ENDPOINT");
  // The image endpoint of the file belongs to the runtime of the file and must not be combined with another one. So the file is not
  // read if a runtime is named already, and an invalid file does no harm then.
  const file = runtime ? undefined : readCrictlConfig(env, platform);
  if (file) {
    runtime = named(file.runtimeEndpoint, file.path);
    image ??= named(file.imageEndpoint, file.path);
  }
  return { runtime: runtime ? [runtime] : wellKnownCandidates(platform), image };
}

/** Returns the default sockets of runtimes: crictl's list in its order, then those of three distributions. */
export function wellKnownCandidates(platform: NodeJS.Platform = process.platform): Candidate[] {
  return wellKnownEndpoints(platform).map((url) => ({ endpoint: parseEndpoint(url), source: "well-known" }));
}

function wellKnownEndpoints(platform: NodeJS.Platform): string[] {
  switch (platform) {
    case "win32":
      return ["npipe:////./pipe/containerd-containerd", "npipe:////./pipe/cri-dockerd"];
    case "freebsd":
      return [
        "unix:///var/run/containerd/containerd.sock",
        "unix:///var/run/crio/crio.sock",
        "unix:///var/run/cri-dockerd.sock",
      ];
    default:
      return [
        "unix:///run/containerd/containerd.sock",
        "unix:///run/crio/crio.sock",
        "unix:///var/run/cri-dockerd.sock",
        "unix:///run/k3s/containerd/containerd.sock",
        "unix:///run/k0s/containerd.sock",
        "unix:///var/snap/microk8s/common/run/containerd.sock",
      ];
  }
}

/** Creates the error of a discovery that found no runtime, with every candidate, its source and its failure. */
export function noRuntime(
  failures: readonly { readonly candidate: Candidate; readonly error: CriError }[],
): CriError {
  const [only] = failures;
  if (only && failures.length === 1) {
    const { candidate, error } = only;
    if (candidate.source === "the endpoint option") return error;
    return error.with({ rawMessage: `${error.rawMessage} (endpoint from ${candidate.source})` });
  }
  const tried = failures.map(
    ({ candidate, error }) => `\n  ${candidate.endpoint.url}: ${error.rawMessage} [${error.reason}]`,
  );
  return criError("no_runtime", `no container runtime responds on this machine; tried${tried.join("")}\n`, {
    hint: 'Start one, or pass its endpoint: `connect("unix:///path")`, or set CONTAINER_RUNTIME_ENDPOINT',
    cause: new AggregateError(failures.map(({ error }) => error)),
  });
}

function candidate(text: string, source: string): Candidate {
  try {
    return { endpoint: parseEndpoint(text), source };
  } catch (error) {
    if (isCriError(error) && source !== "the endpoint option")
      throw error.with({ rawMessage: `${error.rawMessage} (from ${source})` });
    throw error;
  }
}
