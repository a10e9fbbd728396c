// Images by policy, with back-off, a queue and credentials, as the kubelet does.
import assert from "node:assert/strict";
import { test } from "node:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  ImageStatusResponseSchema,
  PodSandboxConfigSchema,
  type PullImageRequestSchema,
  PullImageResponseSchema,
} from "../../../gen/runtime/v1/api_pb.js";
import { criError } from "../../../src/core/index.js";
import type { Pod, Secret } from "../../../src/kubernetes/api/index.js";
import { type PodImagesOptions, podImages } from "../../../src/kubernetes/images/pod-images.js";
import { StartError } from "../../../src/kubernetes/start-error.js";
import { scripted } from "../../support/embedded.js";
import { VirtualClock } from "../../support/virtual-clock.js";

type PullRequest = MessageInitShape<typeof PullImageRequestSchema>;

const base64 = (value: unknown) =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64");
const auths = (entries: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(entries).map(([key, user]) => [key, { auth: base64(`${user}:secret`) }]));

const dockerConfig = (name: string, entries: Readonly<Record<string, string>>): Secret => ({
  metadata: { name, namespace: "prod" },
  type: "kubernetes.io/dockerconfigjson",
  data: { ".dockerconfigjson": base64({ auths: auths(entries) }) },
});
const dockercfg = (name: string, entries: Readonly<Record<string, string>>): Secret => ({
  metadata: { name, namespace: "prod" },
  type: "kubernetes.io/dockercfg",
  data: { ".dockercfg": base64(auths(entries)) },
});

const podWith = (uid: string, ...secrets: readonly string[]): Pod => ({
  metadata: { name: "web", namespace: "prod", uid, annotations: { team: "a" } },
  spec: { containers: [], imagePullSecrets: secrets.map((name) => ({ name })) },
});
const sandbox = create(PodSandboxConfigSchema, { metadata: { name: "web", namespace: "prod", uid: "u" } });

/**
 * A registry and a runtime. `answers` decides about a pull: an error, or how long it takes.
 */
function double({
  answer = () => undefined,
  present = [],
  secrets = [],
  ...options
}: PodImagesOptions & {
  readonly answer?: (user: string | undefined, image: string) => Error | number | undefined;
  readonly present?: readonly string[];
  readonly secrets?: readonly Secret[];
} = {}) {
  const clock = new VirtualClock();
  const startMs = clock.now();
  const seconds = () => (clock.now() - startMs) / 1_000;
  const known = new Set(present);
  const pulls: PullRequest[] = [];
  const users: string[] = [];
  const looks: (string | undefined)[] = [];
  const events: string[] = [];
  let running = 0;
  let most = 0;
  const idOf = (image: string) => `id-of-${image.replace(/^docker\.io\/library\//, "")}`;
  const images = podImages(
    {
      clock,
      secrets: () => secrets,
      image: {
        imageStatus: async ({ image }) => {
          const name = image?.image ?? "";
          looks.push(name);
          if (name === "broken:1") throw criError("runtime_error", "disk failed", { code: "internal" });
          const id = [...known].map(idOf).find((one) => one === idOf(name) || one === name);
          return create(
            ImageStatusResponseSchema,
            id === undefined ? {} : { image: { id, size: 4_000n, uid: { value: 7n }, username: "" } },
          );
        },
        pullImage: async (request, callOptions) => {
          pulls.push(request);
          const name = request.image?.image ?? "";
          const user = request.auth?.username;
          users.push(user ?? "-");
          const result = answer(user, name);
          running++;
          most = Math.max(most, running);
          try {
            if (typeof result === "number") await clock.sleep(result, callOptions?.signal);
            if (result instanceof Error) throw result;
          } finally {
            running--;
          }
          known.add(name);
          return create(PullImageResponseSchema, { imageRef: idOf(name) });
        },
      },
    },
    options,
  );
  const ensure = async (
    image: string,
    {
      pod = podWith("u"),
      pullPolicy = "IfNotPresent",
      signal = new AbortController().signal,
    }: {
      readonly pod?: Pod;
      readonly pullPolicy?: "Always" | "IfNotPresent" | "Never";
      readonly signal?: AbortSignal;
    } = {},
  ) => {
    const record = ({ type, reason, message, container }: { [name: string]: string | undefined }) =>
      void events.push(`${seconds()} ${type} ${reason} ${container}: ${message}`);
    const request = { pod, container: "c", image, pullPolicy, sandbox };
    try {
      return await images.ensure(request, { signal, record: (event) => record({ ...event }) });
    } catch (error) {
      if (!(error instanceof StartError)) throw error;
      const retry = error.retryAtMs === undefined ? "" : ` until ${(error.retryAtMs - startMs) / 1_000}`;
      return `${error.waitingReason}${retry}: ${error.rawMessage}`;
    }
  };
  const take = <T>(list: T[]) => list.splice(0);
  return { clock, ensure, pulls, users, looks, events, take, known, most: () => most };
}

