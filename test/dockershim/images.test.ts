// The dockershim's ImageService in front of a stand-in for the engine.
import assert from "node:assert/strict";
import { test } from "node:test";
import { resolveImage } from "../../examples/dockershim/images/resolve.js";
import { failure } from "../support/failure.js";
import { checkLeaks } from "../support/leaks.js";
import { until, within } from "../support/waiting.js";
import { type FakeEngine, type FakePull, startImages } from "./image-engine.js";

const hex = (digit: string): string => digit.repeat(64);
const idOf = (digit: string): string => `sha256:${hex(digit)}`;
const busybox = {
  Id: idOf("a"),
  RepoTags: ["docker.io/library/busybox:1"],
  RepoDigests: [`docker.io/library/busybox@${idOf("d")}`],
  User: "1001:1002",
};

const pulled = async (fake: FakeEngine, count = 1): Promise<FakePull> => {
  await until(() => fake.pulls.length >= count, `pull ${count}`);
  return fake.pulls[count - 1] ?? assert.fail();
};
const line = (progress: object): string => `${JSON.stringify(progress)}\r\n`;

test("the list has one entry for each image, with its user and the pinned pause image", async (t) => {
  checkLeaks(t);
  const { fake, image } = await startImages(t);
  fake.add(busybox);
  fake.add({ Id: idOf("b"), RepoTags: ["pause:1"], RepoDigests: ["<none>@<none>"], User: "app" });
  // Dangling, and without a config, in the forms of both engines.
  fake.add({ Id: idOf("c"), RepoTags: ["<none>:<none>"] });
  fake.add({ Id: idOf("e"), RepoTags: null });
  const { images } = await image.listImages();
  const seen = images.map((one) => [
    one.id,
    one.repoTags,
    one.repoDigests,
    one.uid?.value,
    one.username,
    one.pinned,
  ]);
  assert.deepEqual(seen, [
    [busybox.Id, busybox.RepoTags, busybox.RepoDigests, 1001n, "", false],
    [idOf("b"), ["docker.io/library/pause:1"], [], undefined, "app", true],
    [idOf("c"), [], [], undefined, "", false],
    [idOf("e"), [], [], undefined, "", false],
  ]);
  assert.equal(images[0]?.size, 5n);
});

test("each image is inspected once, until it is gone", async (t) => {
  const { fake, image } = await startImages(t);
  for (const digit of "0123456789abcdef") fake.add({ Id: idOf(digit), User: digit });
  const inspections = async (): Promise<number> => {
    fake.requests.length = 0;
    await image.listImages();
    return fake.requests.filter((request) => request.endsWith("/json") && request.includes("sha256:")).length;
  };
  assert.deepEqual([await inspections(), await inspections()], [16, 0]);
  fake.forget(idOf("3"));
  assert.equal(await inspections(), 0);
  fake.add({ Id: idOf("3"), User: "3" });
  assert.equal(await inspections(), 1);
});

test("an image that is removed while the list is made is not in the list", async (t) => {
  const { fake, image } = await startImages(t);
  fake.add(busybox);
  fake.images.set("listed only", { Id: idOf("b") });
  assert.deepEqual(
    (await image.listImages()).images.map(({ id }) => id),
    [busybox.Id],
  );
});

test("a filter selects the image that its reference names", async (t) => {
  const { fake, image } = await startImages(t);
  fake.add(busybox);
  fake.add({ Id: idOf("b") });
  const ids = async (name: string): Promise<string[]> =>
    (await image.listImages({ filter: { image: { image: name } } })).images.map(({ id }) => id);
  assert.deepEqual(await ids("busybox:1"), [busybox.Id]);
  assert.deepEqual(await ids(hex("b")), [idOf("b")]);
  for (const none of ["busybox", "not valid"]) assert.deepEqual(await ids(none), []);
  assert.equal((await ids("")).length, 2);
});

test("StreamImages sends pieces of a hundred images", async (t) => {
  const { fake, image } = await startImages(t);
  for (let n = 0; n < 230; n++) fake.add({ Id: `sha256:${String(n).padStart(64, "0")}` });
  const pieces: number[] = [];
  for await (const { images } of image.streamImages({})) pieces.push(images.length);
  assert.deepEqual(pieces, [100, 100, 30]);
});

