// How the tests' API server reaches kubelets: logs, sessions, the proxy of nodes, and metrics. The kubelet is a few lines.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { describe, type TestContext, test } from "node:test";
import type { TLSSocket } from "node:tls";
import {
  CertificateAuthority,
  type JsonObject,
  listAt,
  startTestCluster,
  type TestCluster,
  textAt,
  valueAt,
} from "../../support/api-server/index.js";
import { cleanup } from "../../support/cleanup.js";
import { tempFolder } from "../../support/temp.js";
import { within } from "../../support/waiting.js";

interface FakeKubelet {
  readonly cluster: TestCluster;
  /** The requests that it got: `GET /path CN`. */
  readonly seen: string[];
}

/** Starts a kubelet that is the node of a Pod `web`. Its certificate is of the cluster, or of another authority. */
async function start(t: TestContext, isForeign = false): Promise<FakeKubelet> {
  const cluster = await startTestCluster(t, { https: false, verifyKubelets: true });
  const ca = isForeign ? await CertificateAuthority.create(await tempFolder(t)) : cluster.server.ca;
  const seen: string[] = [];
  let seconds = 0;
  const tls = { ...(await ca.server()), ca: cluster.server.ca.cert, requestCert: true };
  const kubelet = createHttpsServer(tls, (incoming, response) => {
    const { CN } = (incoming.socket as TLSSocket).getPeerCertificate().subject;
    seen.push(`${incoming.method} ${incoming.url} ${CN}`);
    if (incoming.url?.startsWith("/metrics/resource")) {
      const at = Date.now();
      seconds += 0.25;
      const labels = '{container="main",namespace="default",pod="web"}';
      response.end(
        [
          `node_cpu_usage_seconds_total ${seconds * 2} ${at}`,
          `node_memory_working_set_bytes 2097152 ${at}`,
          `container_cpu_usage_seconds_total${labels} ${seconds} ${at}`,
          `container_memory_working_set_bytes${labels} 1048576 ${at}`,
          "",
        ].join("\n"),
      );
    } else if (incoming.url?.includes("previous=true")) {
      response.writeHead(400).end("previous terminated container not found");
    } else response.end(`answer to ${incoming.url}`);
  });
  kubelet.on("upgrade", (incoming, socket) => {
    seen.push(`${incoming.method} ${incoming.url} ${incoming.headers.upgrade}`);
    if (incoming.url?.includes("/refused")) {
      socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
      return;
    }
    socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n");
    socket.pipe(socket);
  });
  kubelet.listen(0, "127.0.0.1");
  await once(kubelet, "listening");
  cleanup(t, async () => {
    kubelet.closeAllConnections();
    kubelet.close();
    await once(kubelet, "close");
  });
  const { port: Port } = kubelet.address() as AddressInfo;
  cluster.create({
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: "n" },
    status: {
      addresses: [
        { type: "Hostname", address: "does-not-resolve.invalid" },
        { type: "InternalIP", address: "127.0.0.1" },
      ],
      daemonEndpoints: { kubeletEndpoint: { Port } },
    },
  });
  const containers = [
    { name: "main", image: "busybox" },
    { name: "refused", image: "busybox" },
  ];
  cluster.createPod({ metadata: { name: "web" }, spec: { nodeName: "n", containers } });
  cluster.createPod({
    metadata: { name: "pending" },
    spec: { containers: [{ name: "main", image: "busybox" }] },
  });
  return { cluster, seen };
}

const web = "/api/v1/namespaces/default/pods/web";
const user = "kube-apiserver-kubelet-client";

async function get({ cluster }: FakeKubelet, path: string): Promise<{ code: number; body: string }> {
  const response = await fetch(cluster.server.url + path);
  return { code: response.status, body: await response.text() };
}

/** Asks for an upgrade; returns what is echoed, or the answer without an upgrade. */
async function upgrade(
  { cluster }: FakeKubelet,
  path: string,
  protocol: string,
): Promise<{ code: number; body: string }> {
  const sent = request(cluster.server.url + path, {
    method: "POST",
    headers: { connection: "Upgrade", upgrade: protocol },
  });
  const result = new Promise<{ code: number; body: string }>((resolve, reject) => {
    sent.on("upgrade", (response, socket) => {
      socket.write("hello");
      socket.once("data", (part) => {
        socket.destroy();
        resolve({ code: response.statusCode ?? 0, body: String(part) });
      });
    });
    sent.on("response", (response) => {
      text(response).then((body) => resolve({ code: response.statusCode ?? 0, body }), reject);
    });
    sent.on("error", reject);
  });
  sent.end();
  return within(20_000, result, "the answer");
}

