// examples/kubelet and examples/custom-kubelet.ts as programs of their own, on an embedded runtime.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { connect } from "../../../src/index.js";
import { EmbeddedRuntime } from "../../../src/testing/index.js";
import { startTestCluster } from "../../support/api-server/index.js";
import { checkout, nodeArgs } from "../../support/checkout.js";
import { cleanup } from "../../support/cleanup.js";
import { busybox } from "../../support/embedded.js";
import { programs } from "../../support/scripted-programs.js";
import { tempFolder } from "../../support/temp.js";
import { until, within } from "../../support/waiting.js";

/** A runtime on a socket, a folder of manifests, and programs that use both. */
async function node(t: TestContext) {
  const folder = await tempFolder(t);
  const runtime = await EmbeddedRuntime.start({ socket: join(folder, "cri.sock"), programs });
  cleanup(t, () => within(15_000, runtime.close(), "runtime.close()"));
  const cri = connect.through(runtime);
  cleanup(t, () => cri.close());
  const manifests = join(folder, "manifests");
  await mkdir(manifests);
  const write = (name: string, container: object, spec: object = {}) =>
    writeFile(
      join(manifests, `${name}.json`),
      JSON.stringify({
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name },
        spec: {
          terminationGracePeriodSeconds: 1,
          containers: [{ name: "main", image: busybox, command: ["run"], ...container }],
          ...spec,
        },
      }),
    );
  const start = (program: string, ...args: readonly string[]) => {
    const child = spawn(process.execPath, nodeArgs(program, ...args), {
      cwd: checkout,
      env: { ...process.env, CONTAINER_RUNTIME_ENDPOINT: runtime.endpoint ?? "", TMPDIR: folder },
      stdio: ["ignore", "pipe", "pipe"],
    });
    cleanup(t, () => child.kill("SIGKILL"));
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
    const closed = once(child, "close");
    return {
      output: () => output,
      printed: (text: string | RegExp) =>
        until(() => output.search(text) >= 0, `${text}`, 40_000).catch((error: unknown) => {
          throw new Error(`the output has no ${text}: ${output}`, { cause: error });
        }),
      ended: async () => (await within(40_000, closed, `${program}: ${output}`))[0],
      interrupt: () => child.kill("SIGINT"),
    };
  };
  return { folder, runtime, cri, manifests, write, start };
}

test("examples/kubelet runs the Pods of a folder; Ctrl-C leaves them, and --stop does not", async (t) => {
  const { folder, cri, manifests, write, start } = await node(t);
  await write("web", {});
  const args = [
    "--manifests",
    manifests,
    "--node-name",
    "n1",
    "--root-dir",
    join(folder, "kubelet"),
    "--read-only-port",
    "0",
  ];
  const first = start("examples/kubelet/main.ts", ...args);
  await first.printed(/web-n1\/main Started: /);
  const url = /status page: (\S+)/.exec(first.output())?.[1] ?? "";
  assert.match(await (await fetch(url)).text(), /web-n1/);
  first.interrupt();
  assert.equal(await first.ended(), 0, first.output());
  const running = await cri.lists.containers().collect();
  assert.deepEqual(
    running.map(({ metadata, state }) => [metadata?.name, state]),
    [["main", 1]],
  );

  const second = start("examples/kubelet/main.ts", ...args, "--stop");
  await second.printed("status page");
  await until(
    async () =>
      (await (await fetch(/status page: (\S+)/.exec(second.output())?.[1] ?? "")).text()).includes(
        ">Running<",
      ),
    "the page shows the running pod",
  );
  const adopted = await cri.lists.containers().collect();
  assert.deepEqual(
    adopted.map(({ id }) => id),
    running.map(({ id }) => id),
    "the container was not restarted",
  );
  second.interrupt();
  assert.equal(await second.ended(), 0, second.output());
  assert.deepEqual(await cri.lists.podSandboxes().collect(), []);
});

test("examples/kubelet prints problems of manifests as events, and follows the folder", async (t) => {
  const { folder, manifests, write, start } = await node(t);
  await writeFile(join(manifests, "bad.yaml"), "kind: [\n");
  const program = start(
    "examples/kubelet/main.ts",
    "--manifests",
    manifests,
    "--root-dir",
    join(folder, "kubelet"),
    "--read-only-port",
    "0",
    "--stop",
  );
  await program.printed(/! \S+ InvalidManifest: .*bad\.yaml/);
  await write("later", {});
  await program.printed(/later-\S+\/main Started: /);
  await rm(join(manifests, "later.json"));
  await program.printed(/later-\S+ Killing: /);
  program.interrupt();
  assert.equal(await program.ended(), 0, program.output());
});