test("ImageStatus: every form of reference, unknown and invalid ones, and details on request", async (t) => {
  const { fake, engine, image } = await startImages(t);
  fake.add(busybox);
  const look = (name: string, verbose = false) => image.imageStatus({ image: { image: name }, verbose });
  const digest = busybox.RepoDigests[0] ?? "";
  for (const name of ["busybox:1", busybox.Id, hex("a"), digest, `busybox:1@${idOf("d")}`])
    assert.equal((await look(name)).image?.id, busybox.Id, name);
  for (const name of ["busybox", "a/Upper:1", "../info", hex("0")])
    assert.equal((await look(name)).image, undefined, name);
  assert.deepEqual((await look("busybox:1")).info, {});
  const { imageSpec } = JSON.parse((await look("busybox:1", true)).info.info ?? "");
  assert.deepEqual(imageSpec.config, { User: "1001:1002" });
  assert.equal((await resolveImage(engine, "busybox:1"))?.Id, busybox.Id);
  assert.equal(await resolveImage(engine, "busybox:2"), undefined);
});

test("a pull always has a tag or a digest, and returns the image's id", async (t) => {
  checkLeaks(t);
  const { fake, image } = await startImages(t);
  fake.add({ ...busybox, RepoTags: ["docker.io/library/busybox:latest"] });
  const names = ["busybox", `busybox@${idOf("d")}`, `busybox:1@${idOf("d")}`];
  for (const [index, name] of names.entries()) {
    const pull = image.pullImage({ image: { image: name }, auth: { username: "me", password: "pw" } });
    const { fromImage, tag, auth, response } = await pulled(fake, index + 1);
    assert.deepEqual([fromImage, tag], ["docker.io/library/busybox", index === 0 ? "latest" : idOf("d")]);
    assert.deepEqual(auth, { username: "me", password: "pw", serveraddress: "https://index.docker.io/v1/" });
    response.write(line({ status: "Pulling" }).slice(0, 7));
    response.end(line({ status: "Pulling" }).slice(7) + line({ status: "done" }));
    assert.equal((await pull).imageRef, busybox.Id);
  }
});

test("a failed pull has a typed error, before and after the first line of progress", async (t) => {
  checkLeaks(t);
  const { fake, image } = await startImages(t);
  const missing = failure(image.pullImage({ image: { image: "a:1" } }));
  const first = await pulled(fake, 1);
  first.response
    .writeHead(404)
    .end(JSON.stringify({ message: "manifest for a:1 not found: manifest unknown" }));
  assert.deepEqual(await missing.then(({ code, rawMessage }) => [code, rawMessage]), [
    "not_found",
    'not found in the registry: manifest for "a:1" not found: manifest unknown',
  ]);
  const late = failure(image.pullImage({ image: { image: "a:1" } }));
  const second = await pulled(fake, 2);
  const error = "received unexpected HTTP status: 503 Service Unavailable";
  second.response.end(
    line({ status: "Pulling" }) + line({ errorDetail: { message: error }, error }).trimEnd(),
  );
  assert.equal((await late).rawMessage, `RegistryUnavailable: ${error}`);
  // The engine ends, or is killed, in the middle of a pull.
  const cut = failure(image.pullImage({ image: { image: "a:1" } }));
  const third = await pulled(fake, 3);
  third.response.write(line({ status: "Pulling" }));
  third.response.destroy();
  assert.equal((await cut).code, "unavailable");
  const gone = failure(image.pullImage({ image: { image: "a:1" } }));
  (await pulled(fake, 4)).response.end();
  assert.equal((await gone).code, "not_found");
  for (const name of ["a b", hex("a")])
    assert.equal((await failure(image.pullImage({ image: { image: name } }))).code, "invalid_argument", name);
  const auth = { auth: "not base64" };
  assert.equal((await failure(image.pullImage({ image: { image: "a:1" }, auth }))).code, "invalid_argument");
  assert.equal(fake.pulls.length, 4);
});

test("concurrent pulls of an image are one pull, which outlives the client that leaves", async (t) => {
  checkLeaks(t);
  const { fake, image } = await startImages(t);
  fake.add(busybox);
  const leaving = new AbortController();
  const request = { image: { image: "busybox:1" } };
  const left = failure(image.pullImage(request, { signal: leaving.signal }));
  const others = [
    image.pullImage(request),
    image.pullImage({ image: { image: "docker.io/library/busybox:1" } }),
  ];
  // Other credentials are another pull: they may be wrong.
  const other = image.pullImage({ ...request, auth: { username: "me", password: "pw" } });
  const [shared, own] = [await pulled(fake, 1), await pulled(fake, 2)];
  leaving.abort();
  assert.equal((await left).code, "canceled");
  for (const { response } of [shared, own]) response.end();
  const refs = await Promise.all([...others, other].map((pull) => pull.then(({ imageRef }) => imageRef)));
  assert.deepEqual(refs, [busybox.Id, busybox.Id, busybox.Id]);
  assert.equal(fake.pulls.length, 2);
});

