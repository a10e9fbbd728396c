import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { connect } from "../../../src/index.js";
import { type EmbeddedOptions, EmbeddedRuntime } from "../../../src/testing/index.js";
import { cleanup } from "../../support/cleanup.js";
import { busybox, sandboxConfig } from "../../support/embedded.js";
import { within } from "../../support/waiting.js";

const data = "registry.example/data:1";
const images = [
  { names: [busybox], files: { "/opt/hello": "#!/bin/sh\necho hello from the image\n" } },
  {
    names: [data],
    files: { "/models/a.bin": new Uint8Array([1, 2, 3]), "/models/deep/b.txt": "bee", "/readme": "read me" },
  },
];

async function start(t: TestContext, more: EmbeddedOptions = {}) {
  const runtime = await EmbeddedRuntime.start({ images, preload: [busybox, data], ...more });
  cleanup(t, () => within(10_000, runtime.close(), "close()"));
  const cri = connect.through({ transport: runtime.transport });
  cleanup(t, () => cri.close());
  const config = sandboxConfig("pod");
  const { podSandboxId } = await cri.runtime.runPodSandbox({
    config: {
      ...config,
      dnsConfig: { servers: ["10.0.0.10"], searches: ["a.b", "b"], options: ["ndots:5"] },
    },
  });
  const create = async (name: string, spec: object) => {
    const { containerId } = await cri.runtime.createContainer({
      podSandboxId,
      config: { metadata: { name }, image: { image: busybox }, ...spec },
      sandboxConfig: config,
    });
    await cri.runtime.startContainer({ containerId });
    return containerId;
  };
  const sh = async (containerId: string, script: string) => {
    const cmd = ["sh", "-c", `cd "$CRI_SDK_ROOTFS"; ${script}`];
    const { stdout, stderr } = await cri.runtime.execSync({ containerId, cmd, timeout: 20n });
    return `${Buffer.from(stdout)}${Buffer.from(stderr)}`;
  };
  return { cri, create, sh, podSandboxId };
}

const volume = (containerPath: string, imageSubPath = "") => ({
  ...{ containerPath, imageSubPath, readonly: true },
  image: { image: data },
});

test("on the host, an image volume has the files of the image, or of a folder or file in it", async (t) => {
  const { cri, create, sh } = await start(t);
  const mounts = [
    volume("/all"),
    volume("/models", "models"),
    volume("/deep/er", "models/deep"),
    volume("/one", "readme"),
  ];
  const id = await create("c", { command: ["sleep", "60"], mounts });
  assert.equal(
    await sh(
      id,
      "cat all/readme one models/deep/b.txt deep/er/b.txt; od -An -tx1 all/models/a.bin; ls models",
    ),
    "read meread mebeebee 01 02 03\na.bin\ndeep\n",
  );
  // Root may write to anything, so the permissions are looked at.
  assert.equal(await sh(id, "stat -c %a all/. all/readme all/models"), "555\n555\n555\n");
  await cri.runtime.removeContainer({ containerId: id });
});

test("on the host, the files of a container's own image are in its folder, below its mounts", async (t) => {
  const { create, sh } = await start(t);
  const hidden = { mounts: [{ containerPath: "/opt", hostPath: "/tmp" }] };
  const id = await create("c", { command: ["sleep", "60"] });
  assert.equal(
    await sh(id, "cat opt/hello | head -1; /bin/sh opt/hello"),
    "#!/bin/sh\nhello from the image\n",
  );
  const other = await create("d", { command: ["sleep", "60"], ...hidden });
  assert.match(await sh(other, "cat opt/hello"), /No such file/);
  // A program of the image is found by its path.
  const program = await create("e", { command: ["/opt/hello"] });
  assert.ok(program);
});

test("on the host, a pod's DNS config and address are where programs find them", async (t) => {
  const { cri, create, sh, podSandboxId } = await start(t);
  const id = await create("c", { command: ["sleep", "60"] });
  const { status } = await cri.runtime.podSandboxStatus({ podSandboxId });
  assert.equal(
    await sh(id, 'cat etc/resolv.conf; echo "$CRI_SDK_POD_IP"'),
    `search a.b b\nnameserver 10.0.0.10\noptions ndots:5\n${status?.network?.ip}\n`,
  );
  const mounted = await create("d", {
    command: ["sleep", "60"],
    mounts: [{ containerPath: "/etc", hostPath: "/etc" }],
  });
  assert.doesNotMatch(await sh(mounted, "cat etc/resolv.conf"), /10\.0\.0\.10/);
});

test("on the host, devices are linked, and must be devices", async (t) => {
  const { create, sh } = await start(t);
  const device = (hostPath: string) => ({
    devices: [{ hostPath, containerPath: "/dev/x", permissions: "rw" }],
  });
  const id = await create("c", { command: ["sleep", "60"], ...device("/dev/null") });
  assert.equal(await sh(id, "echo lost >dev/x; cat dev/x"), "");
  await assert.rejects(create("d", { command: ["sleep", "60"], ...device("/dev/none") }), {
    message: /devices\[0\]\.host_path: lstat \/dev\/none: no such file or directory/,
  });
  await assert.rejects(create("e", { command: ["sleep", "60"], ...device("/etc/passwd") }), {
    message: /is not a device node/,
  });
});

test("a program gets its mounts, with the files of image volumes", async (t) => {
  const seen: unknown[] = [];
  const { create } = await start(t, {
    programs: {
      run({ mounts }) {
        for (const { containerPath, hostPath, readonly, files } of mounts)
          seen.push([
            containerPath,
            hostPath,
            readonly,
            files && [...files].map(([path, content]) => `${path}=${Buffer.from(content)}`),
          ]);
      },
    },
  });
  await create("c", {
    command: ["run"],
    mounts: [volume("/deep", "models/deep"), { containerPath: "/tmp", hostPath: "/host", readonly: true }],
  });
  for (let tries = 0; seen.length < 2 && tries < 1_000; tries++) await new Promise(setImmediate);
  assert.deepEqual(seen, [
    ["/deep", "", true, ["/b.txt=bee"]],
    ["/tmp", "/host", true, undefined],
  ]);
});

test("files are part of an image's identity, and their paths are checked", async (t) => {
  const idOf = async (files: Record<string, string> | undefined) => {
    const runtime = await EmbeddedRuntime.start({ images: [{ names: [busybox], files }], programs: {} });
    cleanup(t, () => runtime.close());
    return runtime.images.preload(busybox).hex;
  };
  const ids = [
    await idOf(undefined),
    await idOf({ "/a": "1" }),
    await idOf({ "/a": "2" }),
    await idOf({ "/b": "1" }),
  ];
  assert.equal(new Set(ids).size, 4);
  assert.equal(await idOf({}), ids[0]);
  for (const [path, text] of [
    ["relative", /absolute path/],
    ["/a/", /absolute path/],
    ["/a/../b", /absolute path/],
    ["/", /absolute path/],
  ] as const)
    await assert.rejects(idOf({ [path]: "" }), { reason: "invalid_option", message: text });
  await assert.rejects(idOf({ "/a": "", "/a/b": "" }), { message: /both a file and a folder/ });
});
