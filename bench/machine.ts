import { readFileSync } from "node:fs";
import { cpus, release, type } from "node:os";

/** The machine and the versions of a measurement. */
export interface Machine {
  readonly date: string;
  readonly cpu: string;
  readonly cpus: number;
  readonly system: string;
  readonly node: string;
  readonly packages: Readonly<Record<string, string>>;
}

const peers = [
  "@grpc/grpc-js",
  "@grpc/proto-loader",
  "@connectrpc/connect-node",
  "@bufbuild/protobuf",
  "@kubernetes/client-node",
  "dockerode",
];

/** Describes this machine. */
export function thisMachine(): Machine {
  const list = cpus();
  return {
    date: new Date().toISOString().slice(0, 10),
    cpu: list[0]?.model ?? "unknown CPU",
    cpus: list.length,
    system: `${type()} ${release()}`,
    node: process.versions.node,
    packages: Object.fromEntries(peers.map((name) => [name, versionOf(name)])),
  };
}

function versionOf(name: string): string {
  const url = new URL(`../node_modules/${name}/package.json`, import.meta.url);
  return (JSON.parse(readFileSync(url, "utf8")) as { version: string }).version;
}
