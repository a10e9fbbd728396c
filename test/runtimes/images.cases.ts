import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { inspect } from "node:util";
import { pushImages, type TestImages } from "../../scripts/runtimes/images.js";
import { startRegistry } from "../../scripts/runtimes/index.js";
import { SecretCredentials } from "../../src/images/auth/credentials.js";
import { readManifestSizes } from "../../src/images/registry.js";
import {
  connect,
  dockerAuth,
  type ImageAuth,
  keyring,
  type PruneResult,
  type PullProgress,
  parseReference,
  type RpcInterceptor,
} from "../../src/index.js";
import { failure } from "../support/failure.js";
import { runPod, type Subject } from "./support.js";

/** Runs a test with a registry that requires a login and contains the test images. */
async function withLogin(
  { running, runtime }: Subject,
  name: string,
  work: (images: TestImages, login: { username: string; password: string }, domain: string) => Promise<void>,
): Promise<void> {
  const registry = await startRegistry({
    program: running.installed.dockerRegistry,
    runDir: running.dir,
    name: `${name}${runtime.release.replace(".", "")}`,
    requireLogin: true,
  });
  try {
    const images = await pushImages(registry, running.installed.busybox);
    assert.ok(registry.login);
    await work(images, registry.login, `localhost:${registry.port}`);
  } finally {
    await registry.stop();
  }
}

/** Counts the PullImage calls that are sent to the runtime. */
function counting({ runtime }: Subject) {
  const pulls = { count: 0 };
  const interceptor: RpcInterceptor = (next) => (request) => {
    if (request.method.name === "PullImage") pulls.count++;
    return next(request);
  };
  return { pulls, cri: connect.lazy(runtime.endpoint, { interceptors: [interceptor] }) };
}

