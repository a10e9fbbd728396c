import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { runCommand } from "../runtimes/command.js";
import { type InstallOptions, unpacked } from "./unpacked.js";

/** A Go compiler and libraries of one Debian suite. */
export interface GoRelease {
  /** The name of the folder in the cache. */
  readonly name: string;
  readonly suite: string;
  /** The version of the compiler. */
  readonly version: string;
  /** The library packages beside the compiler. */
  readonly libraries: readonly string[];
}

/** An old grpc-go, from before Go modules: the kind that old runtimes and clients contain. */
export const oldGrpcGo: GoRelease = {
  name: "grpc-go",
  suite: "bookworm",
  version: "1.19",
  libraries: [
    "golang-google-grpc-dev",
    "golang-google-genproto-dev",
    "golang-github-golang-protobuf-1-3-dev",
    "golang-golang-x-net-dev",
    "golang-golang-x-sys-dev",
    "golang-golang-x-text-dev",
  ],
};

/**
 * The libraries of current kubelets and crictl: grpc-go, k8s.io/cri-api (since 0.36 generated for google.golang.org/protobuf) and
 * k8s.io/streaming, which contains the SPDY client below client-go's and the server below the runtimes'.
 */
export const currentGo: GoRelease = {
  name: "go",
  suite: "forky",
  version: "1.27",
  libraries: [
    "golang-google-grpc-dev",
    "golang-google-genproto-dev",
    "golang-google-protobuf-dev",
    "golang-github-golang-protobuf-1-5-dev",
    "golang-golang-x-net-dev",
    "golang-golang-x-sys-dev",
    "golang-golang-x-text-dev",
    "golang-k8s-cri-api-dev",
    "golang-k8s-streaming-dev",
    "golang-github-docker-spdystream-dev",
    "golang-k8s-klog-dev",
    "golang-k8s-utils-dev",
    "golang-github-go-logr-logr-dev",
  ],
};

/** An unpacked compiler with its libraries. */
export interface GoToolchain {
  /** Builds a program from the folder of its `main` package; `program` is the path of the binary. */
  build(source: string, program: string, options?: BuildOptions): Promise<void>;
}

interface BuildOptions {
  /** The timeout in milliseconds; default 280 000. The first build compiles all libraries. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/** Unpacks a release into the cache if it is missing. */
export async function installGo(
  { name, suite, version, libraries }: GoRelease,
  options: InstallOptions = {},
): Promise<GoToolchain> {
  const packages = [`golang-${version}-go`, `golang-${version}-src`, ...libraries];
  const folder = await unpacked(name, suite, packages, options);
  const root = join(folder, `usr/lib/go-${version}`);
  const cache = join(dirname(folder), "go-build");
  const env = {
    GOROOT: root,
    GOPATH: join(folder, "usr/share/gocode"),
    GOCACHE: cache,
    // Debian's libraries are found by their paths.
    GO111MODULE: "off",
    GOTOOLCHAIN: "local",
    GOTELEMETRY: "off",
    CGO_ENABLED: "0",
  };
  return {
    async build(source, program, { timeoutMs = 280_000, signal } = {}) {
      await mkdir(cache, { recursive: true });
      await runCommand(join(root, "bin/go"), ["build", "-o", program, "."], {
        cwd: source,
        env,
        signal,
        timeoutMs,
      });
    },
  };
}