test("what is created with one client shares the queue, and knows which images need a pull secret", async (t) => {
  const clock = new VirtualClock();
  const image1 = "registry.example/team/app:1";
  const { cri } = await scripted(t, {
    clock: clock.runtime,
    images: [
      { names: [image1], auth: { username: "me", password: "secret" }, pullMs: 5_000 },
      { names: ["docker.io/library/a:1"], pullMs: 5_000 },
    ],
    preload: [],
  });
  const secrets = [dockerConfig("mine", { "registry.example": "me" })];
  const ensure = async (image: string, pod: Pod) => {
    const request = { pod, container: "c", image, pullPolicy: "IfNotPresent", sandbox } as const;
    const options = { signal: new AbortController().signal, record: () => undefined };
    await podImages({ image: cri.image, clock, secrets: () => secrets }).ensure(request, options);
    return clock.now();
  };
  const begun = clock.now();
  const both = Promise.all([ensure(image1, podWith("u", "mine")), ensure("a:1", podWith("v"))]);
  let ended = false;
  void both.then(() => {
    ended = true;
  });
  await clock.until(() => ended, { stepMs: 1_000 });
  assert.deepEqual(
    (await both).map((end) => Math.round((end - begun) / 1_000)),
    [5, 10],
  );
  await assert.rejects(ensure(image1, podWith("w")), /ErrImagePull|denied|authoriz|credentials/i);
});

const facts = (id: string) => ({ id, uid: 7n, username: undefined });
const denied = criError("registry_denied", "pull access denied");

test("IfNotPresent pulls what is missing; Always pulls without a look; Never never does", async () => {
  const { ensure, pulls, looks, events, take } = double({ present: ["here:1"] });
  assert.deepEqual(await ensure("here:1"), facts("id-of-here:1"));
  assert.deepEqual(await ensure("here:1", { pullPolicy: "Never" }), facts("id-of-here:1"));
  assert.deepEqual(take(events), [
    '0 Normal Pulled c: Container image "here:1" already present on machine',
    '0 Normal Pulled c: Container image "here:1" already present on machine',
  ]);
  assert.deepEqual(pulls, []);
  assert.deepEqual(await ensure("there:1"), facts("id-of-there:1"));
  assert.deepEqual(take(events), [
    '0 Normal Pulling c: Pulling image "there:1"',
    '0 Normal Pulled c: Successfully pulled image "there:1" in 0s (0s including waiting). Image size: 4000 bytes.',
  ]);
  take(looks);
  assert.deepEqual(await ensure("here:1", { pullPolicy: "Always" }), facts("id-of-here:1"));
  assert.deepEqual(take(looks), ["id-of-here:1"], "only for the facts, after the pull");
  assert.equal(pulls.length, 2);
  assert.equal(
    await ensure("gone:1", { pullPolicy: "Never" }),
    'ErrImageNeverPull: Container image "gone:1" is not present with pull policy of Never',
  );
  assert.equal(
    events.at(-1),
    '0 Warning ErrImageNeverPull c: Container image "gone:1" is not present with pull policy of Never',
  );
  assert.equal(pulls.length, 2);
});

test("the request has the name as written, the pod's annotations and its sandbox", async () => {
  const { ensure, pulls, take } = double();
  const digest = `sha256:${"0".repeat(64)}`;
  for (const [image, sent] of [
    ["busybox", "busybox:latest"],
    ["localhost:5000/app", "localhost:5000/app:latest"],
    [`busybox@${digest}`, `busybox@${digest}`],
    [`busybox:1@${digest}`, `busybox:1@${digest}`],
  ] as const) {
    await ensure(image, { pullPolicy: "Always" });
    assert.equal(take(pulls)[0]?.image?.image, sent);
  }
  await ensure("busybox:1");
  assert.deepEqual(pulls, [
    { image: { image: "busybox:1", annotations: { team: "a" } }, sandboxConfig: sandbox },
  ]);
});