test("when the last client leaves, the engine's pull is canceled, and a later one is new", async (t) => {
  checkLeaks(t);
  const { fake, image } = await startImages(t);
  fake.add(busybox);
  const leaving = new AbortController();
  const request = { image: { image: "busybox:1" } };
  const pulls = [1, 2].map(() => failure(image.pullImage(request, { signal: leaving.signal })));
  const { closed, response } = await pulled(fake, 1);
  response.write(line({ status: "Pulling" }));
  leaving.abort();
  await Promise.all(pulls);
  await within(10_000, closed, "the end of the engine's pull");
  const again = image.pullImage(request);
  (await pulled(fake, 2)).response.end();
  assert.equal((await again).imageRef, busybox.Id);
});

test("a pull without progress fails", async (t) => {
  checkLeaks(t);
  const { fake, image } = await startImages(t, { pullStallMs: 300 });
  const stalled = failure(image.pullImage({ image: { image: "busybox:1" } }));
  const { response, closed } = await pulled(fake);
  // Progress extends the time.
  for (let n = 0; n < 5; n++) {
    response.write(line({ status: "Downloading" }));
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.equal((await stalled).code, "deadline_exceeded");
  await within(10_000, closed, "the end of the engine's pull");
});

test("RemoveImage removes every name, and succeeds for what is not there", async (t) => {
  checkLeaks(t);
  const { fake, image } = await startImages(t);
  const remove = (name: string) => image.removeImage({ image: { image: name } });
  fake.add(busybox);
  await remove("busybox:1");
  assert.equal(fake.images.size, 0);
  assert.ok(fake.requests.includes(`DELETE /images/${busybox.Id}?force=true`));
  for (const name of ["busybox:1", "a b", hex("a"), "busybox:1"]) await remove(name);
  fake.add(busybox);
  const answer = (status: number, message: string, isGone: boolean) => {
    fake.onRemove = (id, response) => {
      if (isGone) fake.forget(id);
      response.writeHead(status).end(JSON.stringify({ message }));
    };
  };
  answer(500, "no space left on device", false);
  assert.equal((await failure(remove("busybox:1"))).rawMessage, "no space left on device");
  // Docker 20.10, when another program removes the same image.
  answer(500, "unrecognized image ID sha256:a", true);
  await remove("busybox:1");
});

test("RemoveImage takes the names from an image that a running container uses", async (t) => {
  checkLeaks(t);
  const { fake, image } = await startImages(t);
  fake.add(busybox);
  const removed: string[] = [];
  fake.onRemove = (name, response) => {
    removed.push(name);
    const message = "conflict: unable to delete aaa (cannot be forced) - image is being used";
    if (name === busybox.Id) response.writeHead(409).end(JSON.stringify({ message }));
    // The last tag of a repository takes its digests along.
    else response.writeHead(name.includes("@") ? 404 : 200).end("{}");
  };
  await image.removeImage({ image: { image: "busybox:1" } });
  assert.deepEqual(removed, [busybox.Id, ...busybox.RepoTags, ...busybox.RepoDigests]);
  fake.forget(busybox.Id);
  fake.add({ Id: busybox.Id });
  const { code, rawMessage } = await failure(image.removeImage({ image: { image: busybox.Id } }));
  assert.deepEqual([code, rawMessage.startsWith("image is in use: conflict")], ["failed_precondition", true]);
});

test("concurrent removals of an image are one removal", async (t) => {
  const { fake, image } = await startImages(t);
  fake.add(busybox);
  let removals = 0;
  fake.onRemove = (id, response) => {
    if (++removals > 1) return void response.writeHead(500).end("{}");
    // The engine still finds the image for a while.
    setTimeout(() => {
      fake.forget(id);
      response.end("[]");
    }, 50);
  };
  const names = ["busybox:1", hex("a"), busybox.Id, "busybox:1"];
  await Promise.all(names.map((name) => image.removeImage({ image: { image: name } })));
  assert.equal(removals, 1);
});

test("ImageFsInfo measures once for concurrent requests, and not again at once", async (t) => {
  const { fake, image } = await startImages(t);
  fake.usageDelayMs = 100;
  const [info] = await Promise.all([image.imageFsInfo(), image.imageFsInfo()]);
  await image.imageFsInfo();
  const [images, containers] = [info.imageFilesystems[0], info.containerFilesystems[0]];
  assert.deepEqual([images?.usedBytes?.value, containers?.usedBytes?.value], [7_000n, 42n]);
  for (const usage of [images, containers]) {
    assert.equal(usage?.fsId?.mountpoint, "/var/lib/docker");
    assert.equal(usage?.inodesUsed, undefined);
    assert.ok(Math.abs(Date.now() - Number(usage?.timestamp ?? 0n) / 1e6) < 60_000);
  }
  assert.equal(fake.requests.filter((request) => request.includes("/system/df")).length, 1);
});
