import { parseArgs } from "node:util";

export const usage = `usage: npm run dockershim -- --socket PATH [OPTION]...

Serves a Docker Engine of this machine as a CRI runtime. Needs root.

  --socket PATH        the socket to serve CRI on
  --docker PATH        the engine's socket (default /var/run/docker.sock)
  --cni-conf DIR       the CNI configuration of the pod network (default /etc/cni/net.d)
  --cni-bin DIR        the CNI plugins (default /opt/cni/bin); may be repeated
  --pause-image REF    the image that holds a pod's namespaces (default registry.k8s.io/pause:3.10)
  --restrict-oom-score-adj
                       raise OOM scores that are lower than the shim's own, on a machine where it may not lower them
  --help               print this text`;

export interface ShimOptions {
  readonly socket: string;
  readonly docker: string;
  readonly cniConf: string;
  readonly cniBin: readonly string[];
  readonly pauseImage: string;
  readonly restrictOomScore: boolean;
}

/** Returns the options of a command line; undefined if it asks for help. Throws an error with a text for the user. */
export function readOptions(args: readonly string[]): ShimOptions | undefined {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      socket: text,
      docker: text,
      "cni-conf": text,
      "cni-bin": { type: "string", multiple: true },
      "pause-image": text,
      "restrict-oom-score-adj": { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) return undefined;
  if (!values.socket) throw new Error("--socket: is required");
  return {
    socket: values.socket,
    docker: (values.docker ?? "/var/run/docker.sock").replace(/^unix:\/\//, ""),
    cniConf: values["cni-conf"] ?? "/etc/cni/net.d",
    cniBin: values["cni-bin"] ?? ["/opt/cni/bin"],
    pauseImage: values["pause-image"] ?? "registry.k8s.io/pause:3.10",
    restrictOomScore: values["restrict-oom-score-adj"] ?? false,
  };
}