describe("the API server and kubelets", () => {
  test("logs: the options are passed on, with the certificate of the API server", async (t) => {
    const kubelet = await start(t);
    const { code, body } = await get(
      kubelet,
      `${web}/log?container=main&tailLines=3&follow=true&timestamps=false`,
    );
    assert.deepEqual(
      [code, body],
      [200, "answer to /containerLogs/default/web/main?follow=true&tailLines=3"],
    );
    assert.deepEqual(kubelet.seen, [`GET /containerLogs/default/web/main?follow=true&tailLines=3 ${user}`]);
  });

  test("logs: errors", async (t) => {
    const kubelet = await start(t);
    const previous = await get(kubelet, `${web}/log?container=main&previous=true`);
    assert.equal(previous.code, 400);
    assert.equal(textAt(JSON.parse(previous.body), "message"), "previous terminated container not found");
    const unnamed = await get(kubelet, `${web}/log`);
    assert.match(
      unnamed.body,
      /a container name must be specified for pod web, choose one of: \[main refused\]/,
    );
    assert.match(
      (await get(kubelet, `${web}/log?container=no`)).body,
      /container no is not valid for pod web/,
    );
    const pending = await get(kubelet, web.replace("web", "pending/log"));
    assert.match(pending.body, /pod pending does not have a host assigned/);
    assert.equal((await get(kubelet, web.replace("web", "missing/log"))).code, 404);
    kubelet.cluster.delete("nodes", "", "n");
    assert.equal((await get(kubelet, `${web}/log?container=main`)).code, 404);
  });

  test("sessions: an upgrade is passed on, and so is a refusal", async (t) => {
    const kubelet = await start(t);
    const exec = await upgrade(
      kubelet,
      `${web}/exec?container=main&command=a&command=b%20c&stdin=true&stdout=true`,
      "SPDY/3.1",
    );
    assert.deepEqual(exec, { code: 101, body: "hello" });
    const refused = await upgrade(kubelet, `${web}/attach?container=refused&stdout=1`, "SPDY/3.1");
    assert.deepEqual(refused, { code: 403, body: "no" });
    await upgrade(kubelet, `${web}/portforward`, "SPDY/3.1");
    assert.deepEqual(kubelet.seen, [
      "POST /exec/default/web/main?input=1&output=1&command=a&command=b+c SPDY/3.1",
      "POST /attach/default/web/refused?output=1 SPDY/3.1",
      "POST /portForward/default/web SPDY/3.1",
    ]);
  });

  test("sessions: a WebSocket is passed on to nodes that take it", async (t) => {
    const kubelet = await start(t);
    const path = `${web}/exec?container=main&command=a`;
    assert.equal((await upgrade(kubelet, path, "websocket")).code, 400);
    const status = { declaredFeatures: ["ExtendWebSocketsToKubelet"] };
    kubelet.cluster.patch("nodes", "", "n", { status }, { subresource: "status" });
    assert.equal((await upgrade(kubelet, path, "websocket")).code, 101);
  });

  test("the proxy of a node passes all paths on", async (t) => {
    const kubelet = await start(t);
    assert.equal(
      (await get(kubelet, "/api/v1/nodes/n/proxy/stats/summary?only_cpu=1")).body,
      "answer to /stats/summary?only_cpu=1",
    );
    assert.equal((await get(kubelet, "/api/v1/nodes/other/proxy/pods")).code, 404);
  });

  test("a kubelet whose certificate is of another authority is not trusted", async (t) => {
    const kubelet = await start(t, true);
    const { code, body } = await get(kubelet, `${web}/log?container=main`);
    assert.equal(code, 500);
    assert.match(body, /unable to verify the first certificate|unable to get local issuer|self-signed/);
    assert.deepEqual(kubelet.seen, []);
  });

  test("a kubelet that is not there is an error with its address", async (t) => {
    const kubelet = await start(t);
    const closed = createServer().listen(0, "127.0.0.1");
    await once(closed, "listening");
    const { port: Port } = closed.address() as AddressInfo;
    closed.close();
    await once(closed, "close");
    kubelet.cluster.patch(
      "nodes",
      "",
      "n",
      { status: { daemonEndpoints: { kubeletEndpoint: { Port } } } },
      { subresource: "status" },
    );
    const { code, body } = await get(kubelet, `${web}/log?container=main`);
    assert.equal(code, 500);
    assert.match(body, new RegExp(`https://127\\.0\\.0\\.1:${Port}/containerLogs/.*ECONNREFUSED`));
  });

  test("metrics.k8s.io: rates of CPU and working sets, from two scrapes", async (t) => {
    const kubelet = await start(t);
    const read = async (path: string): Promise<JsonObject> =>
      JSON.parse((await get(kubelet, `/apis/metrics.k8s.io/v1beta1/${path}`)).body) as JsonObject;
    const cores = (usage: unknown): number => Number.parseInt(textAt(usage, "cpu"), 10) / 1e9;
    const node = await read("nodes/n");
    assert.equal(textAt(node, "usage", "memory"), "2048Ki");
    // 0.5 s of CPU time in a second; more time may pass on a busy machine.
    assert.ok(cores(node.usage) > 0 && cores(node.usage) <= 0.51, textAt(node, "usage", "cpu"));
    const pods = await read("namespaces/default/pods");
    assert.deepEqual(
      listAt(pods, "items").map((pod) => textAt(pod, "metadata", "name")),
      ["web"],
    );
    const [container] = listAt(listAt(pods, "items")[0], "containers");
    assert.deepEqual([textAt(container, "name"), textAt(container, "usage", "memory")], ["main", "1024Ki"]);
    assert.ok(cores(valueAt(container, "usage")) > 0);
  });
});
