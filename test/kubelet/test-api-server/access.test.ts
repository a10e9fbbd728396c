// Who may do what on the tests' API server: certificates, tokens, reviews, and the rules for nodes.
import assert from "node:assert/strict";
import { Agent, request } from "node:https";
import { describe, type TestContext, test } from "node:test";
import { type AccessRule, startTestCluster, type TestCluster } from "../../support/api-server/index.js";
import { type JsonObject, listAt, numberAt, textAt, valueAt } from "../../support/api-server/json.js";

interface Identity {
  readonly cert?: string;
  readonly key?: string;
  readonly token?: string;
}

type Send = (
  method: string,
  path: string,
  body?: object,
) => Promise<{ readonly code: number; readonly body: JsonObject }>;

function sender(cluster: TestCluster, { cert, key, token }: Identity): Send {
  return (method, path, body) =>
    new Promise((resolve, reject) => {
      const tls = { ca: cluster.server.ca.cert, cert, key, agent: new Agent({ keepAlive: false }) };
      const headers = {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        "content-type": method === "PATCH" ? "application/merge-patch+json" : "application/json",
      };
      const sent = request(cluster.server.url + path, { method, headers, ...tls }, (answer) => {
        let text = "";
        answer.setEncoding("utf8").on("data", (part: string) => {
          text += part;
        });
        answer.on("end", () =>
          resolve({ code: answer.statusCode ?? 0, body: JSON.parse(text) as JsonObject }),
        );
      });
      sent.on("error", reject);
      sent.end(body && JSON.stringify(body));
    });
}

async function asNode(cluster: TestCluster, name: string): Promise<Send> {
  return sender(cluster, await cluster.server.ca.client(`system:node:${name}`, ["system:nodes"]));
}

async function asAdmin(cluster: TestCluster): Promise<Send> {
  return sender(cluster, await cluster.server.ca.client("root", ["system:masters"]));
}

function start(
  t: TestContext,
  options: { rules?: readonly AccessRule[]; nodeAuthorizer?: boolean } = {},
): Promise<TestCluster> {
  return startTestCluster(t, options);
}

const web = {
  metadata: { name: "web" },
  spec: {
    nodeName: "n1",
    containers: [
      { name: "main", image: "busybox", envFrom: [{ configMapRef: { name: "settings" } }] },
      {
        name: "other",
        image: "busybox",
        env: [{ name: "X", valueFrom: { secretKeyRef: { name: "key", key: "k" } } }],
      },
    ],
    volumes: [
      { name: "v", projected: { sources: [{ secret: { name: "projected" } }] } },
      { name: "s", secret: { secretName: "mounted" } },
    ],
    imagePullSecrets: [{ name: "pull" }],
  },
};

