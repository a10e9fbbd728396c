// Creation, updates and deletion on the tests' API server, over HTTP as clients see them.
import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { startTestCluster, type TestCluster } from "../../support/api-server/index.js";
import { type JsonObject, listAt, textAt, valueAt } from "../../support/api-server/json.js";

const podsPath = "/api/v1/namespaces/default/pods";

interface Answer {
  readonly code: number;
  readonly body: JsonObject;
}

interface Client {
  readonly cluster: TestCluster;
  send(method: string, path: string, body?: object, type?: string): Promise<Answer>;
}

/** Without TLS, every request is one of an administrator. */
async function start(t: TestContext): Promise<Client> {
  const cluster = await startTestCluster(t, { https: false });
  return {
    cluster,
    async send(method, path, body, type = "application/json") {
      const response = await fetch(cluster.server.url + path, {
        method,
        ...(body && { body: JSON.stringify(body), headers: { "content-type": type } }),
      });
      return { code: response.status, body: (await response.json()) as JsonObject };
    },
  };
}

function pod(name: string, spec: object = {}, metadata: object = {}): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, ...metadata },
    spec: { containers: [{ name: "main", image: "busybox" }], ...spec },
  };
}

const strategic = "application/strategic-merge-patch+json";
const merge = "application/merge-patch+json";

describe("creation", () => {
  test("a Pod gets a uid, a version, a generation, defaults, its service account and tolerations", async (t) => {
    const { send } = await start(t);
    const { code, body } = await send("POST", podsPath, pod("web"));
    assert.equal(code, 201);
    assert.match(textAt(body, "metadata", "uid"), /^[0-9a-f-]{36}$/);
    assert.equal(valueAt(body, "metadata", "generation"), 1);
    assert.equal(textAt(body, "status", "phase"), "Pending");
    assert.equal(textAt(body, "status", "qosClass"), "BestEffort");
    assert.equal(textAt(body, "spec", "serviceAccountName"), "default");
    assert.equal(valueAt(body, "spec", "terminationGracePeriodSeconds"), 30);
    const [volume] = listAt(body, "spec", "volumes");
    assert.match(textAt(volume, "name"), /^kube-api-access-/);
    assert.equal(listAt(volume, "projected", "sources").length, 3);
    assert.equal(listAt(body, "spec", "tolerations").length, 2);
    assert.equal(valueAt(body, "spec", "initContainers"), undefined);
  });

  test("a mirror Pod is left as it is: no service account, no token", async (t) => {
    const { send } = await start(t);
    const annotations = { "kubernetes.io/config.mirror": "hash" };
    const tolerations = [{ operator: "Exists", effect: "NoExecute" }];
    const { body } = await send(
      "POST",
      podsPath,
      pod("static-n", { nodeName: "n", tolerations }, { annotations }),
    );
    assert.equal(valueAt(body, "spec", "serviceAccountName"), undefined);
    assert.equal(valueAt(body, "spec", "volumes"), undefined);
    assert.deepEqual(listAt(body, "spec", "tolerations"), tolerations);
  });

  for (const [name, path, body, code, message] of [
    ["an existing name", podsPath, pod("there"), 409, /pods "there" already exists/],
    [
      "a namespace that does not exist",
      "/api/v1/namespaces/no/pods",
      pod("x"),
      404,
      /namespaces "no" not found/,
    ],
    ["no containers", podsPath, pod("x", { containers: [] }), 422, /spec.containers: Required value/],
    [
      "a service account that does not exist",
      podsPath,
      pod("x", { serviceAccountName: "no" }),
      403,
      /serviceaccount "no" not found/,
    ],
    ["a version", podsPath, pod("x", {}, { resourceVersion: "1" }), 400, /resourceVersion should not be set/],
    [
      "another namespace",
      podsPath,
      pod("x", {}, { namespace: "kube-system" }),
      400,
      /namespace of the provided object/,
    ],
    ["another kind", podsPath, { apiVersion: "v1", kind: "Node", metadata: { name: "x" } }, 400, /Kind=Node/],
    [
      "an event in another namespace than its object",
      "/api/v1/namespaces/kube-system/events",
      { metadata: { name: "e" }, involvedObject: { kind: "Pod", namespace: "default", name: "p" } },
      422,
      /does not match event.namespace/,
    ],
  ] as const)
    test(`refused: ${name}`, async (t) => {
      const { send } = await start(t);
      await send("POST", podsPath, pod("there"));
      const answer = await send("POST", path, body);
      assert.equal(answer.code, code);
      assert.match(textAt(answer.body, "message"), message);
      assert.equal(valueAt(answer.body, "code"), code);
    });

  test("generateName gets five characters", async (t) => {
    const { send } = await start(t);
    const { body } = await send("POST", podsPath, pod("", {}, { generateName: "job-" }));
    assert.match(textAt(body, "metadata", "name"), /^job-[a-z0-9]{5}$/);
  });

  test("a new node is tainted as not ready, and keeps the status that it was created with", async (t) => {
    const { send } = await start(t);
    const { body } = await send("POST", "/api/v1/nodes", {
      metadata: { name: "n" },
      status: { capacity: { cpu: "1" } },
    });
    assert.deepEqual(listAt(body, "spec", "taints"), [
      { key: "node.kubernetes.io/not-ready", effect: "NoSchedule" },
    ]);
    assert.deepEqual(valueAt(body, "status", "capacity"), { cpu: "1" });
  });

  test("dryRun creates nothing", async (t) => {
    const { send, cluster } = await start(t);
    assert.equal((await send("POST", `${podsPath}?dryRun=All`, pod("web"))).code, 201);
    assert.equal(cluster.find("pods", "default", "web"), undefined);
  });
});