test("an invalid name and a failed look-up have reasons of their own", async () => {
  const { ensure, events, pulls } = double();
  for (const image of ["team/UPPER:1", "a b", "", "0".repeat(64)])
    assert.match(String(await ensure(image)), /^InvalidImageName: Failed to apply default image tag ".*": /);
  assert.match(
    events[0] ?? "",
    /^0 Warning InspectFailed c: Failed to apply default image tag "team\/UPPER:1": /,
  );
  assert.equal(
    await ensure("broken:1"),
    'ImageInspectError: Failed to inspect image "broken:1": disk failed',
  );
  assert.equal(events.at(-1), '0 Warning InspectFailed c: Failed to inspect image "broken:1": disk failed');
  assert.deepEqual(pulls, []);
});

test("the back-off doubles from 10 s to 5 min, for each pod and image, and starts anew after 10 min", async () => {
  const missing = criError("image_missing", "not found");
  const { ensure, clock, pulls, events, take } = double({ answer: () => missing });
  let waited = 0;
  const wait = async (seconds: number) => {
    await clock.advance(seconds * 1_000);
    waited += seconds;
  };
  for (const seconds of [10, 20, 40, 80, 160, 300, 300]) {
    assert.equal(await ensure("no:1"), `ErrImagePull until ${waited + seconds}: not found`);
    await wait(seconds - 1);
    assert.equal(
      await ensure("no:1"),
      `ImagePullBackOff until ${waited + 1}: Back-off pulling image "no:1": ErrImagePull: not found`,
    );
    await wait(1);
  }
  assert.equal(pulls.length, 7);
  assert.deepEqual(take(events).slice(0, 3), [
    '0 Normal Pulling c: Pulling image "no:1"',
    '0 Warning Failed c: Failed to pull image "no:1": not found',
    '9 Normal BackOff c: Back-off pulling image "no:1"',
  ]);
  // Other images and pods are not concerned.
  assert.match(String(await ensure("other:1")), /^ErrImagePull/);
  assert.match(String(await ensure("no:1", { pod: podWith("v") })), /^ErrImagePull/);
  await wait(601);
  assert.equal(await ensure("no:1"), `ErrImagePull until ${waited + 10}: not found`);
});

test("errors that begin with the names of CRI's are reported by them", async () => {
  const texts: Readonly<Record<string, string>> = {
    "a:1": "RegistryUnavailable: dial tcp: refused",
    "b:1": "SignatureValidationFailed: no key",
    "c:1": "something else: RegistryUnavailable",
  };
  const { ensure } = double({
    answer: (_user, image) => criError("runtime_error", texts[image] ?? "", { code: "unknown" }),
  });
  const expected = {
    "a:1":
      "RegistryUnavailable until 10: image pull failed for a:1 because the registry is unavailable: dial tcp: refused",
    "b:1":
      "SignatureValidationFailed until 10: image pull failed for b:1 because the signature validation failed: no key",
    "c:1": "ErrImagePull until 10: something else: RegistryUnavailable",
  };
  for (const [image, message] of Object.entries(expected)) assert.equal(await ensure(image), message);
  assert.equal(
    await ensure("a:1"),
    `ImagePullBackOff until 10: Back-off pulling image "a:1": RegistryUnavailable: image pull failed for a:1 because the registry is unavailable: dial tcp: refused`,
  );
});

test("pulls are made one after the other; or as many at a time as the option says", async () => {
  for (const [maxParallelPulls, most, ends] of [
    [undefined, 1, [5, 10, 15]],
    [2, 2, [5, 5, 10]],
    [10, 3, [5, 5, 5]],
  ] as const) {
    const scene = double({ answer: () => 5_000, maxParallelPulls });
    const begun = scene.clock.now();
    const ended: number[] = [];
    const all = ["a:1", "b:1", "c:1"].map(async (image) => {
      await scene.ensure(image);
      ended.push((scene.clock.now() - begun) / 1_000);
    });
    await scene.clock.advance(20_000);
    await Promise.all(all);
    assert.deepEqual([ended, scene.most()], [[...ends], most]);
    const pulled = scene.events.filter((event) => event.includes("Successfully"));
    const last = ends[2];
    assert.match(pulled[2] ?? "", new RegExp(`"c:1" in 5s \\(${last}s including waiting\\)`));
  }
  assert.throws(() => double({ maxParallelPulls: 0 }), /podImages: maxParallelPulls/);
});

