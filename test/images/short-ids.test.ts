// Image ids as crictl and Docker print them: 13 or 12 digits, with and without `sha256:`.
import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "../../src/index.js";
import { memoryTransport } from "../../src/server.js";
import { busybox, scripted } from "../support/embedded.js";
import { failure } from "../support/failure.js";
import { transports } from "./support.js";

const alpine = "docker.io/library/alpine:3";

for (const like of [undefined, "containerd-1.7", "cri-o"] as const)
  for (const transport of transports) {
    const title = `${like ?? "no profile"}, ${transport.name}`;
    const started = async (t: Parameters<typeof scripted>[0], more: object = {}) => {
      const images = [{ names: [busybox, "docker.io/library/busybox:latest"] }, { names: [alpine] }];
      const options = { images, preload: [busybox, alpine], like, ...more };
      const { runtime, cri } = await scripted(t, { ...options, ...(await transport.options(t)) });
      const { id = "" } = (await cri.images.get(busybox)) ?? {};
      const digits = id.replace("sha256:", "");
      const short = [12, 13, 40, 63].flatMap((length) => {
        const prefix = digits.slice(0, length);
        return [prefix, `sha256:${prefix}`];
      });
      return { runtime, cri, id, digits, short };
    };

    test(`${title}: get(), ensure() and list() find shortened ids`, async (t) => {
      const { runtime, cri, id, short, digits } = await started(t);
      for (const text of short) {
        assert.equal((await cri.images.get(text, { timeoutMs: 60_000 }))?.id, id, text);
        for (const policy of [undefined, "Always", "Never"] as const)
          assert.equal((await cri.images.ensure(text, { policy })).id, id, text);
        assert.deepEqual(
          (await cri.images.list({ only: text })).map((image) => image.id),
          [id],
        );
      }
      assert.equal(runtime.calls.of("pullImage").length, 0);
      assert.equal(await cri.images.get("0123456789ab"), undefined);
      assert.equal(await cri.images.get("sha256:0123456789ab"), undefined);
      assert.equal(await cri.images.remove("0123456789ab"), undefined);
      assert.equal((await failure(cri.images.ensure("sha256:0123456789ab"))).reason, "image_missing");
      await using pod = await cri.pods.run({ name: "p", logDirectory: false });
      const container = await pod.createContainer({
        name: "c",
        image: digits.slice(0, 13),
        command: ["sleep", "60"],
      });
      await container.start();
      assert.equal((await container.status()).state, "running");
      assert.equal(runtime.calls.of("pullImage").length, 0);
    });

    test(`${title}: remove() takes a shortened id and removes all names`, async (t) => {
      const { cri, digits } = await started(t);
      const names = (await cri.images.get(busybox))?.names;
      const removed = await cri.images.remove(digits.slice(0, 13));
      assert.deepEqual(removed?.otherNames, names);
      assert.equal(await cri.images.get(busybox), undefined);
      const { id = "" } = (await cri.images.get(alpine)) ?? {};
      await cri.images.remove(`sha256:${id.replace("sha256:", "").slice(0, 12)}`);
      assert.deepEqual(await cri.images.list(), []);
    });

    test(`${title}: a name takes precedence over a shortened id`, async (t) => {
      const { digits } = await started(t);
      const name = digits.slice(0, 12);
      const full = `docker.io/library/${name}:latest`;
      const images = [
        { names: [busybox, "docker.io/library/busybox:latest"] },
        { names: [alpine] },
        { names: [full] },
      ];
      const { runtime, cri } = await started(t, { images, preload: [busybox, full] });
      const named = await cri.images.get(full);
      assert.ok(named && !named.id.includes(name));
      assert.equal((await cri.images.get(name))?.id, named.id);
      assert.equal((await cri.images.ensure(name)).id, named.id);
      assert.equal(runtime.calls.of("pullImage").length, 1, "its tag is latest");
      assert.deepEqual((await cri.images.remove(name))?.image.names, [full]);
      assert.equal((await cri.images.get(name))?.names.includes(busybox), true);
      assert.equal((await cri.images.ensure(name)).names.includes(busybox), true);
      assert.equal(runtime.calls.of("pullImage").length, 1, "an id is not pulled");
    });
  }

test("a shortened id of two images is ambiguous", async () => {
  const ids = ["a", "b"].map((digit) => `sha256:0123456789ab${digit.repeat(52)}`);
  const removed: string[] = [];
  const transport = memoryTransport({
    runtime: {},
    image: {
      listImages: () => ({ images: ids.map((id) => ({ id })) }),
      imageStatus: ({ image }: { image?: { image: string } }) => {
        const found = ids.find((id) => id.endsWith(image?.image ?? "-"));
        return found === undefined ? {} : { image: { id: found } };
      },
      removeImage: ({ image }: { image?: { image: string } }) => {
        removed.push(image?.image ?? "");
        return {};
      },
    },
  } as never);
  await using cri = connect.through({ transport });
  for (const text of ["0123456789ab", "sha256:0123456789ab"])
    for (const work of [cri.images.get(text), cri.images.ensure(text), cri.images.remove(text)]) {
      const error = await failure(work);
      assert.equal(error.reason, "ambiguous_id");
      assert.match(
        error.message,
        /2 images have an id that begins with "(sha256:)?0123456789ab".*Pass more digits/,
      );
    }
  assert.deepEqual(removed, []);
  await cri.images.remove("0123456789aba");
  assert.deepEqual(removed, [ids[0]?.replace("sha256:", "")]);
});