describe("updates", () => {
  test("of the status: the spec stays, labels change, the generation does not", async (t) => {
    const { send } = await start(t);
    await send("POST", podsPath, pod("web"));
    const patch = { metadata: { labels: { a: "b" } }, spec: { nodeName: "x" }, status: { phase: "Running" } };
    const { code, body } = await send("PATCH", `${podsPath}/web/status`, patch, strategic);
    assert.equal(code, 200);
    assert.equal(textAt(body, "status", "phase"), "Running");
    assert.equal(textAt(body, "status", "qosClass"), "BestEffort");
    assert.equal(valueAt(body, "spec", "nodeName"), undefined);
    assert.equal(textAt(body, "metadata", "labels", "a"), "b");
    assert.equal(valueAt(body, "metadata", "generation"), 1);
  });

  test("of the object: the status stays, an image may change and counts, other fields may not", async (t) => {
    const { send } = await start(t);
    await send("POST", podsPath, pod("web"));
    const image = {
      spec: { containers: [{ name: "main", image: "busybox:2" }] },
      status: { phase: "Running" },
    };
    const { body } = await send("PATCH", `${podsPath}/web`, image, strategic);
    assert.equal(textAt(body, "status", "phase"), "Pending");
    assert.equal(valueAt(body, "metadata", "generation"), 2);
    const refused = await send("PATCH", `${podsPath}/web`, { spec: { hostNetwork: true } }, merge);
    assert.equal(refused.code, 422);
    assert.match(textAt(refused.body, "message"), /pod updates may not change fields other than/);
  });

  test("one that changes nothing has no new version", async (t) => {
    const { send } = await start(t);
    const created = await send("POST", podsPath, pod("web"));
    const patched = await send(
      "PATCH",
      `${podsPath}/web/status`,
      { status: { phase: "Pending" } },
      strategic,
    );
    assert.deepEqual(patched.body, created.body);
  });

  test("of an older version: 409", async (t) => {
    const { send } = await start(t);
    const { body: created } = await send("POST", podsPath, pod("web"));
    await send("PATCH", `${podsPath}/web`, { metadata: { labels: { a: "1" } } }, merge);
    const put = await send("PUT", `${podsPath}/web`, created);
    assert.deepEqual([put.code, textAt(put.body, "reason")], [409, "Conflict"]);
    const { resourceVersion } = created.metadata as JsonObject;
    const patch = await send(
      "PATCH",
      `${podsPath}/web`,
      { metadata: { resourceVersion, labels: { a: "2" } } },
      merge,
    );
    assert.equal(patch.code, 409);
  });

  test("of another uid: 422 for a patch, 409 for an update", async (t) => {
    const { send } = await start(t);
    const { body: created } = await send("POST", podsPath, pod("web"));
    const other = { ...(created.metadata as JsonObject), uid: "other", resourceVersion: "" };
    const patch = await send("PATCH", `${podsPath}/web/status`, { metadata: { uid: "other" } }, strategic);
    assert.equal(patch.code, 422);
    assert.match(textAt(patch.body, "message"), /metadata.uid: .*field is immutable/);
    assert.equal((await send("PUT", `${podsPath}/web`, { ...created, metadata: other })).code, 409);
  });

  test("a lease must name its version, and an update creates a missing one", async (t) => {
    const { send } = await start(t);
    const path = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n";
    const lease = { metadata: { name: "n" }, spec: { holderIdentity: "n", leaseDurationSeconds: 40 } };
    const created = await send("PUT", path, lease);
    assert.equal(textAt(created.body, "metadata", "namespace"), "kube-node-lease");
    const unversioned = await send("PUT", path, lease);
    assert.equal(unversioned.code, 422);
    assert.match(textAt(unversioned.body, "message"), /must be specified for an update/);
    assert.equal((await send("PUT", path, { ...created.body, spec: { holderIdentity: "m" } })).code, 200);
  });

  test("binding: sets the node and the condition, once", async (t) => {
    const { send, cluster } = await start(t);
    await send("POST", podsPath, pod("web"));
    const binding = {
      apiVersion: "v1",
      kind: "Binding",
      metadata: { name: "web" },
      target: { kind: "Node", name: "n" },
    };
    assert.equal((await send("POST", `${podsPath}/web/binding`, binding)).code, 201);
    const stored = cluster.pod("web");
    assert.equal(stored.spec?.nodeName, "n");
    assert.deepEqual(
      stored.status.conditions?.map(({ type, status }) => [type, status]),
      [["PodScheduled", "True"]],
    );
    assert.equal((await send("POST", `${podsPath}/web/binding`, binding)).code, 409);
  });

  test("resize changes resources only, and counts", async (t) => {
    const { send } = await start(t);
    await send("POST", podsPath, pod("web"));
    const resources = { requests: { cpu: "200m" }, limits: { cpu: "300m" } };
    const patch = { spec: { containers: [{ name: "main", resources }] } };
    const { code, body } = await send("PATCH", `${podsPath}/web/resize`, patch, strategic);
    assert.equal(code, 200);
    assert.deepEqual(valueAt(listAt(body, "spec", "containers")[0], "resources"), resources);
    assert.equal(valueAt(body, "metadata", "generation"), 2);
    const other = { spec: { containers: [{ name: "main", image: "x" }] } };
    assert.equal((await send("PATCH", `${podsPath}/web/resize`, other, strategic)).code, 422);
    assert.equal((await send("PATCH", `${podsPath}/web`, patch, strategic)).code, 200, "nothing changed");
  });

  test("ephemeral containers are added, and neither changed nor removed", async (t) => {
    const { send } = await start(t);
    await send("POST", podsPath, pod("web"));
    const path = `${podsPath}/web/ephemeralcontainers`;
    const add = { spec: { ephemeralContainers: [{ name: "debug", image: "busybox" }] } };
    const { code, body } = await send("PATCH", path, add, strategic);
    assert.equal(code, 200);
    assert.equal(textAt(listAt(body, "spec", "ephemeralContainers")[0], "imagePullPolicy"), "Always");
    const change = { spec: { ephemeralContainers: [{ name: "debug", image: "other" }] } };
    assert.equal((await send("PATCH", path, change, strategic)).code, 422);
    const removal = { spec: { ephemeralContainers: null } };
    assert.equal((await send("PATCH", path, removal, strategic)).code, 422);
  });

  test("server-side apply, YAML and protobuf are refused: 415", async (t) => {
    const { send } = await start(t);
    await send("POST", podsPath, pod("web"));
    assert.equal((await send("PATCH", `${podsPath}/web`, {}, "application/apply-patch+yaml")).code, 415);
    assert.equal((await send("POST", podsPath, {}, "application/vnd.kubernetes.protobuf")).code, 415);
  });
});