test("a pull that is canceled, in the queue or in flight, has no back-off", async () => {
  const { ensure, clock, events } = double({ answer: () => 5_000 });
  const stops = [new AbortController(), new AbortController(), new AbortController()];
  const all = stops.map(({ signal }, index) => ensure(`${index}:1`.replace(/^/, "i"), { signal }));
  const settled = Promise.allSettled(all);
  await clock.advance(1_000);
  stops[1]?.abort(new Error("not needed"));
  stops[0]?.abort(new Error("not needed, either"));
  await clock.advance(10_000);
  const [first, second, third] = await settled;
  assert.deepEqual([first?.status, second?.status, third?.status], ["rejected", "rejected", "fulfilled"]);
  assert.match(String((second as PromiseRejectedResult).reason), /not needed$/);
  assert.deepEqual(
    events.filter((event) => event.includes("Failed")),
    [],
  );
  const again = ensure("i0:1");
  await clock.advance(5_000);
  assert.deepEqual(await again, facts("id-of-i0:1"));
});

test("all credentials that match are tried in order: pull secrets, the longest key first, then the node's", async () => {
  const secrets = [
    dockerConfig("one", {
      "registry.example": "host",
      "registry.example/team": "team",
      "other.example": "no",
    }),
    dockercfg("two", { "https://registry.example/v1/team/app": "app", "*.example": "glob" }),
  ];
  const { ensure, users, pulls, events } = double({
    secrets,
    nodeAuth: [{ username: "node", password: "p" }],
    answer: (user) => (user === "node" ? undefined : denied),
  });
  const pod = podWith("u", "one", "two", "three");
  assert.deepEqual(
    await ensure("registry.example/team/app:1", { pod }),
    facts("id-of-registry.example/team/app:1"),
  );
  assert.deepEqual(users.splice(0), ["app", "team", "host", "glob", "node"]);
  assert.equal(
    events[0],
    "0 Warning FailedToRetrieveImagePullSecret c: Unable to retrieve some image pull secrets (three); attempting to pull the image may not succeed.",
  );
  assert.deepEqual(pulls[0]?.auth, { username: "app", password: "secret" });
  // The pod chooses which secrets count.
  await ensure("registry.example/team/app:2", { pod: podWith("u", "two") });
  assert.deepEqual(users, ["app", "glob", "node"]);
});

test("without a match, a pull has no credentials; with one, none follows without", async () => {
  const secrets = [dockerConfig("one", { "registry.example": "me" })];
  const { ensure, users } = double({
    secrets,
    answer: (user) => (user === undefined ? undefined : denied),
  });
  const pod = podWith("u", "one");
  await ensure("other.example/app:1", { pod });
  assert.deepEqual(users.splice(0), ["-"]);
  assert.equal(await ensure("registry.example/app:1", { pod }), "ErrImagePull until 10: pull access denied");
  assert.deepEqual(users, ["me"]);
});

test("the errors of several credentials are reported together", async () => {
  const secrets = [dockerConfig("one", { "registry.example": "a", "registry.example/app": "b" })];
  const { ensure } = double({
    secrets,
    answer: (user) => criError("registry_denied", user === "a" ? "denied" : "expired"),
  });
  assert.equal(
    await ensure("registry.example/app:1", { pod: podWith("u", "one") }),
    "ErrImagePull until 10: [expired, denied]",
  );
});

test("with credentials, a short name is sent with its registry", async () => {
  const secrets = [dockerConfig("hub", { "https://index.docker.io/v1/": "me" })];
  const { ensure, pulls } = double({ secrets });
  await ensure("busybox:1", { pod: podWith("u", "hub") });
  assert.deepEqual([pulls[0]?.image?.image, pulls[0]?.auth?.username], ["docker.io/library/busybox:1", "me"]);
});

test("secrets of other types and namespaces do not count; stringData replaces data; a broken one is an error", async () => {
  const entries = { "registry.example": "me" };
  const opaque = { ...dockerConfig("opaque", entries), type: "Opaque" };
  const foreign = { ...dockerConfig("foreign", entries), metadata: { name: "foreign", namespace: "dev" } };
  const text: Secret = {
    ...dockerConfig("text", { "registry.example": "old" }),
    stringData: { ".dockerconfigjson": JSON.stringify({ auths: auths({ "registry.example": "new" }) }) },
  };
  const noNamespace = { ...dockerConfig("plain", entries), metadata: { name: "plain" } };
  const broken: Secret = {
    ...opaque,
    metadata: { name: "broken" },
    type: "kubernetes.io/dockercfg",
    data: { ".dockercfg": base64("{") },
  };
  const { ensure, users } = double({ secrets: [opaque, foreign, text, noNamespace, broken] });
  const image = "registry.example/app:1";
  for (const [name, user] of [
    ["opaque", "-"],
    ["foreign", "-"],
    ["text", "new"],
    ["plain", "me"],
  ] as const) {
    await ensure(image, { pod: podWith("u", name), pullPolicy: "Always" });
    assert.equal(users.pop(), user, name);
  }
  const failed = await ensure(image, { pod: podWith("u", "broken"), pullPolicy: "Always" });
  assert.match(String(failed), /^ErrImagePull until 10: Secret broken: /);
});

