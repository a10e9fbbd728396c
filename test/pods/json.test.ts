// JSON.stringify of every result of the friendly layer. Results have bigints, bytes and CRI messages, which it refuses by itself.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { busybox, scripted } from "../support/embedded.js";
import { failure } from "../support/failure.js";
import { tempFolder } from "../support/temp.js";
import { within } from "../support/waiting.js";

/** Returns what a reader of the JSON gets. No type of a message is in it. */
function read<T>(value: T): Record<string, unknown> {
  const text = JSON.stringify(value);
  assert.ok(!text.includes("$typeName") && !text.includes("$unknown"), text);
  return JSON.parse(text) as Record<string, unknown>;
}

for (const like of [undefined, "containerd-2.1", "cri-o"] as const)
  test(`${like ?? "no profile"}: every result becomes JSON`, async (t) => {
    const { cri } = await scripted(t, {
      like,
      images: [{ names: [busybox], sizeBytes: 4_000 }, { names: ["docker.io/library/alpine:3"] }],
      preload: [busybox, "docker.io/library/alpine:3"],
    });
    const types = new Set<string>();
    await using events = cri.events.read();
    while (!types.has("resync")) {
      const { value: event } = await within(20_000, events.next(), "resync");
      read(event);
      types.add(event.type);
    }
    const logDirectory = join(await tempFolder(t), "logs");
    const pod = await cri.pods.run({ name: "p", labels: { app: "web" }, logDirectory });
    const spec = {
      name: "c",
      image: busybox,
      command: ["sleep", "60"],
      env: { TEXT: "a", BYTES: new Uint8Array([255]) },
      resources: { memory: 2n ** 26n },
    };
    const container = await pod.runContainer(spec);
    assert.deepEqual(read(container).spec, {
      ...spec,
      env: { TEXT: "a", BYTES: "/w==" },
      resources: { memory: 2 ** 26 },
    });
    assert.equal(read(pod).id, pod.id);
    assert.equal((read(await pod.containers())[0 as never] as typeof container).id, container.id);

    const snapshot = read(await pod.status());
    assert.equal(snapshot.state, "ready");
    assert.equal((snapshot.message as { id?: string }).id, pod.id);
    const running = read(await container.status());
    assert.equal((running.message as { metadata?: object }).metadata !== undefined, true);
    assert.equal(typeof running.createdAt, "string");
    // Nanoseconds since 1970 are beyond the safe integers, and keep every digit.
    assert.equal(
      (running.message as { createdAt?: unknown }).createdAt,
      String((await container.status()).message.createdAt),
    );
    const adopted = read(await pod.adopt());
    assert.ok(adopted.config && adopted.from === "spec");
    const other = await cri.pods.get(pod.id);
    assert.ok(read(await other.adopt()).config);

    read(await container.stats());
    const usage = read(await cri.stats.containers()) as unknown as {
      items: { id: string; memory: object }[];
    };
    assert.equal(usage.items[0]?.id, container.id);
    read(await cri.stats.container(container.id));
    read(await cri.stats.container(container.id, { rateOverMs: 1 }));
    read(await cri.stats.containers({}, { rateOverMs: 1 }));
    read(await cri.stats.pods());
    read(await cri.stats.pods({}, { rateOverMs: 1 }));
    const first = (await cri.stats.containers({}, { rateOverMs: 1 })).items[0];
    for (const part of [first?.cpu, first?.memory, first?.swap, first?.writableLayer]) if (part) read(part);
    for await (const sample of cri.stats.watch({ intervalMs: 1_000 })) {
      read(sample);
      break;
    }

    const images = await cri.images.list();
    assert.equal((read(images)[0 as never] as { sizeBytes: number }).sizeBytes, 4_000);
    read(await cri.images.get(busybox));
    read(await cri.images.ensure(busybox));
    read(await cri.images.fsInfo());
    read((await cri.images.fsInfo()).images[0]);
    const planned = read(await cri.images.remove("docker.io/library/alpine:3", { dryRun: true }));
    assert.ok(planned.image);
    assert.equal(typeof read(await cri.images.prune({ dryRun: true })).removedBytes, "number");

    read(await cri.features());
    // A CRI message, without bigints.
    JSON.stringify(await cri.version());
    read(await cri.sweep());
    await using watch = await cri.watchNode();
    read([...watch.pods.values(), ...watch.containers.values()]);
    read(await container.runCommand(["print", "out"]));
    assert.equal(read(await container.runCommand(["print", "out"], { encoding: "buffer" })).stdout, "b3V0");

    await container.remove();
    const exited = await pod.runContainer({ name: "d", image: busybox, command: ["exit", "3"] });
    assert.equal(read(await exited.wait()).state, "exited");
    await pod.remove();
    await within(
      20_000,
      (async () => {
        for await (const event of events) {
          read(event);
          types.add(event.type);
          if ("kind" in event && event.kind === "pod" && event.type === "deleted") break;
        }
      })(),
      "the events",
    );
    for (const type of ["connected", "created", "stopped", "deleted"]) assert.ok(types.has(type), type);
    const refused = await failure(cri.pods.run({ name: "p", attempt: 1n } as never));
    assert.equal(read(refused).message, refused.message);
  });