describe("deletion", () => {
  const bound = pod("web", { nodeName: "n", terminationGracePeriodSeconds: 20 });

  test("a Pod without a node, or one that has ended, vanishes at once", async (t) => {
    const { send, cluster } = await start(t);
    await send("POST", podsPath, pod("web"));
    assert.equal((await send("DELETE", `${podsPath}/web`)).code, 200);
    assert.equal(cluster.find("pods", "default", "web"), undefined);
    await send("POST", podsPath, bound);
    await send("PATCH", `${podsPath}/web/status`, { status: { phase: "Succeeded" } }, strategic);
    await send("DELETE", `${podsPath}/web`);
    assert.equal(cluster.find("pods", "default", "web"), undefined);
  });

  test("a Pod on a node waits for its grace period; a later deletion can only shorten it", async (t) => {
    const { send } = await start(t);
    await send("POST", podsPath, bound);
    const first = await send("DELETE", `${podsPath}/web`);
    assert.equal(valueAt(first.body, "metadata", "deletionGracePeriodSeconds"), 20);
    assert.equal(valueAt(first.body, "metadata", "generation"), 2);
    const at = Date.parse(textAt(first.body, "metadata", "deletionTimestamp"));
    const longer = await send("DELETE", `${podsPath}/web`, { gracePeriodSeconds: 60 });
    assert.deepEqual(longer.body, first.body);
    const shorter = await send("DELETE", `${podsPath}/web?gracePeriodSeconds=5`);
    assert.equal(valueAt(shorter.body, "metadata", "deletionGracePeriodSeconds"), 5);
    assert.equal(Date.parse(textAt(shorter.body, "metadata", "deletionTimestamp")), at - 15_000);
  });

  test("a grace period of 0 removes it, and its uid is a precondition", async (t) => {
    const { send, cluster } = await start(t);
    const { body: created } = await send("POST", podsPath, bound);
    await send("DELETE", `${podsPath}/web`);
    const options = (uid: string): object => ({ gracePeriodSeconds: 0, preconditions: { uid } });
    const wrong = await send("DELETE", `${podsPath}/web`, options("other"));
    assert.equal(wrong.code, 409);
    assert.match(textAt(wrong.body, "message"), /UID in precondition: other/);
    assert.equal(
      (await send("DELETE", `${podsPath}/web`, options(textAt(created, "metadata", "uid")))).code,
      200,
    );
    assert.equal(cluster.find("pods", "default", "web"), undefined);
    assert.equal((await send("DELETE", `${podsPath}/web`)).code, 404);
  });

  test("finalizers hold an object until they are removed", async (t) => {
    const { send, cluster } = await start(t);
    await send("POST", podsPath, pod("web", {}, { finalizers: ["test/hold"] }));
    await send("DELETE", `${podsPath}/web`);
    assert.ok(cluster.find("pods", "default", "web")?.metadata.deletionTimestamp);
    await send("PATCH", `${podsPath}/web`, { metadata: { finalizers: null } }, merge);
    assert.equal(cluster.find("pods", "default", "web"), undefined);
  });

  test("an eviction deletes with the grace period", async (t) => {
    const { send, cluster } = await start(t);
    await send("POST", podsPath, bound);
    const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name: "web" } };
    assert.equal((await send("POST", `${podsPath}/web/eviction`, eviction)).code, 201);
    assert.equal(cluster.find("pods", "default", "web")?.metadata.deletionGracePeriodSeconds, 20);
  });

  test("a collection is deleted by selector", async (t) => {
    const { send, cluster } = await start(t);
    for (const name of ["a", "b", "c"])
      await send("POST", podsPath, pod(name, {}, { labels: { app: name } }));
    const { body } = await send("DELETE", `${podsPath}?labelSelector=app in (a,b)`);
    assert.equal(listAt(body, "items").length, 2);
    assert.deepEqual(
      cluster.list("pods").map(({ metadata }) => metadata.name),
      ["c"],
    );
  });

  test("a namespace goes when its last object is gone, and takes nothing new until then", async (t) => {
    const { send, cluster } = await start(t);
    await send("POST", "/api/v1/namespaces", { metadata: { name: "team" } });
    assert.deepEqual(cluster.list("serviceaccounts", "team").length, 1);
    assert.ok(cluster.find("configmaps", "team", "kube-root-ca.crt"));
    await send("POST", "/api/v1/namespaces/team/pods", pod("web", { nodeName: "n" }));
    await send("DELETE", "/api/v1/namespaces/team");
    assert.equal(cluster.find("configmaps", "team", "kube-root-ca.crt"), undefined);
    assert.ok(cluster.find("pods", "team", "web")?.metadata.deletionTimestamp);
    assert.equal((await send("POST", "/api/v1/namespaces/team/pods", pod("late"))).code, 403);
    await send("DELETE", "/api/v1/namespaces/team/pods/web?gracePeriodSeconds=0");
    assert.equal(cluster.find("namespaces", "", "team"), undefined);
  });
});
