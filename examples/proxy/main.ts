// CRI middleware between a kubelet and its runtime: it denies privileged pods and containers, and labels every pod.
//
//   npx tsx --conditions=cri-sdk-source examples/proxy/main.ts UPSTREAM SOCKET
//   npx tsx --conditions=cri-sdk-source examples/proxy/main.ts /run/containerd/containerd.sock /run/cri-proxy.sock
//   crictl --runtime-endpoint unix:///run/cri-proxy.sock pods
//
// Everything else is forwarded unchanged; exec, attach and port-forward connect directly to the runtime, by the URL that it
// returns. The program prints a line when it listens and one for each call that changes something, and ends on SIGTERM.
import { once } from "node:events";
import type { CriError } from "cri-sdk";
import { criError, type ObservedCall, type ProxyOverrides, proxy, serve } from "cri-sdk/server";
import { createTransport } from "cri-sdk/transport";

const label = { name: "example.com/seen-by", value: "cri-proxy" };

const middleware: ProxyOverrides = {
  runtime: {
    runPodSandbox(request, _context, next) {
      const { config } = request;
      if (config?.linux?.securityContext?.privileged) throw denied(`the pod ${config.metadata?.name}`);
      if (config) config.labels[label.name] = label.value;
      return next(request);
    },
    // A privileged container needs a privileged pod, but not every runtime checks that.
    createContainer(request, _context, next) {
      const { config } = request;
      if (config?.linux?.securityContext?.privileged) throw denied(`the container ${config.metadata?.name}`);
      return next();
    },
  },
};

function denied(what: string): CriError {
  const text = `${what} is privileged, which this node does not allow`;
  return criError("runtime_error", text, { code: "permission_denied" });
}

function log({ method, error, durationMs, peer }: ObservedCall): void {
  if (/^(?:Version|Status|List|Stream|ImageFsInfo|.*Stat(?:s|us)$)/.test(method)) return;
  const outcome = error ? `${error.code}: ${error.rawMessage}` : "ok";
  console.log(`${peer} ${method} ${Math.round(durationMs)} ms ${outcome}`);
}

const [, , runtime, socket] = process.argv;
if (!runtime || !socket) {
  console.error("usage: examples/proxy/main.ts UPSTREAM SOCKET");
  process.exit(2);
}
const ended = Promise.race([once(process, "SIGTERM"), once(process, "SIGINT")]);
await using upstream = createTransport(runtime);
await using server = await serve(socket, proxy(upstream, middleware, { observe: log }));
console.log(`listening on ${server.endpoint}`);
await ended;
// Calls in flight may finish; event streams do not end on their own.
await server.close({ graceMs: 2_000 });