test("examples/kubelet makes the machine a node of an API server, which permits what its API serves", async (t) => {
  const { folder, start } = await node(t);
  const cluster = await startTestCluster(t, { nodeAuthorizer: true });
  const [kubeconfig, clientCa] = [join(folder, "kubeconfig"), join(folder, "ca.crt")];
  await writeFile(kubeconfig, JSON.stringify(await cluster.nodeConfig("n1")));
  await writeFile(clientCa, cluster.server.ca.cert);
  const program = start(
    "examples/kubelet/main.ts",
    ...["--kubeconfig", kubeconfig, "--client-ca", clientCa, "--node-name", "n1", "--port", "0"],
    ...["--read-only-port", "0", "--root-dir", join(folder, "kubelet"), "--stop"],
  );
  await program.printed(/the kubelet's API: https:/);
  await cluster.until("nodes", "", "n1", (found) => JSON.stringify(found ?? {}).includes('"KubeletReady"'));
  cluster.createPod({
    metadata: { name: "web" },
    spec: {
      nodeName: "n1",
      terminationGracePeriodSeconds: 1,
      containers: [{ name: "main", image: busybox, command: ["print", "from the node"] }],
      restartPolicy: "Never",
    },
  });
  await cluster.until("pods", "default", "web", (found) =>
    JSON.stringify(found ?? {}).includes('"Succeeded"'),
  );
  const url = new URL("/containerLogs/default/web/main", /API: (\S+)/.exec(program.output())?.[1]);
  const admin = await cluster.server.ca.client("kubernetes-admin", ["system:masters"]);
  const nobody = await cluster.server.ca.client("nobody", []);
  const get = async (credentials: object) => {
    const call = request(url, { ...credentials, rejectUnauthorized: false, agent: false }).end();
    const [response] = await within(20_000, once(call, "response"), `${url}`);
    return { status: response.statusCode, text: await text(response) };
  };
  assert.deepEqual(await get(admin), { status: 200, text: "from the node" });
  assert.equal((await get(nobody)).status, 403);
  assert.equal((await get({})).status, 401);
  program.interrupt();
  assert.equal(await program.ended(), 0, program.output());
});

test("examples/kubelet explains a command line that it cannot use", async (t) => {
  const { folder, start } = await node(t);
  for (const [args, message] of [
    [[], /--manifests DIR or --kubeconfig FILE is required/],
    [["--manifest", "x"], /--manifest/],
    [["--manifests", "x", "--port", "70000"], /--port: must be a port, got "70000"/],
  ] as const) {
    const program = start("examples/kubelet/main.ts", ...args);
    assert.equal(await program.ended(), 2);
    assert.match(program.output(), message);
    assert.match(program.output(), /^usage: npm run kubelet/m);
  }
  const missing = start(
    "examples/kubelet/main.ts",
    "--kubeconfig",
    "/nowhere/kubeconfig",
    "--root-dir",
    join(folder, "kubelet"),
    "--read-only-port",
    "0",
  );
  assert.equal(await missing.ended(), 1, missing.output());
  assert.match(missing.output(), /^\/nowhere\/kubeconfig: cannot be read: ENOENT/m);
});

test("examples/custom-kubelet.ts denies privileged Pods, pins images, and labels its pods", async (t) => {
  const { folder, runtime, cri, manifests, write, start } = await node(t);
  const source = await readFile(join(checkout, "examples/custom-kubelet.ts"), "utf8");
  assert.ok(source.trimEnd().split("\n").length < 40, "the example is short");
  await cri.images.pull(busybox);
  const [digest = ""] = (await cri.images.get(busybox))?.digests ?? [];
  const name = `docker.io/library/busybox@${digest.split("@").at(-1)}`;
  await cri.images.remove(busybox);
  const digests = join(folder, "digests.json");
  await writeFile(digests, JSON.stringify({ [busybox]: name.split("@")[1] }));
  await write("good", {});
  await write("root", { securityContext: { privileged: true } });
  await write("unknown", { image: "docker.io/library/alpine:3.20" });
  const program = start("examples/custom-kubelet.ts", manifests, digests, join(folder, "kubelet"));
  await program.printed(/good-\S+ Started: /);
  await program.printed(/root-\S+ Privileged: .*the container main is privileged/);
  await program.printed(/unknown-\S+ Failed: .*has no digest in/);
  const sandboxes = await cri.lists.podSandboxes({ labelSelector: { "example.com/team": "blue" } }).collect();
  const all = await cri.lists.podSandboxes().collect();
  assert.equal(sandboxes.length, all.length);
  assert.ok(sandboxes.some(({ metadata }) => metadata?.name.startsWith("good-")));
  assert.ok(!all.some(({ metadata }) => metadata?.name.startsWith("root-")));
  const pulls = runtime.calls.of("pullImage").map(({ request }) => request.image?.image);
  assert.deepEqual(pulls, [busybox, name], "the image is pulled by its digest");
  program.interrupt();
  assert.equal(await program.ended(), 0, program.output());
  assert.deepEqual(await cri.lists.podSandboxes().collect(), []);
  assert.deepEqual(await readdir(join(folder, "kubelet", "pods")).catch(() => []), []);
});
