import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect as connectTcp, createServer } from "node:net";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { Protocol } from "../../../gen/runtime/v1/api_pb.js";
import { type Cri, connect } from "../../../src/index.js";
import {
  type EmbeddedOptions,
  EmbeddedRuntime,
  type Program,
  type RuntimeLike,
} from "../../../src/testing/index.js";
import { cleanup } from "../../support/cleanup.js";
import { busybox, sandboxConfig } from "../../support/embedded.js";
import { freePort } from "../../support/free-port.js";
import { checkLeaks } from "../../support/leaks.js";
import { until, within } from "../../support/waiting.js";

const onlyLinux = { skip: process.platform !== "linux" && "other systems have one loopback address" };

/** Sends a line to a port, and returns everything that comes back. Rejects like the connection. */
async function ask(host: string, port: number, line = "ping"): Promise<string> {
  const socket = connectTcp({ host, port, allowHalfOpen: true });
  socket.end(line);
  return within(5_000, text(socket), `an answer from ${host}:${port}`);
}

/** Answers with its own name before the input. */
const echo: Program = async ({ args: [, name = ""], listen, clock, podIp, env }) => {
  await listen(Number(env.PORT), (connection) => {
    connection.write(`${name} at ${podIp}: `);
    connection.pipe(connection);
  });
  await clock.sleep(3_600_000);
};

interface PodOptions {
  readonly name: string;
  readonly port: number;
  readonly more?: object;
}

async function runEcho(cri: Cri, { name, port, more = {} }: PodOptions) {
  const config = { ...sandboxConfig(name), ...more };
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config });
  const envs = [{ key: "PORT", value: Buffer.from(`${port}`) }];
  const spec = { metadata: { name }, image: { image: busybox }, command: ["echo", name], envs };
  const { containerId } = await cri.runtime.createContainer({
    podSandboxId,
    config: spec,
    sandboxConfig: config,
  });
  await cri.runtime.startContainer({ containerId });
  const { status } = await cri.runtime.podSandboxStatus({ podSandboxId });
  return { podSandboxId, containerId, ip: status?.network?.ip ?? "" };
}

/** Starts a runtime; a test may start several, and checks for leaks itself. */
async function start(t: TestContext, more: EmbeddedOptions = {}) {
  const runtime = await EmbeddedRuntime.start({ programs: { echo }, preload: [busybox], ...more });
  cleanup(t, () => within(10_000, runtime.close(), "close()"));
  const cri = connect.through({ transport: runtime.transport });
  cleanup(t, () => cri.close());
  return { runtime, cri };
}

test("programs answer at the address of their pod, each pod at its own", onlyLinux, async (t) => {
  checkLeaks(t);
  const { cri } = await start(t);
  const { cri: other } = await start(t);
  const port = await freePort();
  const pods = [
    await runEcho(cri, { name: "a", port }),
    await runEcho(cri, { name: "b", port }),
    await runEcho(other, { name: "a", port }),
  ];
  assert.equal(new Set(pods.map(({ ip }) => ip)).size, 3);
  for (const { ip } of pods) assert.match(ip, /^127\.\d+\.\d+\.\d+$/);
  const [a, b] = pods;
  const answer = () => ask(a?.ip ?? "", port).catch(() => undefined);
  await until(async () => (await answer()) !== undefined, "the first pod listens");
  assert.equal(await ask(a?.ip ?? "", port), `a at ${a?.ip}: ping`);
  await until(
    async () => (await ask(b?.ip ?? "", port).catch(() => "")) === `b at ${b?.ip}: ping`,
    "the second",
  );
  await cri.runtime.stopContainer({ containerId: a?.containerId ?? "", timeout: 0n });
  await until(async () => (await answer()) === undefined, "the port is closed with the process");
  assert.match(await ask(b?.ip ?? "", port), /^b at/);
});

test("a client that resets its connection harms nothing", onlyLinux, async (t) => {
  checkLeaks(t);
  const { cri } = await start(t);
  const port = await freePort();
  const { ip } = await runEcho(cri, { name: "a", port });
  await until(async () => (await ask(ip, port).catch(() => "")) !== "", "listens");
  const socket = connectTcp({ host: ip, port });
  await once(socket, "data");
  socket.resetAndDestroy();
  assert.match(await ask(ip, port), /ping$/);
});

test(
  "listening is refused for a port that another process of the host has, but port-forward works",
  onlyLinux,
  async (t) => {
    checkLeaks(t);
    const port = await freePort();
    const server = createServer().listen(port, "0.0.0.0");
    await once(server, "listening");
    cleanup(t, () => server.close());
    const refusals: unknown[] = [];
    const { cri } = await start(t, {
      programs: {
        echo: async ({ listen, clock }: Parameters<Program>[0]) => {
          await listen(port, (connection) => connection.pipe(connection)).catch((error) =>
            refusals.push(error.code),
          );
          await clock.sleep(3_600_000);
        },
      },
    });
    const { podSandboxId } = await runEcho(cri, { name: "a", port });
    await until(() => refusals.length > 0, "the program is told");
    assert.deepEqual(refusals, ["EADDRINUSE"]);
    const forward = cri.portForward(podSandboxId);
    cleanup(t, () => forward.close());
    const connection = await forward.connect(port);
    connection.write("ping");
    const [chunk] = await within(5_000, once(connection, "data"), "an answer through port-forward");
    assert.equal(`${chunk}`, "ping");
    connection.destroy();
  },
);

