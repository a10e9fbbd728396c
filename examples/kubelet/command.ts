import { resolve } from "node:path";
import { parseArgs } from "node:util";

export const usage = `usage: npm run kubelet -- --manifests DIR [OPTION]...
       npm run kubelet -- --kubeconfig FILE [OPTION]...

Runs the Pods of a folder, of an API server or of both, on the runtime of this machine. If none answers, the embedded one is used, which
needs no root; its containers are processes of this host without isolation.

  --manifests DIR       the folder of manifests; it is watched
  --kubeconfig FILE     the API server: this machine becomes one of its nodes
  --client-ca FILE      the certificates that sign those of clients of the kubelet's API, such as the API server's
  --node-name NAME      the name of the node (default: the host name)
  --root-dir DIR        the folder of volumes and other files of pods (default: that of createKubelet; a temporary one for the embedded runtime)
  --port N              the port of the kubelet's API, with --kubeconfig (default: 10250; 0: a free one)
  --read-only-port N    the port of the status page on 127.0.0.1 (default: 10255; 0: a free one)
  --stop                stop the pods at the end, instead of leaving them running`;

/** What the command line says. */
export interface Command {
  readonly manifests: string | undefined;
  readonly kubeconfig: string | undefined;
  readonly clientCa: string | undefined;
  readonly nodeName: string | undefined;
  readonly rootDir: string | undefined;
  readonly port: number;
  readonly readOnlyPort: number;
  readonly stop: boolean;
}

/** The command line cannot be used. */
export class UsageError extends Error {}

/** Reads the command line. Throws {@link UsageError}. */
export function readCommand(args: readonly string[]): Command | "help" {
  const values = parse(args);
  if (values.help) return "help";
  const { manifests, kubeconfig } = values;
  if (manifests === undefined && kubeconfig === undefined)
    throw new UsageError("--manifests DIR or --kubeconfig FILE is required");
  return {
    manifests: manifests === undefined ? undefined : resolve(manifests),
    kubeconfig,
    clientCa: values["client-ca"],
    nodeName: values["node-name"],
    rootDir: values["root-dir"] === undefined ? undefined : resolve(values["root-dir"]),
    port: port("--port", values.port, 10_250),
    readOnlyPort: port("--read-only-port", values["read-only-port"], 10_255),
    stop: values.stop ?? false,
  };
}

function parse(args: readonly string[]) {
  const text = { type: "string" } as const;
  try {
    return parseArgs({
      args: [...args],
      options: {
        manifests: text,
        kubeconfig: text,
        "client-ca": text,
        "node-name": text,
        "root-dir": text,
        port: text,
        "read-only-port": text,
        stop: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function port(name: string, text: string | undefined, byDefault: number): number {
  if (text === undefined) return byDefault;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > 65_535)
    throw new UsageError(`${name}: must be a port, got ${JSON.stringify(text)}`);
  return value;
}
