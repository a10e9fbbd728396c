// kubectl against a kubelet of this package, through an API server: every command that people use. Containers are processes of
// this machine, without isolation.
import { join } from "node:path";
import { test } from "node:test";
import { installKubectl } from "../../scripts/interop/kubectl.js";
import { connect } from "../../src/index.js";
import { EmbeddedRuntime } from "../../src/testing/index.js";
import { cleanup } from "../support/cleanup.js";
import { kubectlCases } from "../support/kubectl-cases.js";
import { startKubectlNode } from "../support/kubectl-node.js";
import { tempFolder } from "../support/temp.js";
import { within } from "../support/waiting.js";

const image = "docker.io/library/busybox:1.37";

/** A server on this machine that answers "pong". */
const pongScript =
  "require('net').createServer((socket) => socket.end('pong\\n')).listen(Number(process.argv[1]), '127.0.0.1')";

for (const [release, webSockets] of [
  ["1.36", true],
  ["1.36", false],
  ["1.32", false],
] as const)
  test(`kubectl ${release}, with ${webSockets ? "WebSocket" : "SPDY"} to the kubelet`, {
    timeout: 900_000,
  }, async (t) => {
    const kubectl = await installKubectl({ release });
    const folder = await tempFolder(t);
    const runtime = await EmbeddedRuntime.start({ preload: [image] });
    cleanup(t, () => within(30_000, runtime.close(), "close()"));
    const cri = connect.through({ transport: runtime.transport });
    cleanup(t, () => cri.close());
    const node = await startKubectlNode(t, { cri, kubectl, webSockets, rootDir: join(folder, "kubelet") });
    await kubectlCases(t, node, {
      image,
      folder,
      pong: (port) => [process.execPath, "-e", pongScript, String(port)],
      hasTerminals: true,
    });
  });