for (const [name, hostIp, expected] of [
  ["loopback by default", "", "127.0.0.1"],
  ["loopback instead of all addresses", "0.0.0.0", "127.0.0.1"],
  ["a given address", "127.1.2.3", "127.1.2.3"],
] as const)
  test(`host ports: ${name}`, onlyLinux, async (t) => {
    checkLeaks(t);
    const { cri } = await start(t);
    const hostPort = await freePort();
    const more = { portMappings: [{ containerPort: 80, hostPort, hostIp }] };
    const { podSandboxId, ip } = await runEcho(cri, { name: "a", port: 80, more });
    await until(async () => (await ask(expected, hostPort).catch(() => "")) !== "", "the program listens");
    assert.equal(await ask(expected, hostPort), `a at ${ip}: ping`);
    const { stats } = await cri.runtime.podSandboxStats({ podSandboxId });
    assert.ok((stats?.linux?.network?.defaultInterface?.rxBytes?.value ?? 0n) > 0n);
    await cri.runtime.stopPodSandbox({ podSandboxId });
    await assert.rejects(ask(expected, hostPort), { code: "ECONNREFUSED" });
    // The port is free again, for another pod.
    await runEcho(cri, { name: "b", port: 80, more });
    await until(
      async () => /^b at/.test(await ask(expected, hostPort).catch(() => "")),
      "the next pod listens",
    );
  });

test(
  "a host port in use is an error in the words of the runtime, and takes nothing",
  onlyLinux,
  async (t) => {
    checkLeaks(t);
    const words = {
      "containerd-2.1":
        /^failed to setup network for sandbox "[0-9a-f]{64}": plugin type="portmap" failed \(add\): cannot open/,
      "cri-o":
        /^failed to create pod network sandbox "[0-9a-f]{64}": cannot open hostport \d+ for pod b: listen tcp 127/,
      standard:
        /^config\.port_mappings\[1\]\.host_port: cannot open hostport \d+ for pod b: .* bind: address already in use$/,
    };
    for (const [like, expected] of Object.entries(words)) {
      const { cri } = await start(t, { like: like === "standard" ? undefined : (like as RuntimeLike) });
      const [taken, free] = [await freePort(), await freePort()];
      const mapping = (hostPort: number) => ({ containerPort: 80, hostPort });
      await runEcho(cri, { name: "a", port: 80, more: { portMappings: [mapping(taken)] } });
      const config = { ...sandboxConfig("b"), portMappings: [mapping(free), mapping(taken)] };
      await assert.rejects(cri.runtime.runPodSandbox({ config }), (error: Error & { rawMessage: string }) => {
        assert.match(error.rawMessage, expected);
        return true;
      });
      await assert.rejects(ask("127.0.0.1", free), { code: "ECONNREFUSED" });
      assert.equal((await cri.runtime.listPodSandbox({})).items.length, 1);
      // Also a port of another process of the host.
      const server = createServer().listen(free, "127.0.0.1");
      await once(server, "listening");
      await assert.rejects(
        cri.runtime.runPodSandbox({ config: { ...sandboxConfig("b"), portMappings: [mapping(free)] } }),
        { message: /address already in use/ },
      );
      server.close();
      // Without the conflict, the name is free.
      await runEcho(cri, { name: "b", port: 80, more: { portMappings: [mapping(await freePort())] } });
    }
  },
);

test(
  "a repeated RunPodSandbox with a host port has the same id, or is refused for its name",
  onlyLinux,
  async (t) => {
    checkLeaks(t);
    const more = { portMappings: [{ containerPort: 80, hostPort: await freePort() }] };
    for (const like of ["cri-o", undefined] as const) {
      const { cri } = await start(t, { like });
      const config = { ...sandboxConfig("a"), ...more };
      const runs = [1, 2].map(() => cri.runtime.runPodSandbox({ config }));
      const results = await Promise.allSettled(runs);
      const ids = results.map((result) => (result.status === "fulfilled" ? result.value.podSandboxId : ""));
      if (like) {
        const again = await cri.runtime.runPodSandbox({ config });
        assert.ok(ids.includes(again.podSandboxId));
      } else await assert.rejects(cri.runtime.runPodSandbox({ config }), { reason: "name_reserved" });
      assert.equal((await cri.runtime.listPodSandbox({})).items.length, 1);
      for (const { id } of (await cri.runtime.listPodSandbox({})).items)
        await cri.runtime.removePodSandbox({ podSandboxId: id });
      await assert.rejects(ask("127.0.0.1", more.portMappings[0]?.hostPort ?? 0), { code: "ECONNREFUSED" });
    }
  },
);