/** Cases for cri.images on a real runtime with a real registry. */
export function imageCases(subject: () => Subject): void {
  test("images: right and wrong credentials from each source; no secret in an error", async () => {
    await withLogin(subject(), "auth", async ({ tiny }, login, domain) => {
      const { cri, pulls } = counting(subject());
      const folder = await mkdtemp(join(tmpdir(), "cri-"));
      try {
        const auth = Buffer.from(`${login.username}:${login.password}`).toString("base64");
        const file = join(folder, "config.json");
        await writeFile(file, JSON.stringify({ auths: { [`http://${domain}/v1/`]: { auth } } }));
        const helped = join(folder, "helped.json");
        await writeFile(helped, JSON.stringify({ credHelpers: { [domain]: "test" } }));
        const answer = JSON.stringify({
          ServerURL: domain,
          Username: login.username,
          Secret: login.password,
        });
        const script = `#!/bin/sh\nread server\n[ "$server" = "${domain}" ] && echo '${answer}'\n`;
        await writeFile(join(folder, "docker-credential-test"), script, { mode: 0o755 });
        const env = { PATH: `${folder}:${process.env.PATH}` };
        const wrong = { ...login, password: "wr0ng-password" };
        const good: ImageAuth[] = [
          login,
          [wrong, login],
          () => login,
          dockerAuth(file),
          dockerAuth(helped, { env }),
          keyring({ auths: { [`${domain}/cri-sdk`]: { auth } } }),
        ];
        for (const source of good) {
          const image = await cri.images.ensure(tiny, { auth: source });
          assert.deepEqual(image.names, [tiny]);
          assert.deepEqual((await cri.images.remove(tiny))?.image, image);
        }
        const bad: ImageAuth[] = [[], wrong, keyring({ auths: { [domain]: wrong, "other.example": login } })];
        for (const source of bad) {
          const error = await failure(cri.images.ensure(tiny, { auth: source }), "registry_denied");
          assert.equal(error.code, "permission_denied");
          assert.ok(!inspect(error, { depth: 9, showHidden: true }).includes(wrong.password));
        }
        assert.equal(pulls.count, good.length + 1 + 1 + 2 + 2);
        // Fails without a pull, so the error must not suggest a response of the registry.
        await failure(cri.images.ensure(tiny, { policy: "Never", auth: login }), "image_missing");
      } finally {
        await cri.close();
        await rm(folder, { recursive: true });
      }
    });
  });

  test("images: five concurrent pulls share one PullImage, and aborting one does not affect the others", async () => {
    await withLogin(subject(), "five", async ({ busybox }, login) => {
      const { cri, pulls } = counting(subject());
      try {
        const stop = new AbortController();
        const aborted = failure(
          cri.images.ensure(busybox, { auth: login, signal: stop.signal }),
          "aborted_by_caller",
        );
        const five = Array.from({ length: 5 }, () => cri.images.ensure(busybox, { auth: { ...login } }));
        // Abort at once: a pull takes only a few milliseconds when the content store already has the layers.
        for (let tries = 0; pulls.count === 0 && tries < 100_000; tries++) await setImmediate();
        stop.abort();
        const all = await Promise.all(five);
        await aborted;
        assert.equal(new Set(all.map(({ id }) => id)).size, 1);
        assert.equal(pulls.count, 1);
        await cri.images.remove(busybox);
      } finally {
        await cri.close();
      }
    });
  });

  test("images: policies, names and ids, removal, and the containers that use an image", async () => {
    const { cri, running } = subject();
    const { tiny, user, namedUser, busybox, busybox2 } = running.images;
    const image = await cri.images.pull(tiny);
    assert.match(image.id, /^(?:sha256:)?[0-9a-f]{64}$/);
    assert.ok(image.sizeBytes > 0n);
    for (const name of [tiny, image.id, image.id.replace("sha256:", ""), image.digests[0] ?? ""]) {
      assert.deepEqual((await cri.images.get(name))?.names, [tiny]);
      assert.equal((await cri.images.ensure(name, { policy: "Never" })).id, image.id);
    }
    assert.equal(await cri.images.get(`${tiny}-none`), undefined);
    assert.equal((await cri.images.ensure(user)).user, "1001:1002".split(":")[0]);
    assert.equal((await cri.images.ensure(namedUser)).user, "app");
    await cri.images.ensure(busybox);
    await cri.images.ensure(busybox2);
    const both = await cri.images.list({ only: "*/cri-sdk/busybox:*" });
    assert.deepEqual(
      both.map(({ names }) => [...names].sort()),
      [[busybox, busybox2]],
    );
    assert.deepEqual((await cri.images.remove(busybox, { dryRun: true }))?.otherNames, [busybox2]);
    assert.deepEqual((await cri.images.remove(busybox))?.otherNames, [busybox2]);
    assert.equal(await cri.images.get(busybox2), undefined);
    assert.equal(await cri.images.remove(busybox), undefined);
    for (const name of [tiny, user, namedUser]) assert.ok(await cri.images.remove(name));
    await cri.images.ensure(busybox);
    await failure(cri.images.pull(`${tiny}-none`), "image_missing");
    await failure(cri.images.pull("localhost:1/none:1"), "registry_unavailable");
    const info = await cri.images.fsInfo();
    assert.ok(info.images[0]?.mountpoint.startsWith(running.dir));
    assert.ok(info.containers.length > 0);
  });

  test("images: prune keeps the pause image, images of containers, and images in `keep`", async () => {
    const { cri, running } = subject();
    const { pause, busybox, tiny, user } = running.images;
    await using pod = await runPod(subject(), "prune");
    // A created container counts as a user of its image, even if it was never started.
    await pod.container(["true"], false);
    // The images of other cases must be kept.
    const others = (await cri.images.list()).flatMap(({ names }) => names);
    await cri.images.ensure(tiny);
    await cri.images.ensure(user);
    const keep = [user, ...others.filter((name) => name !== tiny && name !== busybox && name !== pause)];
    const plan = await cri.images.prune({ keep, dryRun: true });
    assert.ok(await cri.images.get(tiny));
    const done = await cri.images.prune({ keep });
    // The order of lists varies.
    const summary = ({ removed, kept, removedBytes }: PruneResult) => [
      removed.map(({ id }) => id).sort(),
      kept.map(({ image, reason }) => `${image.id} ${reason}`).sort(),
      removedBytes,
    ];
    assert.deepEqual(summary(done), summary(plan));
    assert.deepEqual(done.failed, []);
    assert.ok(done.removed.some(({ names }) => names.includes(tiny)));
    assert.equal(await cri.images.get(tiny), undefined);
    const reasons = new Map(
      done.kept.flatMap(({ image, reason }) => image.names.map((name) => [name, reason])),
    );
    assert.equal(reasons.get(busybox), "in_use");
    assert.equal(reasons.get(user), "keep");
    assert.ok(
      ["pinned", "sandbox"].includes(reasons.get(pause) ?? ""),
      `the pause image: ${reasons.get(pause)}`,
    );
    await cri.images.remove(user);
  });

  test("images: prune keeps images that a container mounts, if the runtime supports image volumes", async (t) => {
    const { cri, running, abilities } = subject();
    if (!abilities.imageVolumes) return t.skip("the runtime does not mount images");
    const { tiny } = running.images;
    await using pod = await cri.pods.run({ name: "volume", namespace: "cri-sdk-test" });
    const container = await pod.runContainer({
      name: "mounts",
      image: running.images.busybox,
      command: ["sleep", "60"],
      mounts: [{ containerPath: "/volume", image: tiny }],
    });
    const { id } = (await cri.images.get(tiny)) ?? assert.fail("the image was not pulled");
    const { status } = await cri.runtime.containerStatus({ containerId: container.id });
    const mounted = status?.mounts.find(({ containerPath }) => containerPath === "/volume")?.image;
    assert.deepEqual([mounted?.image, mounted?.userSpecifiedImage], [id, tiny]);
    const keptReason = async () => {
      const { kept } = await cri.images.prune({ dryRun: true });
      return kept.find(({ image }) => image.id === id)?.reason;
    };
    assert.equal(await keptReason(), "in_use");
    await container.remove();
    assert.equal(await keptReason(), undefined);
    await cri.images.remove(tiny);
  });

  test("images: progress with the total from the manifest, with a login", async () => {
    await withLogin(subject(), "progress", async ({ busybox }, login) => {
      const { cri } = subject();
      const reports: PullProgress[] = [];
      const image = await cri.images.pull(busybox, {
        auth: login,
        onProgress: (progress) => void reports.push(progress),
        progressIntervalMs: 20,
      });
      const last = reports.at(-1);
      assert.deepEqual([last?.done, last?.fraction, last?.estimated], [true, 1, true]);
      // A small image may be pulled before its manifest was read; so the sizes are requested separately, too.
      const logins = [
        new SecretCredentials({ ...login, password: "wr0ng" }, "auth"),
        new SecretCredentials(login, "auth"),
      ];
      const sizes = await readManifestSizes(parseReference(busybox), logins, AbortSignal.timeout(10_000));
      assert.equal(sizes?.layers, 1);
      // containerd's size includes the manifest itself.
      assert.ok(
        BigInt(sizes.totalBytes) <= image.sizeBytes && sizes.totalBytes > 500_000,
        `${sizes.totalBytes}`,
      );
      assert.ok([undefined, sizes.totalBytes].includes(last?.totalBytes));
      await cri.images.remove(busybox);
    });
  });
}