describe("authentication", () => {
  test("a certificate of the authority names its user and groups", async (t) => {
    const cluster = await start(t);
    const send = sender(cluster, await cluster.server.ca.client("jane", ["developers"]));
    const review = { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" };
    const refused = await send("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", review);
    assert.equal(refused.code, 403);
    assert.match(textAt(refused.body, "message"), /User "jane" cannot create resource "selfsubjectreviews"/);
    const admin = await asAdmin(cluster);
    const { code, body } = await admin("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", review);
    assert.equal(code, 201);
    assert.deepEqual(valueAt(body, "status", "userInfo"), {
      username: "root",
      groups: ["system:masters", "system:authenticated"],
    });
  });

  test("no credentials: 403, but for public paths; a wrong token: 401", async (t) => {
    const cluster = await start(t);
    assert.equal((await sender(cluster, {})("GET", "/api/v1/pods")).code, 403);
    assert.equal((await sender(cluster, {})("GET", "/version")).code, 200);
    assert.equal((await sender(cluster, { token: "no" })("GET", "/version")).code, 401);
  });
});

describe("tokens of service accounts", () => {
  const path = "/api/v1/namespaces/default/serviceaccounts/default/token";
  const bound = (uid: string): object => ({
    spec: {
      audiences: ["vault"],
      expirationSeconds: 3607,
      boundObjectRef: { kind: "Pod", apiVersion: "v1", name: "web", uid },
    },
  });

  test("a token is bound to its pod, and reviewed for its audience", async (t) => {
    const cluster = await start(t);
    const pod = cluster.createPod(web);
    const send = await asAdmin(cluster);
    const { code, body } = await send("POST", path, bound(pod.metadata.uid));
    assert.equal(code, 201);
    const token = textAt(body, "status", "token");
    const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as JsonObject;
    assert.equal(textAt(claims, "sub"), "system:serviceaccount:default:default");
    assert.equal(textAt(claims, "kubernetes.io", "pod", "uid"), pod.metadata.uid);
    assert.equal(numberAt(claims, "exp"), Date.parse(textAt(body, "status", "expirationTimestamp")) / 1000);

    const review = async (audiences?: string[]): Promise<JsonObject> =>
      (await send("POST", "/apis/authentication.k8s.io/v1/tokenreviews", { spec: { token, audiences } }))
        .body;
    const answer = await review(["vault"]);
    assert.equal(valueAt(answer, "status", "authenticated"), true);
    assert.equal(textAt(answer, "status", "user", "username"), "system:serviceaccount:default:default");
    assert.deepEqual(listAt(answer, "status", "audiences"), ["vault"]);
    assert.equal(valueAt(await review(), "status", "authenticated"), false);
    cluster.delete("pods", "default", "web", { gracePeriodSeconds: 0 });
    assert.equal(valueAt(await review(["vault"]), "status", "authenticated"), false);
  });

  test("refused: another uid, an unknown pod or account, and less than ten minutes", async (t) => {
    const cluster = await start(t);
    cluster.createPod(web);
    const send = await asAdmin(cluster);
    assert.equal((await send("POST", path, bound("other"))).code, 409);
    assert.equal((await send("POST", path.replace("/default/token", "/no/token"), {})).code, 404);
    assert.equal((await send("POST", path, { spec: { expirationSeconds: 60 } })).code, 422);
    cluster.delete("pods", "default", "web", { gracePeriodSeconds: 0 });
    assert.equal((await send("POST", path, bound("other"))).code, 404);
  });

  test("a token that has expired is not authenticated", async (t) => {
    const cluster = await start(t);
    cluster.server.tokens.lifetimeSeconds = 0;
    const send = await asAdmin(cluster);
    const { body } = await send("POST", path, { spec: {} });
    const token = textAt(body, "status", "token");
    assert.equal((await sender(cluster, { token })("GET", "/version")).code, 401);
  });
});

test("SubjectAccessReview answers by the rules, and the server follows them itself", async (t) => {
  const metrics = "system:serviceaccount:kube-system:metrics-server";
  const rules = [
    { subjects: [metrics], verbs: ["get"], resources: ["nodes/metrics"] },
    { subjects: ["readers"], verbs: ["get", "list"], resources: ["pods"], namespace: "default" },
    { subjects: ["system:authenticated"], verbs: ["get"], paths: ["/api/*"] },
  ];
  const cluster = await start(t, { rules });
  const send = await asAdmin(cluster);
  const asked = async (user: string, groups: string[], resourceAttributes: object): Promise<unknown> => {
    const spec = { user, groups, resourceAttributes };
    const { body } = await send("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", { spec });
    return valueAt(body, "status", "allowed");
  };
  assert.equal(
    await asked(metrics, [], { verb: "get", resource: "nodes", subresource: "metrics", name: "n" }),
    true,
  );
  assert.equal(
    await asked(metrics, [], { verb: "get", resource: "nodes", subresource: "proxy", name: "n" }),
    false,
  );
  assert.equal(await asked("x", ["readers"], { verb: "list", resource: "pods", namespace: "default" }), true);
  assert.equal(await asked("x", ["readers"], { verb: "list", resource: "pods", namespace: "other" }), false);
  assert.equal(await asked("x", ["system:masters"], { verb: "delete", resource: "nodes" }), true);
  cluster.server.tokens.add("reader", { name: "x", groups: ["readers"] });
  const reader = sender(cluster, { token: "reader" });
  assert.equal((await reader("GET", "/api/v1/namespaces/default/pods")).code, 200);
  assert.equal((await reader("GET", "/api/v1/namespaces/kube-system/pods")).code, 403);
  assert.equal((await reader("GET", "/api/v1")).code, 200);
});

test("nodes may do what the Node authorizer allows", async (t) => {
  const cluster = await start(t, { nodeAuthorizer: true });
  cluster.createPod(web);
  cluster.createPod({
    ...web,
    metadata: { name: "elsewhere" },
    spec: { ...web.spec, nodeName: "n2", imagePullSecrets: [{ name: "theirs" }] },
  });
  for (const name of ["key", "projected", "mounted", "pull", "theirs"])
    cluster.create({ apiVersion: "v1", kind: "Secret", metadata: { name } });
  cluster.create({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "settings" } });
  const send = await asNode(cluster, "n1");
  const pods = "/api/v1/namespaces/default/pods";
  const secret = (name: string): string =>
    `/api/v1/namespaces/default/secrets?fieldSelector=metadata.name=${name}`;
  const token = "/api/v1/namespaces/default/serviceaccounts/default/token";
  const allowed: readonly [method: string, path: string, body?: object][] = [
    ["POST", "/api/v1/nodes", { metadata: { name: "n1" } }],
    ["GET", "/api/v1/nodes/n1"],
    ["PATCH", "/api/v1/nodes/n1/status", { status: { capacity: { cpu: "1" } } }],
    ["GET", "/api/v1/pods?fieldSelector=spec.nodeName=n1"],
    ["GET", `${pods}/web`],
    ["PATCH", `${pods}/web/status`, { status: { phase: "Running" } }],
    ["GET", secret("key")],
    ["GET", secret("projected")],
    ["GET", secret("mounted")],
    ["GET", secret("pull")],
    ["GET", "/api/v1/namespaces/default/configmaps/settings"],
    ["GET", "/api/v1/namespaces/default/configmaps/kube-root-ca.crt"],
    ["GET", "/api/v1/services?fieldSelector=spec.clusterIP!=None"],
    ["GET", "/apis/node.k8s.io/v1/runtimeclasses"],
    ["POST", "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases", { metadata: { name: "n1" } }],
    ["POST", "/apis/storage.k8s.io/v1/csinodes", { metadata: { name: "n1" } }],
    [
      "POST",
      "/api/v1/namespaces/default/events",
      { metadata: { name: "e" }, involvedObject: { namespace: "default" } },
    ],
    ["POST", token, {}],
    ["POST", "/apis/authentication.k8s.io/v1/tokenreviews", { spec: { token: "x" } }],
    ["DELETE", "/apis/resource.k8s.io/v1/resourceslices?fieldSelector=spec.nodeName=n1"],
    ["DELETE", `${pods}/web?gracePeriodSeconds=0`],
  ];
  for (const [method, path, body] of allowed) {
    const answer = await send(method, path, body);
    assert.ok(answer.code < 300, `${method} ${path}: ${answer.code} ${textAt(answer.body, "message")}`);
  }
  const refused: readonly [method: string, path: string, body?: object][] = [
    ["GET", "/api/v1/nodes"],
    ["GET", "/api/v1/nodes/n2"],
    ["PATCH", "/api/v1/nodes/n2/status", {}],
    ["GET", "/api/v1/pods"],
    ["GET", "/api/v1/pods?fieldSelector=spec.nodeName=n2"],
    ["GET", `${pods}/elsewhere`],
    ["PATCH", `${pods}/elsewhere/status`, {}],
    ["PATCH", `${pods}/elsewhere`, {}],
    ["DELETE", `${pods}/elsewhere`],
    ["GET", secret("theirs")],
    // The pod that used it is gone.
    ["GET", secret("key")],
    ["POST", token, {}],
    ["GET", "/api/v1/namespaces/default/secrets"],
    ["DELETE", "/api/v1/nodes/n1"],
    ["GET", "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n2"],
    ["GET", "/apis/apps/v1/deployments"],
    ["POST", `${pods}/elsewhere/exec`],
  ];
  for (const [method, path, body] of refused) {
    const answer = await send(method, path, body);
    assert.equal(answer.code, 403, `${method} ${path}`);
  }
  assert.ok(cluster.requests({ user: "system:node:n1", code: 403 }).every((entry) => entry.refusal));
});
