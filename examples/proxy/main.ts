// CRI middleware between a kubelet and its runtime: it denies privileged pods and containers, and labels every pod.
//
//   npx tsx --conditions=cri-sdk-source examples/proxy/main.ts UPSTREAM SOCKET
//   npx tsx --conditions=cri-sdk-source examples/proxy/main.ts /run/containerd/containerd.sock /run/cri-proxy.sock
//   crictl --runtime-endpoint unix:///run/cri-proxy.sock pods
//
// Everything else goes through as it is; exec, attach and port-forward go straight to the runtime, by the URL that it
// gives. It prints a line when it listens and one for each call that changes something, and ends cleanly on SIGTERM.
import { once } from "node:events";
import { CriError, createTransport } from "cri-sdk";
import { type ObservedCall, type ProxyOverrides, proxy, serve } from "cri-sdk/server";

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
  return new CriError({ code: "permission_denied", reason: "runtime_error", text });
}

function log({ method, error, durationMs, peer }: ObservedCall): void {
  if (/^(?:Version|Status|List|Stream|ImageFsInfo|.*Stat(?:s|us)$)/.test(method)) return;
  const outcome = error ? `${error.code}: ${error.text}` : "ok";
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
// Event streams have no end of their own; what else is under way has a moment.
await server.close({ graceMs: 2_000 });
