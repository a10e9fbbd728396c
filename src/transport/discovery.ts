import { CriError, isCriError } from "../core/index.js";
import { type Environment, readCrictlConfig } from "./crictl-config.js";
import { type Endpoint, parseEndpoint } from "./endpoint.js";

/** An endpoint to try, and who named it, for the error in which it may end up. */
export interface Candidate {
  readonly endpoint: Endpoint;
  /** `the endpoint option`, `CONTAINER_RUNTIME_ENDPOINT`, the path of a crictl.yaml, or `well-known`. */
  readonly source: string;
}

/** Where to look for the two services. */
export interface Candidates {
  /** In order of preference: the first that answers is taken. */
  readonly runtime: readonly Candidate[];
  /** Undefined where the image service is at the runtime's endpoint. */
  readonly image: Candidate | undefined;
}

/**
 * Decides which endpoints are tried: the options; else CONTAINER_RUNTIME_ENDPOINT and IMAGE_SERVICE_ENDPOINT; else
 * crictl.yaml; else the sockets where runtimes listen by default. Whoever names one endpoint gets that one, or an
 * error about it: there is no falling back to another runtime. An explicit runtime endpoint also holds for the
 * images, unless `imageEndpoint` says otherwise.
 */
export function findCandidates(
  explicit: { readonly endpoint?: string | undefined; readonly imageEndpoint?: string | undefined },
  env: Environment = process.env,
  platform: NodeJS.Platform = process.platform,
): Candidates {
  // An option that is given must be good, even an empty one; an empty variable or setting counts as none.
  const option = (name: "endpoint" | "imageEndpoint") =>
    explicit[name] === undefined ? undefined : candidate(explicit[name], `the ${name} option`);
  const named = (text: string | undefined, source: string) => (text ? candidate(text, source) : undefined);
  const explicitRuntime = option("endpoint");
  const explicitImage = option("imageEndpoint");
  if (explicitRuntime) return { runtime: [explicitRuntime], image: explicitImage };

  let runtime = named(env.CONTAINER_RUNTIME_ENDPOINT, "CONTAINER_RUNTIME_ENDPOINT");
  let image = explicitImage ?? named(env.IMAGE_SERVICE_ENDPOINT, "IMAGE_SERVICE_ENDPOINT");
  // A file's image endpoint belongs to the file's runtime; with another runtime it would mix two machines' worth.
  // So a runtime that is named already leaves the file unread, and a broken one does no harm.
  const file = runtime ? undefined : readCrictlConfig(env, platform);
  if (file) {
    runtime = named(file.runtimeEndpoint, file.path);
    image ??= named(file.imageEndpoint, file.path);
  }
  return { runtime: runtime ? [runtime] : wellKnownCandidates(platform), image };
}

/** The sockets where runtimes listen unless told otherwise: crictl's list in its order, then three distributions' own. */
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

/** One error for a search that found nothing: every candidate, who named it, and why it is not the one. */
export function noRuntime(
  failures: readonly { readonly candidate: Candidate; readonly error: CriError }[],
): CriError {
  const [only] = failures;
  if (only && failures.length === 1) {
    const { candidate, error } = only;
    if (candidate.source === "the endpoint option") return error;
    return error.with({ text: `${error.text} (endpoint from ${candidate.source})` });
  }
  const tried = failures.map(
    ({ candidate, error }) => `\n  ${candidate.endpoint.url}: ${error.text} [${error.reason}]`,
  );
  return new CriError({
    code: "unavailable",
    reason: "no_runtime",
    text: `no container runtime answers on this machine; tried${tried.join("")}\n`,
    hint: 'Start one, or name its endpoint: connect("unix:///path"), or CONTAINER_RUNTIME_ENDPOINT',
    cause: new AggregateError(failures.map(({ error }) => error)),
  });
}

function candidate(text: string, source: string): Candidate {
  try {
    return { endpoint: parseEndpoint(text), source };
  } catch (error) {
    if (isCriError(error) && source !== "the endpoint option")
      throw error.with({ text: `${error.text} (from ${source})` });
    throw error;
  }
}