test("UDP ports of the host reach processes of this host, and answers come back", onlyLinux, async (t) => {
  checkLeaks(t);
  const { cri } = await start(t, { programs: undefined });
  const [port, hostPort] = [await freePort(), await freePort()];
  const config = {
    ...sandboxConfig("a"),
    portMappings: [{ containerPort: port, hostPort, protocol: Protocol.UDP }],
  };
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config });
  const script = `const s = require("node:dgram").createSocket("udp4");
    s.on("message", (m, { port, address }) => s.send("got " + m, port, address));
    s.bind(${port}, process.env.CRI_SDK_POD_IP);`;
  const spec = {
    metadata: { name: "c" },
    image: { image: busybox },
    command: [process.execPath, "-e", script],
  };
  const { containerId } = await cri.runtime.createContainer({
    podSandboxId,
    config: spec,
    sandboxConfig: config,
  });
  await cri.runtime.startContainer({ containerId });
  const client = createSocket("udp4");
  cleanup(t, () => client.close());
  const answers: string[] = [];
  client.on("message", (message) => answers.push(`${message}`));
  await until(
    () => {
      client.send("ping", hostPort, "127.0.0.1");
      return answers.length > 0;
    },
    "an answer",
    60_000,
  );
  assert.equal(answers[0], "got ping");
  await cri.runtime.removePodSandbox({ podSandboxId });
});

test("mappings that cannot be made are refused", async (t) => {
  checkLeaks(t);
  const { cri } = await start(t);
  for (const [mapping, field] of [
    [{ containerPort: 80, hostPort: 70_000 }, /\.host_port: Invalid host port number: 70000/],
    [{ containerPort: 0, hostPort: 8_080 }, /\.container_port: Invalid container port number: 0/],
    [{ containerPort: 80, hostPort: 8_080, hostIp: "here" }, /\.host_ip: Invalid host IP address: here/],
    [{ containerPort: 80, hostPort: 8_080, protocol: 2 }, /\.protocol: only TCP .* got SCTP/],
  ] as const) {
    const config = { ...sandboxConfig("a"), portMappings: [mapping] };
    // Preflight of the client refuses some of them already.
    await assert.rejects(cri.runtime.runPodSandbox({ config }), { code: "invalid_argument" });
    const raw = { ...config, portMappings: [{ ...mapping }] };
    const { runtime } = await start(t);
    const unchecked = connect.through({ transport: runtime.transport, preflight: false });
    await assert.rejects(unchecked.runtime.runPodSandbox({ config: raw }), { message: field });
    await unchecked.close();
  }
  // Without a host port, a mapping only documents the port of the container.
  await cri.runtime.runPodSandbox({
    config: { ...sandboxConfig("a"), portMappings: [{ containerPort: 53, hostPort: 0, protocol: 1 }] },
  });
});

test("closing the runtime closes host ports and addresses", onlyLinux, async (t) => {
  checkLeaks(t);
  const { runtime, cri } = await start(t);
  const [port, hostPort] = [await freePort(), await freePort()];
  const more = { portMappings: [{ containerPort: port, hostPort }] };
  const { ip } = await runEcho(cri, { name: "a", port, more });
  await until(async () => (await ask(ip, port).catch(() => "")) !== "", "listens");
  const open = connectTcp({ host: "127.0.0.1", port: hostPort });
  await once(open, "data");
  const closed = once(open, "close");
  open.on("error", () => undefined);
  open.resume();
  await runtime.close();
  await within(5_000, closed, "the connection is closed");
  await assert.rejects(ask(ip, port), { code: "ECONNREFUSED" });
  await assert.rejects(ask("127.0.0.1", hostPort), { code: "ECONNREFUSED" });
});

test("programs get the DNS config, the hostname and no address on the host's network", async (t) => {
  checkLeaks(t);
  const seen: unknown[] = [];
  const dnsConfig = { servers: ["10.0.0.10"], searches: ["default.svc.cluster.local"], options: ["ndots:5"] };
  const { cri } = await start(t, {
    programs: {
      echo: ({ dns, podIp, env }: Parameters<Program>[0]) => {
        seen.push([dns?.servers, dns?.searches, dns?.options, typeof podIp, env.HOSTNAME]);
      },
    },
  });
  await runEcho(cri, { name: "a", port: 1, more: { dnsConfig, hostname: "web" } });
  const linux = { securityContext: { namespaceOptions: { network: 2 } } };
  await runEcho(cri, { name: "b", port: 1, more: { linux } });
  await until(() => seen.length === 2, "both programs ran");
  assert.deepEqual(seen, [
    [["10.0.0.10"], ["default.svc.cluster.local"], ["ndots:5"], "string", "web"],
    [undefined, undefined, undefined, "undefined", "b"],
  ]);
});