test("an image that was pulled with a secret is not given to pods without it", async () => {
  const secrets = [
    dockerConfig("mine", { "registry.example": "me" }),
    dockerConfig("same", { "registry.example/team": "me" }),
    dockerConfig("theirs", { "registry.example": "them" }),
  ];
  const { ensure, users, take, events } = double({
    secrets,
    present: ["registry.example/old:1"],
    answer: (user) => (user === "me" ? undefined : denied),
  });
  const image = "registry.example/team/app:1";
  const as = (...names: string[]) => ({ pod: podWith(names.join(), ...names) });
  assert.deepEqual(await ensure(image, as("mine")), facts(`id-of-${image}`));
  take(users);
  // The same credentials, of the same Secret or another one.
  assert.deepEqual(await ensure(image, as("mine")), facts(`id-of-${image}`));
  assert.deepEqual(await ensure(image, { ...as("same"), pullPolicy: "Never" }), facts(`id-of-${image}`));
  assert.deepEqual(users, []);
  assert.match(String(await ensure(image, as("theirs"))), /^ErrImagePull/);
  assert.match(String(await ensure(image, as())), /^ErrImagePull/);
  assert.deepEqual(take(users), ["them", "-"]);
  take(events);
  // The text does not reveal that the image is there.
  const text = `Container image "${image}" is not present with pull policy of Never`;
  assert.equal(await ensure(image, { ...as("theirs"), pullPolicy: "Never" }), `ErrImageNeverPull: ${text}`);
  assert.deepEqual(events, [`0 Warning ErrImageNeverPull c: ${text}`]);
  // What was there before is for all.
  assert.deepEqual(await ensure("registry.example/old:1", as()), facts("id-of-registry.example/old:1"));
});

test("credentials that the node has, too, are tried once, and are not a pull secret", async () => {
  const secrets = [dockerConfig("mine", { "registry.example": "me" })];
  const { ensure, users, take } = double({
    secrets,
    nodeAuth: [
      { username: "me", password: "secret" },
      { username: "node", password: "p" },
    ],
    answer: (user, image) => (user === "me" && image.endsWith("app:1") ? undefined : denied),
  });
  await ensure("registry.example/none:1", { pod: podWith("u", "mine") });
  assert.deepEqual(take(users), ["me", "node"]);
  await ensure("registry.example/app:1", { pod: podWith("u", "mine") });
  assert.deepEqual(take(users), ["me"]);
  // The node's credentials prove themselves by a pull; then the image is for all.
  const other = { pod: podWith("v") };
  assert.deepEqual(await ensure("registry.example/app:1", other), facts("id-of-registry.example/app:1"));
  assert.deepEqual(take(users), ["me"]);
  assert.deepEqual(await ensure("registry.example/app:1", other), facts("id-of-registry.example/app:1"));
  assert.deepEqual(users, []);
});

test("on the embedded runtime: a registry with credentials, and the user of the image", async (t) => {
  const private1 = "registry.example/team/app:1";
  const { cri, runtime } = await scripted(t, {
    images: [
      { names: [private1], auth: { username: "me", password: "secret" }, user: "1001" },
      { names: ["docker.io/library/alpine:3"], user: "app" },
    ],
    preload: [],
  });
  const secrets = [
    dockerConfig("wrong", { "registry.example/team": "you" }),
    dockerConfig("right", { "registry.example": "me" }),
  ];
  const images = podImages({ image: cri.image, clock: new VirtualClock(), secrets: () => secrets });
  const ensure = (image: string, pod: Pod) =>
    images.ensure(
      { pod, container: undefined, image, pullPolicy: "IfNotPresent", sandbox },
      { signal: new AbortController().signal, record: () => undefined },
    );
  const found = await ensure(private1, podWith("u", "wrong", "right"));
  assert.deepEqual([found.uid, found.username], [1001n, undefined]);
  assert.match(found.id, /^sha256:[0-9a-f]{64}$/);
  assert.equal(runtime.calls.of("pullImage").length, 2);
  assert.equal((await ensure("alpine:3", podWith("u"))).username, "app");
  await assert.rejects(ensure("registry.example/none:1", podWith("v")), (error) => {
    assert.ok(error instanceof StartError);
    assert.equal(error.waitingReason, "ErrImagePull");
    return true;
  });
});
