import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { runCommand } from "../runtimes/command.js";
import { type InstallOptions, unpacked } from "./unpacked.js";

const suite = "bookworm";
const packages = [
  "golang-1.19-go",
  "golang-1.19-src",
  "golang-google-grpc-dev",
  "golang-google-genproto-dev",
  "golang-github-golang-protobuf-1-3-dev",
  "golang-golang-x-net-dev",
  "golang-golang-x-sys-dev",
  "golang-golang-x-text-dev",
];

/**
 * Builds a Go program with grpc-go, the library of the kubelet, crictl and critest: Debian's compiler and its copy of the
 * library, from before Go's modules. `source` is a folder with a `main` package; `program` is where the result goes.
 */
export async function buildWithGrpcGo(
  source: string,
  program: string,
  options: InstallOptions = {},
): Promise<void> {
  const folder = await unpacked("grpc-go", suite, packages, options);
  const cache = join(dirname(folder), "go-build");
  await mkdir(cache, { recursive: true });
  const env = {
    GOROOT: join(folder, "usr/lib/go-1.19"),
    GOPATH: join(folder, "usr/share/gocode"),
    GOCACHE: cache,
    GO111MODULE: "off",
    CGO_ENABLED: "0",
  };
  const go = join(folder, "usr/lib/go-1.19/bin/go");
  await runCommand(go, ["build", "-o", program, "."], {
    cwd: source,
    env,
    signal: options.signal,
    timeoutMs: 280_000,
  });
}
